package deflate

import "testing"

// enough returns the most entries that codeSet.table can fill of a table of
// root bits, over all complete codes of up to n symbols and 15 bits: a search
// through the numbers of codes of each length.
func enough(n, root int) int {
	type state struct{ length, symbols, left, open uint16 }
	memo := map[state]int16{}
	const impossible = -1 << 14
	// most is what codes of this length and longer add to a table at most.
	// There are symbols left to give away, and left codes of this length are
	// free, open of them in the subtable that was begun last.
	var most func(length, symbols, left, open int) int
	most = func(length, symbols, left, open int) int {
		switch {
		case left == 0:
			return 0
		case left > symbols || length > longestCode:
			return impossible
		}
		key := state{uint16(length), uint16(symbols), uint16(left), uint16(open)}
		if v, ok := memo[key]; ok {
			return int(v)
		}
		best := impossible
		for count := 0; count <= left; count++ {
			add, open := 0, open-count
			if length <= root {
				open = 0
			} else {
				size := 1 << (length - root) // of a subtable down to this length
				for open < 0 {
					open += size
					add += size
				}
				if open > 0 {
					add += size // it doubles for the next length
				}
			}
			best = max(best, add+most(length+1, symbols-count, 2*(left-count), 2*open))
		}
		memo[key] = int16(best)
		return best
	}
	return 1<<root + most(1, n, 2, 0)
}

// The sizes that the comment beside the tables gives.
func TestTablesAreLargeEnough(t *testing.T) {
	for _, c := range []struct{ symbols, root, want, size int }{
		{maxLiterals, literalTabBits, 1332, literalTabSize},
		{maxDistances, distanceTabBits, 400, distanceTabSize},
	} {
		if c.symbols > 100 && testing.Short() {
			continue
		}
		got := enough(c.symbols, c.root)
		if got != c.want || got > c.size {
			t.Errorf("%d symbols, %d bits: %d entries, documented as %d; there is room for %d", c.symbols, c.root, got, c.want, c.size)
		}
	}
}
