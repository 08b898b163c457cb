//go:build !purego

package mask

// implementations are all that this build has, the plainest first.
var implementations = []implementation{
	{name: "generic", xor: xorGeneric, copyXOR: copyGeneric},
	{name: "neon", xor: xor, copyXOR: copyXOR}, // a part of arm64
}

//go:noescape
func xor(p []byte, key uint32)

//go:noescape
func copyXOR(dst, src []byte, key uint32)
