package deflate

import (
	"encoding/binary"
	"slices"
)

// A bitWriter appends bits to out, the first one lowest (RFC 1951, 3.1.1). Of
// acc, n bits wait that do not fill a byte yet: 0 to 7 between calls.
type bitWriter struct {
	out []byte
	acc uint64
	n   uint
}

// reserve makes room for so many bits and for the word that a store writes
// beyond them, and returns the memory behind out.
func (w *bitWriter) reserve(bits int) []byte {
	w.out = slices.Grow(w.out, bits/8+16)
	return w.out[len(w.out):cap(w.out)]
}

// storedHeader writes the header of a stored block of n bytes, which are to
// follow at once, and leaves the writer at a byte boundary.
//
// RFC 1951, 3.2.4: "Any bits of input up to the next byte boundary are
// ignored. The rest of the block consists of the following information:
// LEN NLEN".
func (w *bitWriter) storedHeader(n int) {
	// BFINAL 0 and BTYPE 00: three zero bits.
	w.n += 3
	for range (w.n + 7) / 8 {
		w.out = append(w.out, byte(w.acc))
		w.acc >>= 8
	}
	w.acc, w.n = 0, 0
	w.out = binary.LittleEndian.AppendUint16(w.out, uint16(n))
	w.out = binary.LittleEndian.AppendUint16(w.out, ^uint16(n))
}

// A bitCursor writes bits into memory that was reserved: the state of a
// bitWriter in local variables.
type bitCursor struct {
	mem []byte
	at  int
	acc uint64
	n   uint
}

// add puts the n low bits of v, of which no others are set, behind what is
// there. Between two calls of flush, 57 bits can be added.
func (c *bitCursor) add(v uint64, n uint) {
	c.acc |= v << (c.n & 63)
	c.n += n
}

func (c *bitCursor) flush() {
	binary.LittleEndian.PutUint64(c.mem[c.at:c.at+8:c.at+8], c.acc)
	c.at += int(c.n >> 3)
	c.acc >>= c.n & 56
	c.n &= 7
}
