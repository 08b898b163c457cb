//go:build !purego

package utf8scan

import "github.com/pushwire/pushwire/internal/cpu"

// vectors says that there is a kernel for this processor.
var vectors = cpu.SSSE3

var implementations = []implementation{
	{"ssse3", map[bool]string{false: "this CPU lacks SSSE3"}[cpu.SSSE3], scanSSSE3},
	{"avx2", map[bool]string{false: "this CPU lacks AVX2, or the system does not save its registers"}[cpu.AVX2], scanAVX2},
}

func scan(p []byte) bool {
	if cpu.AVX2 {
		return scanAVX2(p)
	}
	return scanSSSE3(p)
}

//go:noescape
func scanSSSE3(p []byte) bool

//go:noescape
func scanAVX2(p []byte) bool
