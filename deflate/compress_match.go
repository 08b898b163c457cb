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

	// headBits is the logarithm of the number of hash table entries, which is
	// used in full by windows of 32 KiB; smaller ones use less of it, so that
	// it stays in the first-level cache: 16 KiB for a window of 4 KiB.
	headBits = 14

	// maxBase is where positions start again from the bottom. A message may
	// have gone on for so long as the rest of 32 bits allows at least.
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

	head *[1 << headBits]uint32 // hash: absolute position of the last place
	prev []uint16               // place & mask: distance to the place before with the same hash
	seqs []sequence             // result of find
}

// start takes the history of a piece of n bytes.
func (m *matcher) start(history []byte, level, bits, n int) {
	m.window = 1 << bits
	m.effort = efforts[level]
	if len(history) > m.window {
		history = history[len(history)-m.window:]
	}
	m.shift = uint(64 - min(max(bits, 10), headBits))
	if m.head == nil {
		m.head = new([1 << headBits]uint32)
	}
	if m.effort.depth > 1 {
		m.prev = growTo(m.prev, m.window)
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
		clear(m.head[:])
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
	if m.effort.depth > 1 {
		m.findChained()
	} else {
		m.findFast()
	}
}

// hash takes the 5 low bytes of v.
func hash5(v uint64, shift uint) uint64 {
	return (v << 24 * 0x9E3779B185EBCA87) >> (shift & 63) & (1<<headBits - 1)
}

func hash4(v uint64, shift uint) uint64 {
	return (v << 32 * 0x9E3779B185EBCA87) >> (shift & 63) & (1<<headBits - 1)
}

func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }
func load32(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }

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

// emit appends a match of any length behind a run of literals.
func (m *matcher) emit(lits, length, dist int) {
	d := uint16(dist - 1)
	s := sequence{lits: uint16(lits), dist: d, dsym: distSymbol(d)}
	for {
		n := min(length, maxMatch)
		if rest := length - n; rest > 0 && rest < leastLen {
			n = length - leastLen
		}
		s.len = uint8(n - leastLen)
		s.lsym = lengthSymbols[s.len]
		m.seqs = append(m.seqs, s)
		if length -= n; length == 0 {
			return
		}
		s.lits = 0
	}
}

// prime enters the history into the table. Not every position: a match is
// extended backwards, so that a longer one is found from its second or third
// byte.
func (m *matcher) prime() {
	if m.effort.depth > 1 {
		m.primeChained()
		return
	}
	m.primeFast(0, m.pos)
}

func (m *matcher) primeFast(i, end int) {
	b, head, base, shift := m.buf[:m.end+compressSlack], m.head, m.base, m.shift
	stride := primeStride
	for ; i < end; i += stride {
		head[hash5(load64(b, i), shift)] = base + uint32(i)
	}
}

var primeStride = 2
var skipLog = 5
var insertStride = 2

// findFast takes the first match that the last place with the same hash
// gives.
func (m *matcher) findFast() {
	b, head, base, shift := m.buf[:m.end+compressSlack], m.head, m.base, m.shift
	pos, end, window := m.pos, m.end, uint32(m.window)
	anchor := pos // literals from here on wait for a match
	stop := end - minMatch
	for pos <= stop {
		v := load64(b, pos)
		at := &head[hash5(v, shift)]
		cur := base + uint32(pos)
		dist := cur - *at
		*at = cur
		if dist > window || load32(b, pos-int(dist)) != uint32(v) {
			pos += 1 + (pos-anchor)>>skipLog
			continue
		}
		from := pos - int(dist)
		length := minMatch + extend(b, pos+minMatch, from+minMatch, end)
		next := pos + length
		for pos > anchor && from > 0 && b[pos-1] == b[from-1] {
			pos--
			from--
		}
		m.emit(pos-anchor, next-pos, int(dist))
		if len(m.seqs) >= maxSeqs {
			m.pos = next
			return
		}
		for i := pos + 1; i < min(next, stop); i += insertStride {
			head[hash5(load64(b, i), shift)] = base + uint32(i)
		}
		pos, anchor = next, next
	}
	m.pos = end
}
