//go:build !purego

package mask

import "github.com/pushwire/pushwire/internal/cpu"

// The kernels of mask_amd64.s, each faster than those before it.
const (
	kernelSSE2 = iota
	kernelAVX2
	kernelAVX512
)

// kernel is the one in use. It is set before main; only tests change it.
//
//lint:ignore U1000 mask_amd64.s reads it
var kernel = best()

func best() uint8 {
	switch {
	case cpu.AVX512:
		return kernelAVX512
	case cpu.AVX2:
		return kernelAVX2
	}
	return kernelSSE2
}

// implementations are all that this build has, the plainest first.
var implementations = []implementation{
	{name: "generic", xor: xorGeneric, copyXOR: copyGeneric},
	assembly("sse2", kernelSSE2, ""), // a part of amd64
	assembly("avx2", kernelAVX2, "this CPU lacks AVX2, or the system does not save its registers"),
	assembly("avx512", kernelAVX512, "this CPU lacks AVX-512 as of Ice Lake, or the system does not save its registers"),
}

func assembly(name string, k uint8, missing string) implementation {
	if k <= best() {
		missing = ""
	}
	return implementation{name: name, missing: missing,
		xor: func(p []byte, key uint32) {
			kernel = k
			xor(p, key)
			kernel = best()
		},
		copyXOR: func(dst, src []byte, key uint32) {
			kernel = k
			copyXOR(dst, src, key)
			kernel = best()
		},
	}
}

//go:noescape
func xor(p []byte, key uint32)

//go:noescape
func copyXOR(dst, src []byte, key uint32)
