package mask

import (
	"encoding/binary"
	"math/bits"
)

// XOR masks or unmasks p, which is modified in place. pos is where in the key
// the first byte of p falls, 0 at the start of a payload; XOR returns the pos
// (0 to 3) of the byte after p, so that a payload can be given in pieces.
//
// RFC 6455, 5.3: "Octet i of the transformed data ("transformed-octet-i") is
// the XOR of octet i of the original data ("original-octet-i") with octet at
// index i modulo 4 of the masking key".
func XOR(p []byte, key [4]byte, pos int) int {
	// That is rotate(key, pos), whose call alone would make XOR too long to be
	// inlined. Inlined it saves a call and, because arrays are not passed in
	// registers, a detour of the key: 1.3 times as quick for 125 bytes.
	xor(p, bits.RotateLeft32(binary.LittleEndian.Uint32(key[:]), -8*pos))
	return (pos + len(p)) & 3
}

// Copy is [XOR] from src to the first len(src) bytes of dst, in one pass. src
// is not modified and what is behind those bytes of dst is not touched. dst
// and src may be the same memory from their first byte on, or not overlap at
// all; with any other overlap the result is undefined. Copy panics when dst
// is shorter than src.
func Copy(dst, src []byte, key [4]byte, pos int) int {
	if len(dst) < len(src) {
		panic("mask: Copy: dst is shorter than src")
	}
	copyXOR(dst[:len(src)], src, rotate(key, pos))
	return (pos + len(src)) & 3
}

// rotate returns the key as a little-endian word whose lowest byte meets the
// first byte of the data. Only the two low bits of pos count.
func rotate(key [4]byte, pos int) uint32 {
	return bits.RotateLeft32(binary.LittleEndian.Uint32(key[:]), -8*pos)
}

// implementation is one way to mask. Each file that has one adds it to
// implementations, and tests and fuzz targets run on all of them.
type implementation struct {
	name    string
	missing string // why this machine cannot run it, or ""

	// xor masks p in place. copyXOR masks src into dst, which has the same
	// length and is either the same memory or does not overlap. key is as
	// rotate returns it.
	xor     func(p []byte, key uint32)
	copyXOR func(dst, src []byte, key uint32)
}
