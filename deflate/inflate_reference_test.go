package deflate

import (
	"errors"
	"slices"
)

// The reference: RFC 1951 to the letter, a bit at a time, no tables, no
// buffers, no regard for speed. It panics its way out.

type refStop struct{ error }

type refInflater struct {
	in     []byte // with the tail
	at     int    // in bits
	out    []byte // history first
	window int
}

func (r *refInflater) fail(why string) { panic(refStop{errors.New(why)}) }

func (r *refInflater) get(n int) (v int) {
	for i := range n {
		if r.at == 8*len(r.in) {
			r.fail("end of input")
		}
		v |= int(r.in[r.at/8]>>(r.at%8)&1) << i
		r.at++
	}
	return v
}

// refCode is a code by the number of codes of each length, and the symbols in
// the order of their codes.
type refCode struct{ count, symbols []int }

func (r *refInflater) code(lengths []int) (c refCode) {
	c.count = make([]int, 16)
	left := 1
	for n := 1; n <= 15; n++ {
		for symbol, l := range lengths {
			if l == n {
				c.count[n]++
				c.symbols = append(c.symbols, symbol)
			}
		}
		if left = 2*left - c.count[n]; left < 0 {
			r.fail("over-subscribed")
		}
	}
	if one := len(c.symbols) == 1 && c.count[1] == 1; left > 0 && len(c.symbols) > 0 && !one {
		r.fail("incomplete")
	}
	return c
}

func (r *refInflater) symbol(c refCode) int {
	code, first, at := 0, 0, 0
	for n := 1; n <= 15; n++ {
		code = code<<1 | r.get(1)
		first <<= 1
		if code-first < c.count[n] {
			return c.symbols[at+code-first]
		}
		first += c.count[n]
		at += c.count[n]
	}
	r.fail("no such code")
	return 0
}

var (
	refLength = []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	refExtra  = []int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	refDist   = []int{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	refDextra = []int{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
	refOrder  = []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

func (r *refInflater) codes() (lit, dist refCode) {
	nlit, ndist, nlen := r.get(5)+257, r.get(5)+1, r.get(4)+4
	if nlit > 286 || ndist > 30 {
		r.fail("too many codes")
	}
	lengths := make([]int, 19)
	for i := range nlen {
		lengths[refOrder[i]] = r.get(3)
	}
	pre := r.code(lengths)
	lengths = nil
	for len(lengths) < nlit+ndist {
		switch s := r.symbol(pre); s {
		case 16:
			if len(lengths) == 0 {
				r.fail("nothing to repeat")
			}
			lengths = append(lengths, slices.Repeat(lengths[len(lengths)-1:], 3+r.get(2))...)
		case 17:
			lengths = append(lengths, make([]int, 3+r.get(3))...)
		case 18:
			lengths = append(lengths, make([]int, 11+r.get(7))...)
		default:
			lengths = append(lengths, s)
		}
	}
	if len(lengths) > nlit+ndist {
		r.fail("repeat too long")
	}
	if lengths[256] == 0 {
		r.fail("no end of block")
	}
	return r.code(lengths[:nlit]), r.code(lengths[nlit:])
}

// reference inflates a message. What came out before a fault is not to be
// compared: out is nil then.
func reference(payload, history []byte, bits int) (out []byte, err error) {
	r := &refInflater{in: append(slices.Clone(payload), 0, 0, 0xff, 0xff), window: 1 << bits}
	r.out = append(r.out, history[max(0, len(history)-r.window):]...)
	begin := len(r.out)
	defer func() {
		if stop, ok := recover().(refStop); ok {
			out, err = nil, stop.error
		}
	}()
	if len(payload) == 0 {
		return nil, nil
	}
	for {
		final, kind := r.get(1), r.get(2)
		switch kind {
		case 0:
			r.at = (r.at + 7) / 8 * 8
			tail := r.at == 8*len(payload)
			n, c := r.get(16), r.get(16)
			if n != ^c&0xffff {
				r.fail("stored length")
			}
			for range n {
				r.out = append(r.out, byte(r.get(8)))
			}
			if tail {
				return r.out[begin:], nil // the tail was the empty block that it has to be
			}
		case 1:
			lengths := slices.Concat(slices.Repeat([]int{8}, 144), slices.Repeat([]int{9}, 112), slices.Repeat([]int{7}, 24), slices.Repeat([]int{8}, 8))
			r.block(r.code(lengths), r.code(slices.Repeat([]int{5}, 32)))
		case 2:
			r.block(r.codes())
		default:
			r.fail("block type")
		}
		if final == 1 {
			r.at = (r.at + 7) / 8 * 8
			if r.at == 8*len(payload) {
				return r.out[begin:], nil
			}
		}
	}
}

func (r *refInflater) block(lit, dist refCode) {
	for {
		s := r.symbol(lit)
		switch {
		case s < 256:
			r.out = append(r.out, byte(s))
		case s == 256:
			return
		case s > 285:
			r.fail("length symbol")
		default:
			length := refLength[s-257] + r.get(refExtra[s-257])
			d := r.symbol(dist)
			if d > 29 {
				r.fail("distance symbol")
			}
			back := refDist[d] + r.get(refDextra[d])
			if back > r.window || back > len(r.out) {
				r.fail("distance")
			}
			for range length {
				r.out = append(r.out, r.out[len(r.out)-back])
			}
		}
	}
}
