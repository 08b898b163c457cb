package deflate

// Levels 2 and 3 look at three places for each position: the last two whose 7
// bytes had the same hash, because long matches are worth most, and if there
// is none the last whose 4 bytes had.

// doubleBits is the logarithm of the number of entries in each of the two
// tables: 32 KiB each.
const doubleBits = fastBits

type (
	longTable  = [1 << (doubleBits - 1)][2]uint32
	shortTable = [1 << doubleBits]uint32
)

// longHash takes the 7 low bytes of v, shortHash 4.
func longHash(v uint64) uint64  { return v << 8 * hashPrime >> (64 - doubleBits + 1) }
func shortHash(v uint64) uint64 { return v << 32 * hashPrime >> (64 - doubleBits) }

// primeDouble enters the history.
func (m *matcher) primeDouble() {
	far := m.farHistory()
	m.insertDouble(0, far, m.effort.far)
	m.insertDouble(far, m.pos, m.effort.step)
}

// insertDouble enters one position in step, from i to end.
func (m *matcher) insertDouble(i, end, step int) {
	b, base := m.buf[:m.end+compressSlack], m.base
	long, short := m.long, (*shortTable)(m.head)
	for ; i < end; i += step {
		v := load64(b, i)
		cur := base + uint32(i)
		l := &long[longHash(v)]
		l[1], l[0] = l[0], cur
		short[shortHash(v)] = cur
	}
}

// searchDouble looks for a match at pos, of length 0 if there is none, and
// enters pos.
func (m *matcher) searchDouble(b []byte, pos, end int) (length int, dist uint32) {
	v := load64(b, pos)
	cur := m.base + uint32(pos)
	window := uint32(m.window)
	l, s := &m.long[longHash(v)], &(*shortTable)(m.head)[shortHash(v)]
	d0, d1, d2 := cur-l[0], cur-l[1], cur-*s
	l[1], l[0] = l[0], cur
	*s = cur
	if d0 <= window && load32(b, pos-int(d0)) == uint32(v) {
		length, dist = minMatch+extend(b, pos+minMatch, pos-int(d0)+minMatch, end), d0
		if d1 <= window && load32(b, pos-int(d1)) == uint32(v) {
			if n := minMatch + extend(b, pos+minMatch, pos-int(d1)+minMatch, end); n > length {
				length, dist = n, d1
			}
		}
		return
	}
	if d2 <= window && load32(b, pos-int(d2)) == uint32(v) {
		length, dist = minMatch+extend(b, pos+minMatch, pos-int(d2)+minMatch, end), d2
	}
	return
}

// findDouble takes the longest match of the three places, unless there is a
// longer one at the next position. Its inner loop has the beginning of
// searchDouble in place of a call.
func (m *matcher) findDouble() {
	b, base := m.buf[:m.end+compressSlack], m.base
	long, short := m.long, (*shortTable)(m.head)
	pos, end, window := m.pos, m.end, uint32(m.window)
	anchor := pos // literals from here on wait for a match
	stop := end - minMatch
	for pos <= stop {
		v := load64(b, pos)
		cur := base + uint32(pos)
		l, s := &long[longHash(v)], &short[shortHash(v)]
		d0, d1, d2 := cur-l[0], cur-l[1], cur-*s
		l[0], l[1], *s = cur, l[0], cur
		var length int
		var dist uint32
		if d0 <= window && load32(b, pos-int(d0)) == uint32(v) {
			length, dist = minMatch+extend(b, pos+minMatch, pos-int(d0)+minMatch, end), d0
			if d1 <= window && load32(b, pos-int(d1)) == uint32(v) {
				if n := minMatch + extend(b, pos+minMatch, pos-int(d1)+minMatch, end); n > length {
					length, dist = n, d1
				}
			}
		} else if d2 <= window && load32(b, pos-int(d2)) == uint32(v) {
			length, dist = minMatch+extend(b, pos+minMatch, pos-int(d2)+minMatch, end), d2
		} else {
			pos += 1 + (pos-anchor)>>fastSkip
			continue
		}
		seen := pos
		for length < m.effort.lazy && pos < stop {
			n, d := m.searchDouble(b, pos+1, end)
			seen = pos + 1
			if n <= length {
				break
			}
			pos, length, dist = pos+1, n, d
		}
		from := pos - int(dist)
		next := pos + length
		pos -= extendBack(b, pos, from, pos-anchor)
		m.emit(pos-anchor, next-pos, int(dist))
		if len(m.seqs) >= maxSeqs {
			m.pos = next
			return
		}
		m.insertDouble(seen+1, min(next, stop), m.effort.inside)
		pos, anchor = next, next
	}
	m.pos = end
}
