package deflate

// Level 1 looks at one place for each position: the last one whose 6 bytes had
// the same hash.

const (
	// fastBits is the logarithm of the number of entries that level 1 uses:
	// 32 KiB, so that they stay in the first-level cache.
	fastBits = 13

	// fastSkip: after each 1 << fastSkip bytes without a match the steps
	// become one byte longer, so that data that does not shrink is left soon.
	fastSkip = 6
)

// fastHash takes the 6 low bytes of v.
func fastHash(v uint64) uint64 { return v << 16 * hashPrime >> (64 - fastBits) }

// primeFast enters one position of the history in two, and of what lies far
// back one in eight. Matches are extended backwards, so that one of 7 bytes
// (far back 13) or more is found from a later byte.
func (m *matcher) primeFast() {
	b, base := m.buf[:m.end+compressSlack], m.base
	head := (*[1 << fastBits]uint32)(m.head)
	i := 0
	for ; i < m.farHistory(); i += m.effort.far {
		head[fastHash(load64(b, i))] = base + uint32(i)
	}
	for ; i < m.pos-2; i += 4 {
		v := load64(b, i)
		head[fastHash(v)] = base + uint32(i)
		head[fastHash(v>>16)] = base + uint32(i) + 2
	}
	if i < m.pos {
		head[fastHash(load64(b, i))] = base + uint32(i)
	}
}

// findFast takes the first match that the last place with the same hash
// gives.
func (m *matcher) findFast() {
	b, base := m.buf[:m.end+compressSlack], m.base
	head := (*[1 << fastBits]uint32)(m.head)
	pos, end, window, lazy := m.pos, m.end, uint32(m.window), m.effort.lazy
	anchor := pos // literals from here on wait for a match
	stop := end - minMatch
	for pos <= stop {
		v := load64(b, pos)
		at := &head[fastHash(v)]
		cur := base + uint32(pos)
		dist := cur - *at
		*at = cur
		if dist > window || load32(b, pos-int(dist)) != uint32(v) {
			pos += 1 + (pos-anchor)>>fastSkip
			continue
		}
		from := pos - int(dist)
		length := minMatch + extend(b, pos+minMatch, from+minMatch, end)
		if length < lazy && pos < stop {
			// The match at the next position may be longer, which shows first
			// at its end.
			v := load64(b, pos+1)
			at := &head[fastHash(v)]
			d := cur + 1 - *at
			*at = cur + 1
			if d <= window {
				f := pos + 1 - int(d)
				if load32(b, f+length-3) == load32(b, pos+length-2) && load32(b, f) == uint32(v) {
					if n := minMatch + extend(b, pos+1+minMatch, f+minMatch, end); n > length {
						pos, from, length, dist = pos+1, f, n, d
					}
				}
			}
		}
		next := pos + length
		pos -= extendBack(b, pos, from, pos-anchor)
		m.emit(pos-anchor, next-pos, int(dist))
		if len(m.seqs) >= maxSeqs {
			m.pos = next
			return
		}
		if i := next - 2; i < stop {
			v := load64(b, i-1)
			head[fastHash(v)] = base + uint32(i-1)
			head[fastHash(v>>8)] = base + uint32(i)
		}
		pos, anchor = next, next
	}
	m.pos = end
}
