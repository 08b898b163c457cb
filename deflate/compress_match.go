package deflate

import (
	"encoding/binary"
	"math/bits"
)

const (
	// minMatch is the shortest match that is looked for. Three bytes seldom
	// cost more as literals than as a length and a distance.
	minMatch = 4
	maxMatch = 258 // RFC 1951, 3.2.5
	leastLen = 3   // the shortest length that has a code

	// maxSeqs ends a block early, so that the memory for sequences is bounded
	// by 32 KiB. Such a block has 12 KiB of input or more.
	maxSeqs = 4096
	// mostSplit is the number of sequences for one match of a whole block.
	mostSplit = compressBlock/(maxMatch-leastLen) + 1

	// headBits is the logarithm of the most hash table entries.
	headBits = 14

	// maxBase is where positions start again from the bottom, as soon as the
	// buffer slides or another message begins. Until then they grow by less
	// than a buffer for each pass over it: far from 1<<32.
	maxBase = 1 << 31
)

// A sequence is a run of literals and the match that follows it.
type sequence struct {
	lits uint16 // number of literals: less than compressBlock
	dist uint16 // distance - 1
	len  uint8  // length - 3
	lsym uint8  // the symbol of the length - 257
	dsym uint8  // the symbol of the distance
}

// A matcher divides data into literals and matches. Data, and the history in
// front of it, lie in one buffer, which slides over long messages.
//
// Positions in the hash table are absolute: the index in buf plus base. base
// grows from message to message by more than what the messages have and the
// window, so that entries that other messages left are too far away to be
// taken, and the table is cleared only when the 32 bits are used up.
type matcher struct {
	buf   []byte // history, data, and compressSlack zeros behind end
	pos   int    // the data from here on has not been divided
	end   int    // of the data in buf
	limit int    // where end has to stop until the buffer slides
	base  uint32 // absolute position of buf[0]

	window int
	shift  uint // of the hash
	effort effort
	primed bool // the history is in the table

	head []uint32   // hash: absolute position of the last place
	long *longTable // the same for the hash of more bytes, the last two places
	prev []uint16   // place & mask: distance to the place before with the same hash
	seqs []sequence // result of find

	pricer *pricer // for levels that use it
}

// start takes the history of a piece of n bytes.
func (m *matcher) start(history []byte, level, bits, n int) {
	m.window = 1 << bits
	m.effort = efforts[level]
	if len(history) > m.window {
		history = history[len(history)-m.window:]
	}
	entries := 1 << fastBits
	switch m.effort.find {
	case findDouble:
		if m.long == nil {
			m.long = new(longTable)
		}
	case findChained:
		hashBits := min(max(bits, chainMinBits), headBits)
		m.shift = uint(64 - hashBits)
		entries = 1 << hashBits
		m.prev = growTo(m.prev, m.window)
	}
	if entries > len(m.head) {
		m.head = make([]uint32, entries) // not growTo: the rest must be zero
	}
	m.rebase(uint32(m.end))
	m.pos = len(history)
	size := m.pos + n
	if n > compressBlock {
		size = m.window + compressBlock
	}
	m.buf = growTo(m.buf, size+compressSlack)
	m.limit = m.pos + min(n, compressBlock)
	m.end = copy(m.buf, history)
	m.seqs = growTo(m.seqs, min(n/leastLen, maxSeqs)+mostSplit)[:0]
	m.primed = false
}

// rebase moves base on by n, and further so that nothing that is in the
// table now is within the window of any position to come.
func (m *matcher) rebase(n uint32) {
	if m.base >= maxBase {
		clear(m.head)
		if m.long != nil {
			clear(m.long[:])
		}
		m.base, n = 0, 0
	}
	m.base += n + uint32(m.window) + 1
}

// fill takes as much of p into the buffer as there is room for, and returns
// how much.
func (m *matcher) fill(p []byte) int {
	if m.end == m.limit {
		m.slide()
	}
	n := copy(m.buf[m.end:m.limit], p)
	m.end += n
	clear(m.buf[m.end : m.end+compressSlack])
	return n
}

// full says that all data in the buffer should be divided now.
func (m *matcher) full() bool { return m.end == m.limit }

// slide drops all but the window from the buffer. No data waits in it.
func (m *matcher) slide() {
	keep := min(m.window, m.end)
	gone := m.end - keep
	copy(m.buf, m.buf[gone:m.end])
	if m.base >= maxBase {
		m.rebase(0) // the window's places are forgotten
	} else {
		m.base += uint32(gone)
	}
	m.pos, m.end, m.limit = keep, keep, keep+compressBlock
}

// find divides the data from pos on into m.seqs, and literals after the last
// of them, and moves pos behind what it divided: all, or maxSeqs sequences.
func (m *matcher) find() {
	m.seqs = m.seqs[:0]
	if !m.primed {
		m.prime()
		m.primed = true
	}
	switch m.effort.find {
	case findFast:
		m.findFast()
	case findDouble:
		m.findDouble()
	case findChained:
		m.findChained()
	}
}

// hashPrime spreads the bytes of a word over the bits above. It is near 2^64
// divided by the golden ratio.
const hashPrime = 0x9E3779B185EBCA87

func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8 : i+8]) }
func load32(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i : i+4 : i+4]) }

// extend returns how many bytes at i and at j < i are the same, up to end.
func extend(b []byte, i, j, end int) int {
	from := i
	for i+8 <= end {
		if x := load64(b, i) ^ load64(b, j); x != 0 {
			return i - from + bits.TrailingZeros64(x)>>3
		}
		i += 8
		j += 8
	}
	for i < end && b[i] == b[j] {
		i++
		j++
	}
	return i - from
}

// extendBack returns how many bytes before i and before j < i are the same, at
// most limit, which keeps it in the buffer.
func extendBack(b []byte, i, j, limit int) int {
	limit = min(limit, j)
	n := 0
	for j-n >= 8 {
		k := bits.LeadingZeros64(load64(b, i-n-8)^load64(b, j-n-8)) >> 3
		if n += k; k < 8 || n >= limit {
			return min(n, limit)
		}
	}
	for n < limit && b[i-n-1] == b[j-n-1] {
		n++
	}
	return n
}

// emit appends a match of any length behind a run of literals.
func (m *matcher) emit(lits, length, dist int) {
	d := uint16(dist - 1)
	s := sequence{lits: uint16(lits), dist: d, dsym: distSymbol(d)}
	for length > maxMatch {
		n := min(maxMatch, length-leastLen)
		s.len = uint8(n - leastLen)
		s.lsym = lengthSymbols[s.len]
		m.seqs = append(m.seqs, s)
		length -= n
		s.lits = 0
	}
	s.len = uint8(length - leastLen)
	s.lsym = lengthSymbols[s.len]
	m.seqs = append(m.seqs, s)
}

// prime enters the history into the table.
func (m *matcher) prime() {
	switch m.effort.find {
	case findFast:
		m.primeFast()
	case findDouble:
		m.primeDouble()
	case findChained:
		m.primeChained()
	}
}
