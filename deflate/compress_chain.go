package deflate

import "math/bits"

// Levels 4 to 9 follow a chain of places: all those in the window whose 4 bytes
// had the same hash, the last one first.

// chainMinBits is the logarithm of the fewest entries for the starts of
// chains. There are as many as places in the window, at least 4 KiB of them and
// at most 64 KiB, so that the table stays in the cache.
const chainMinBits = 10

func chainHash(v uint64, shift uint) uint64 {
	return v << 32 * hashPrime >> (shift & 63)
}

// insert enters the place i, and returns the distance to the place before
// with the same hash: it may be beyond the window.
func (m *matcher) insert(i int, v uint64) uint32 {
	at := &m.head[chainHash(v, m.shift)&uint64(len(m.head)-1)]
	cur := m.base + uint32(i)
	dist := min(cur-*at, uint32(m.window)+1)
	*at = cur
	m.prev[i&(len(m.prev)-1)] = uint16(dist)
	return dist
}

// insertAll enters one place in step, from i to end.
func (m *matcher) insertAll(i, end, step int) {
	b, prev, head := m.buf[:m.end+compressSlack], m.prev, m.head
	base, far, shift := m.base, uint32(m.window)+1, m.shift
	for ; i < end; i += step {
		at := &head[chainHash(load64(b, i), shift)&uint64(len(head)-1)]
		cur := base + uint32(i)
		prev[i&(len(prev)-1)] = uint16(min(cur-*at, far))
		*at = cur
	}
}

func (m *matcher) primeChained() {
	far := m.farHistory()
	m.insertAll(0, far, m.effort.far)
	m.insertAll(far, m.pos, 1)
}

// search looks for a match at pos that is longer than best, and enters pos.
func (m *matcher) search(pos, best, depth int) (length, dist int) {
	b, end := m.buf[:m.end+compressSlack], m.end
	v := load64(b, pos)
	d := m.insert(pos, v)
	length = best
	mask := len(m.prev) - 1
	for ; depth > 0 && d <= uint32(m.window); depth-- {
		from := pos - int(d)
		if pos+length < end && b[from+length] == b[pos+length] && load32(b, from) == uint32(v) {
			if n := minMatch + extend(b, pos+minMatch, from+minMatch, end); n > length {
				length, dist = n, int(d)
				if n >= m.effort.nice {
					break
				}
			}
		}
		d += uint32(m.prev[from&mask])
	}
	return length, dist
}

func (m *matcher) findChained() {
	b, end := m.buf[:m.end+compressSlack], m.end
	pos, anchor := m.pos, m.pos
	stop := end - minMatch
	e := m.effort
	for pos <= stop {
		length, dist := m.search(pos, minMatch-1, e.depth)
		if dist == 0 {
			if pos++; e.lazy == 0 {
				pos += (pos - anchor) >> 6
			}
			continue
		}
		waited := false // for pos+1, which was not better
		for length < e.lazy && pos < stop {
			n, d := m.search(pos+1, length-1, e.depth)
			if d == 0 || 4*(n-length)+bits.Len(uint(dist))-bits.Len(uint(d)) <= 2 {
				waited = true
				break
			}
			pos, length, dist = pos+1, n, d
		}
		next := pos + length
		seen := pos // the last place in the table
		if waited {
			seen++
		}
		from := pos - dist
		pos -= extendBack(b, pos, from, pos-anchor)
		m.emit(pos-anchor, next-pos, dist)
		if len(m.seqs) >= maxSeqs {
			m.pos = next
			return
		}
		m.insertAll(seen+1, min(next, stop), 1)
		pos, anchor = next, next
	}
	m.pos = end
}
