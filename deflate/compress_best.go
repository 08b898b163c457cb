package deflate

// Levels 8 and 9 divide a block again once they know what its symbols cost:
// for each position the cheapest way there is worked out, from left to right,
// by literals and by all lengths that the places in its chain give. The new
// division makes new codes, and level 9 goes on while blocks shrink.

const (
	// bestSegment is how many bytes are decided on at once: more costs memory
	// (8 bytes for each), less cuts matches at the border.
	bestSegment = 4 << 10

	// The cost (bits) of symbols that did not occur, beside their extra bits.
	unusedLit  = 12
	unusedLen  = 10
	unusedDist = 8
)

// A pricer holds what symbols cost and the cheapest way to each position of
// a segment. It holds only scratch memory, and is made for levels 8 and 9.
type pricer struct {
	lits  [256]uint32
	lens  [256]uint32 // of length - 3, with extra bits
	dists [distCodes]uint32
	cost  [bestSegment + 1]uint32 // from the start of the segment to here
	step  [bestSegment + 1]step   // the last step of the cheapest way to here
	seqs  []sequence              // of the division before
}

// A step covers length bytes, by a match if length is 3 or more, else by one
// literal.
type step struct{ length, dist uint16 }

// setPrices takes prices from the codes that e planned.
func (c *pricer) setPrices(e *blockEncoder) {
	price := func(code code, unused uint32) uint32 {
		if code == 0 {
			return unused
		}
		return code >> codeShift
	}
	for i := range c.lits {
		c.lits[i] = price(e.lits.codes[i], unusedLit)
	}
	for i := range c.lens {
		s := lengthSymbols[i]
		c.lens[i] = price(e.lits.codes[endOfBlock+1+int(s)], unusedLen) + uint32(lengthExtra[s])
	}
	for i := range c.dists {
		c.dists[i] = price(e.dists.codes[i], unusedDist) + uint32(distExtra[i])
	}
}

// improve divides the data from from to m.pos again, at most so many times,
// as long as the block becomes smaller.
func (m *matcher) improve(e *blockEncoder, from int) {
	if m.pricer == nil {
		m.pricer = new(pricer)
	}
	c, to := m.pricer, m.pos
	size := e.measure(m.buf[from:to], m.seqs)
	for range m.effort.passes {
		c.setPrices(e)
		m.seqs, c.seqs = c.seqs[:0], m.seqs
		m.rebase(uint32(m.end))
		m.insertAll(max(from-m.window, 0), from, 1)
		anchor := from
		for pos := from; pos < to; {
			next := min(pos+bestSegment, to)
			anchor = m.bestPath(pos, next, anchor)
			pos = next
		}
		n := e.measure(m.buf[from:to], m.seqs)
		if n >= size {
			m.seqs, c.seqs = c.seqs, m.seqs
			return
		}
		size = n
	}
}

// bestPath divides a segment. The literals before it that wait for a match
// begin at anchor; bestPath returns where those begin that wait behind it.
func (m *matcher) bestPath(from, to, anchor int) int {
	c, b := m.pricer, m.buf[:m.end+compressSlack]
	cost := c.cost[:to-from+1]
	for i := range cost {
		cost[i] = ^uint32(0)
	}
	cost[0] = 0
	window, mask := uint32(m.window), len(m.prev)-1
	for i := from; i < to; i++ {
		here := cost[i-from]
		if p := here + c.lits[b[i]]; p < cost[i-from+1] {
			cost[i-from+1] = p
			c.step[i-from+1] = step{length: 1}
		}
		v := load64(b, i)
		d := m.insert(i, v)
		best, most := leastLen-1, min(maxMatch, to-i)
		if most < minMatch {
			continue
		}
		for depth := m.effort.depth; depth > 0 && d <= window; depth-- {
			at := i - int(d)
			if b[at+best] == b[i+best] && load32(b, at) == uint32(v) {
				n := minMatch + extend(b, i+minMatch, at+minMatch, i+most)
				if n > best {
					far := here + c.dists[distSymbol(uint16(d-1))]
					for l := best + 1; l <= n; l++ {
						if p := far + c.lens[l-leastLen]; p < cost[i-from+l] {
							cost[i-from+l] = p
							c.step[i-from+l] = step{uint16(l), uint16(d - 1)}
						}
					}
					if best = n; n == most {
						break
					}
				}
			}
			d += uint32(m.prev[at&mask])
		}
		if best >= m.effort.nice {
			// So long a match is taken without looking at what is in it.
			m.insertAll(i+1, i+best, 1)
			i += best - 1
		}
	}
	// The steps are known from the end on, and are taken from the start on: turn
	// them round, so that each stands where it begins.
	n := to - from
	for i, s := n, c.step[n]; i > 0; {
		i -= int(s.length)
		s, c.step[i] = c.step[i], s
	}
	for i := 0; i < n; {
		s := c.step[i]
		if s.length >= leastLen {
			m.emit(from+i-anchor, int(s.length), int(s.dist)+1)
			anchor = from + i + int(s.length)
		}
		i += int(s.length)
	}
	return anchor
}
