package deflate

import "math/bits"

// effort is what a level spends.
type effort struct {
	depth int // places to look at for one position
	nice  int // a match of this length ends the search
	lazy  int // a shorter match waits for a better one at the next position
}

var efforts = [compressMaxLevel + 1]effort{
	1: {depth: 1},
	2: {depth: 3, nice: 32},
	3: {depth: 8, nice: 48},
	4: {depth: 5, nice: 32, lazy: 16},
	5: {depth: 10, nice: 64, lazy: 32},
	6: {depth: 24, nice: 128, lazy: 64},
	7: {depth: 64, nice: 192, lazy: 128},
	8: {depth: 256, nice: 258, lazy: 258},
	9: {depth: 2048, nice: 258, lazy: 258},
}

// insert enters the place i, and returns the distance to the place before
// with the same hash: it may be beyond the window.
func (m *matcher) insert(i int, v uint64) uint32 {
	at := &m.head[hash4(v, m.shift)]
	cur := m.base + uint32(i)
	dist := cur - *at
	*at = cur
	if dist > uint32(m.window) {
		m.prev[i&(len(m.prev)-1)] = 0
	} else {
		m.prev[i&(len(m.prev)-1)] = uint16(dist)
	}
	return dist
}

func (m *matcher) primeChained() {
	b := m.buf[:m.end+compressSlack]
	for i := range m.pos {
		m.insert(i, load64(b, i))
	}
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
		step := m.prev[from&mask]
		if step == 0 {
			break
		}
		d += uint32(step)
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
		for length < e.lazy && pos < stop {
			n, d := m.search(pos+1, length-1, e.depth)
			if d == 0 || 4*(n-length)+bits.Len(uint(dist))-bits.Len(uint(d)) <= 2 {
				break
			}
			pos, length, dist = pos+1, n, d
		}
		next := pos + length
		from := pos - dist
		for pos > anchor && from > 0 && b[pos-1] == b[from-1] {
			pos--
			from--
		}
		m.emit(pos-anchor, next-pos, dist)
		if len(m.seqs) >= maxSeqs {
			m.pos = next
			return
		}
		for i := pos + 2; i < min(next, stop); i++ {
			m.insert(i, load64(b, i))
		}
		pos, anchor = next, next
	}
	m.pos = end
}
