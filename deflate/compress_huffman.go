package deflate

import (
	"math/bits"
	"slices"
)

// A code is the Huffman code of one symbol: the bits in the order in which
// they are written, and their number above them, at codeShift.
type code = uint32

const codeShift = 16

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
)

// build sets codes[i] for each symbol i whose frequency is not zero, and
// others to zero, so that no code is longer than limit bits.
//
// A tree has at least two leaves, even when one of them is never used: a code
// of one symbol would be incomplete, which not every inflater takes.
func (b *codeBuilder) build(codes []code, freq []uint32, limit int) {
	n := b.sort(freq)
	for s := 0; n < 2; s++ {
		if freq[s] == 0 {
			copy(b.sorted[1:n+1], b.sorted[:n])
			b.sorted[0] = uint32(s)
			n++
		}
	}
	var count [maxCodeBits + 1]uint16
	b.depths(n, &count, limit)
	b.assign(codes, n, &count)
}

// sort fills b.sorted and returns how many symbols have a frequency.
func (b *codeBuilder) sort(freq []uint32) int {
	clear(b.buckets[:])
	for _, f := range freq {
		b.buckets[min(f, sortBuckets-1)]++
	}
	n := uint16(0)
	for i := 1; i < sortBuckets; i++ { // bucket 0 has no place
		k := b.buckets[i]
		b.buckets[i] = n
		n += k
	}
	large := int(b.buckets[sortBuckets-1])
	for s, f := range freq {
		if f != 0 {
			at := &b.buckets[min(f, sortBuckets-1)]
			b.sorted[*at] = f<<symbolBits | uint32(s)
			*at++
		}
	}
	slices.Sort(b.sorted[large:n])
	return int(n)
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
func (b *codeBuilder) assign(codes []code, n int, count *[maxCodeBits + 1]uint16) {
	clear(codes)
	i := 0
	for length := maxCodeBits; length > 0; length-- {
		for range count[length] {
			codes[b.sorted[i]&(1<<symbolBits-1)] = code(length) << codeShift
			i++
		}
	}
	var next [maxCodeBits + 1]uint16
	first := uint16(0)
	for length := 1; length <= maxCodeBits; length++ {
		first = (first + count[length-1]) << 1
		next[length] = first
	}
	for s, c := range codes {
		if c != 0 {
			length := c >> codeShift & maxCodeBits
			codes[s] = c | code(bits.Reverse16(next[length])>>(16-length))
			next[length]++
		}
	}
}
