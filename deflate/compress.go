package deflate

import "fmt"

const (
	compressMinLevel = 1
	compressMaxLevel = 9

	// compressBlock is the most input (bytes) in one block. A table of codes
	// costs 60 to 90 bytes, 0.3 % of a block of text; longer blocks cost
	// memory, and follow changing data less well.
	compressBlock = 32 << 10

	// compressSlack is how many zero bytes follow the data in the buffer, so
	// that a word of 8 bytes can be loaded at each position.
	compressSlack = 8

	growStep = 256 // elements by which buffers grow
)

// A Compressor compresses messages one after the other. It keeps nothing
// between calls that matters, only tables and buffers to use again, so that
// one from a pool serves any connection: what a connection has to keep is its
// history (see [AppendHistory]), and nothing at all without context takeover.
//
// The zero value is ready. Memory is taken as it is needed and kept:
//
//	level 1, messages and window of 4 KiB      64 KiB
//	any level, messages and window of 4 KiB   152 KiB
//	level 1, any message and window           144 KiB
//	levels 1 to 7, any message and window     272 KiB
//	any level, message and window             352 KiB
//
// A copy of the last message and its history stays in those buffers until
// another overwrites it; nothing of it gets into other messages.
//
// A Compressor must not be used by two goroutines at once.
type Compressor struct {
	match matcher
	block blockEncoder
}

// Append compresses the slices of p, in order, as one piece of a message,
// appends the result to dst and returns it.
//
// history is what was compressed before in the same context; at most its last
// 1<<bits bytes count. It is neither modified nor retained. Without context
// takeover it is empty for the first piece of each message. dst must not
// overlap history or p.
//
// level runs from 1 (fast) to 9 (small); values outside are taken as the
// nearest, so that 0 is 1, the default. No match looks back further than
// 1<<bits bytes; Append panics unless bits is 8 to 15.
//
// last says that the piece ends the message. RFC 7692, 7.2.1: "Remove 4 octets
// (that are 0x00 0x00 0xff 0xff) from the tail end." Other pieces keep that
// end, so that the peer can inflate all that it has got.
//
// What is appended is at most n + 5*(n/12288 + 1) + 5 bytes for n bytes of
// input: data that does not shrink is stored. It depends on the arguments
// only, not on what z did before. Append allocates nothing but room in dst,
// once z has the memory that messages of this size need.
func (z *Compressor) Append(dst, history []byte, level, bits int, last bool, p ...[]byte) []byte {
	if bits < minBits || bits > maxBits {
		panic(fmt.Sprintf("deflate: Append: window of %d bits", bits))
	}
	level = min(max(level, compressMinLevel), compressMaxLevel)
	n := 0
	for _, s := range p {
		n += len(s)
	}
	w := bitWriter{out: dst}
	if n > 0 {
		z.match.start(history, level, bits, n)
		for _, s := range p {
			for len(s) > 0 {
				s = s[z.match.fill(s):]
				if z.match.full() {
					z.flush(&w)
				}
			}
		}
		z.flush(&w)
	}
	// RFC 7692, 7.2.1: "If the resulting data does not end with an empty
	// DEFLATE block with no compression (the "BTYPE" bits are set to 00),
	// append an empty DEFLATE block with no compression to the tail end."
	w.storedHeader(0)
	if last {
		w.out = w.out[:len(w.out)-4]
	}
	return w.out
}

// flush writes all data in the matcher's buffer.
func (z *Compressor) flush(w *bitWriter) {
	for z.match.pos < z.match.end {
		from := z.match.pos
		z.match.find()
		if z.match.effort.passes > 0 {
			z.match.improve(&z.block, from)
		}
		z.block.write(w, z.match.buf[from:z.match.pos], z.match.seqs)
	}
}

// AppendHistory appends the slices of p, in order, to window, cuts it to the
// last 1<<bits bytes and returns it: the history of the next [Compressor.Append]
// (or of an inflater). window is modified in place where its memory suffices;
// where not, it is replaced by memory of exactly 1<<bits bytes, which suffices
// from then on. p is not retained and must not overlap window.
func AppendHistory(window []byte, bits int, p ...[]byte) []byte {
	size := 1 << bits
	n := 0
	for _, s := range p {
		n += len(s)
	}
	keep := min(len(window), max(size-n, 0))
	old := window[len(window)-keep:]
	if need := min(keep+n, size); need > cap(window) {
		window = make([]byte, 0, size)
	}
	window = window[:copy(window[:keep], old)]
	skip := max(n-size, 0) // what falls out of the window at once
	for _, s := range p {
		k := min(skip, len(s))
		skip -= k
		window = append(window, s[k:]...)
	}
	return window
}

// growTo returns a slice of n elements, s's memory if it suffices. The
// contents are undefined. New memory is a little larger than asked for, so that
// messages that grow by a byte do not allocate each time.
func growTo[T any](s []T, n int) []T {
	if n > cap(s) {
		return make([]T, n, (n+growStep-1)&^(growStep-1))
	}
	return s[:n]
}
