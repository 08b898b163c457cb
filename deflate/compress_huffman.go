package deflate

import (
	"math/bits"
	"slices"
)

// A code is the Huffman code of one symbol: the bits in the order in which
// they are written, and their number above them, at codeShift.
type code = uint32

const (
	codeShift = 16
	codeMask  = 1<<codeShift - 1
)

// codeBuilder makes Huffman codes of limited length from frequencies. It holds
// only scratch memory.
type codeBuilder struct {
	sorted  [maxSymbols]uint32 // frequency << symbolBits | symbol, ascending
	tree    [maxSymbols]uint32 // weights, then parents, then depths of inner nodes
	buckets [sortBuckets]uint16
}

const (
	maxSymbols  = 286 // literals, end of block, lengths
	symbolBits  = 9   // 286 < 512
	sortBuckets = 64  // frequencies below are sorted by counting
	maxCodeBits = 15  // RFC 1951, 3.2.7: code lengths of 0 - 15
)

// A codeTable is the code of one alphabet. Most symbols of a short block have
// no place in it, so that those that have are listed.
type codeTable struct {
	freq  [maxSymbols]uint32
	codes [maxSymbols]code
	used  [maxSymbols]uint16 // symbols that have a code, ascending
	n     int                // how many of used
}

// list fills in t.used for the size symbols of an alphabet.
//
// A tree has at least two leaves, even when one of them is never used: a code
// of one symbol would be incomplete, which not every inflater takes.
func (t *codeTable) list(size int) {
	n := 0
	for s, f := range t.freq[:size] {
		t.used[n] = uint16(s)
		if f != 0 {
			n++
		}
	}
	switch {
	case n == 0:
		t.used[0], t.used[1], n = 0, 1, 2
	case n == 1 && t.used[0] == 0:
		t.used[1], n = 1, 2
	case n == 1:
		t.used[0], t.used[1], n = 0, t.used[0], 2
	}
	t.n = n
}

// bits returns the size of all symbols with the codes given.
func (t *codeTable) bits(codes *[maxSymbols]code) (n int) {
	for _, s := range t.used[:t.n] {
		n += int(t.freq[s] * (codes[s] >> codeShift))
	}
	return n
}

// build makes the codes of the symbols in t.used, none longer than limit bits,
// and sets all others to zero.
func (b *codeBuilder) build(t *codeTable, limit int) {
	b.sort(t)
	var count [maxCodeBits + 1]uint16
	b.depths(t.n, &count, limit)
	b.assign(t, &count)
}

// sort fills b.sorted.
func (b *codeBuilder) sort(t *codeTable) {
	clear(b.buckets[:])
	used := t.used[:t.n]
	for _, s := range used {
		b.buckets[min(t.freq[s], sortBuckets-1)]++
	}
	n := uint16(0)
	for i, k := range b.buckets {
		b.buckets[i] = n
		n += k
	}
	large := b.buckets[sortBuckets-1]
	for _, s := range used {
		f := t.freq[s]
		at := &b.buckets[min(f, sortBuckets-1)]
		b.sorted[*at] = f<<symbolBits | uint32(s)
		*at++
	}
	slices.Sort(b.sorted[large:t.n])
}

// depths finds how many symbols get a code of each length. The tree is built
// with two queues: leaves in sorted order, and inner nodes, which come into
// being in the order of their weight. b.tree holds first the weight of each
// inner node, then the number of its parent, then its depth.
func (b *codeBuilder) depths(n int, count *[maxCodeBits + 1]uint16, limit int) {
	leaf, inner := 0, 0
	tree, sorted := b.tree[:n-1], b.sorted[:n]
	for next := range tree {
		weight := uint32(0)
		for range 2 {
			if leaf < n && (inner == next || sorted[leaf]>>symbolBits <= tree[inner]) {
				weight += sorted[leaf] >> symbolBits
				leaf++
			} else {
				weight += tree[inner]
				tree[inner] = uint32(next)
				inner++
			}
		}
		tree[next] = weight
	}
	// From the root down: an inner node takes the place of one leaf and gives
	// two, one level deeper. At the limit no node is split: its two leaves go
	// where the deepest leaf above the limit is. The sum of 2^-length stays 1
	// in each step, so that the code is complete.
	tree[n-2] = 0
	count[1] = 2
	for i := n - 3; i >= 0; i-- {
		depth := tree[tree[i]] + 1
		tree[i] = depth
		d := int(depth)
		if d >= limit {
			for d = limit - 1; count[d] == 0; d-- {
			}
		}
		count[d]--
		count[d+1] += 2
	}
}

// assign gives the rarest symbols the longest codes. RFC 1951, 3.2.2: "All
// codes of a given bit length have lexicographically consecutive values, in
// the same order as the symbols they represent".
func (b *codeBuilder) assign(t *codeTable, count *[maxCodeBits + 1]uint16) {
	clear(t.codes[:])
	i := 0
	for length := maxCodeBits; length > 0; length-- {
		for _, s := range b.sorted[i : i+int(count[length])] {
			t.codes[s&(1<<symbolBits-1)] = code(length) << codeShift
		}
		i += int(count[length])
	}
	var next [maxCodeBits + 1]uint16
	first := uint16(0)
	for length := 1; length <= maxCodeBits; length++ {
		first = (first + count[length-1]) << 1
		next[length] = first
	}
	for _, s := range t.used[:t.n] {
		length := t.codes[s] >> codeShift & maxCodeBits
		t.codes[s] |= code(bits.Reverse16(next[length]) >> (16 - length))
		next[length]++
	}
}
