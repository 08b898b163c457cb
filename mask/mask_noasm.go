//go:build purego || !(amd64 || arm64)

package mask

// implementations are all that this build has, the plainest first.
var implementations = []implementation{
	{name: "generic", xor: xorGeneric, copyXOR: copyGeneric},
}

// The fastest implementation is called directly, not through a variable: a
// call that the compiler cannot see through makes its arguments escape.

func xor(p []byte, key uint32) { xorGeneric(p, key) }

func copyXOR(dst, src []byte, key uint32) { copyGeneric(dst, src, key) }
