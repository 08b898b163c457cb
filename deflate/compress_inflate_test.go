package deflate_test

import (
	"errors"
	"fmt"
	"sync"
)

// slowInflate inflates what a Compressor wrote, with the tail put back, in the
// most literal way, bit by bit, and refuses what compress/flate lets pass: a
// distance beyond window bytes, or beyond the history and the output; a code
// that is incomplete or over-subscribed; a final block, which RFC 7692 allows
// but this compressor does not write; and anything behind the last block.
func slowInflate(p, history []byte, window int) (out []byte, kinds [3]int, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(slowError)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	s := slowReader{p: p}
	out = append(out, history...)
	for s.at < 8*len(p) {
		if s.bits(1) != 0 {
			return nil, kinds, errors.New("final block")
		}
		kind := s.bits(2)
		if kind > 2 {
			return nil, kinds, fmt.Errorf("block type %d", kind)
		}
		kinds[kind]++
		if kind == 0 {
			s.at = (s.at + 7) &^ 7
			n := s.bits(16)
			if s.bits(16) != n^0xffff {
				return nil, kinds, errors.New("LEN and NLEN")
			}
			for range n {
				out = append(out, byte(s.bits(8)))
			}
			continue
		}
		lits, dists := slowFixed()
		if kind == 2 {
			lits, dists = s.tables()
		}
		for {
			symbol := s.symbol(lits)
			if symbol == 256 {
				break
			}
			if symbol < 256 {
				out = append(out, byte(symbol))
				continue
			}
			length := 258
			if symbol < 285 {
				length = 3
				for i := 257; i < symbol; i++ {
					length += 1 << slowLengthExtra(i)
				}
				length += s.bits(slowLengthExtra(symbol))
			}
			symbol = s.symbol(dists)
			dist := 1
			for i := range symbol {
				dist += 1 << (max(i/2, 1) - 1)
			}
			dist += s.bits(max(symbol/2, 1) - 1)
			if dist > window || dist > len(out) {
				return nil, kinds, fmt.Errorf("distance %d with a window of %d and %d bytes before", dist, window, len(out))
			}
			for range length {
				out = append(out, out[len(out)-dist])
			}
		}
	}
	return out[len(history):], kinds, nil
}

type slowError string

func (e slowError) Error() string { return string(e) }

// slowCode maps a code, below a bit that marks its length, to its symbol.
type slowCode map[int]int

type slowReader struct {
	p  []byte
	at int // in bits
}

func (s *slowReader) bits(n int) (v int) {
	for i := range n {
		if s.at >= 8*len(s.p) {
			panic(slowError("ends early"))
		}
		v |= int(s.p[s.at/8]>>(s.at%8)&1) << i
		s.at++
	}
	return v
}

func (s *slowReader) symbol(c slowCode) int {
	for code := 1; code < 1<<15; {
		code = code<<1 | s.bits(1)
		if v, ok := c[code]; ok {
			return v
		}
	}
	panic(slowError("no such code"))
}

func slowLengthExtra(symbol int) int { return max((symbol-257)/4, 1) - 1 }

// slowCodes makes the code of RFC 1951, 3.2.2 from the lengths.
func slowCodes(lengths []int) slowCode {
	c := slowCode{}
	next, room := 0, 1<<15
	for n := 1; n <= 15; n++ {
		for symbol, l := range lengths {
			if l == n {
				c[1<<n|next] = symbol
				next++
				room -= 1 << (15 - n)
			}
		}
		next <<= 1
	}
	if room != 0 {
		panic(slowError(fmt.Sprintf("code is not complete: %d", room)))
	}
	return c
}

var slowFixed = sync.OnceValues(func() (lits, dists slowCode) {
	l := make([]int, 288)
	for i := range l {
		switch {
		case i < 144:
			l[i] = 8
		case i < 256:
			l[i] = 9
		case i < 280:
			l[i] = 7
		default:
			l[i] = 8
		}
	}
	d := make([]int, 32)
	for i := range d {
		d[i] = 5
	}
	return slowCodes(l), slowCodes(d)
})

func (s *slowReader) tables() (lits, dists slowCode) {
	numLits, numDists, numPres := s.bits(5)+257, s.bits(5)+1, s.bits(4)+4
	if numLits > 286 || numDists > 30 {
		panic(slowError("too many codes"))
	}
	pre := make([]int, 19)
	for _, i := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[:numPres] {
		pre[i] = s.bits(3)
	}
	codes := slowCodes(pre)
	var lengths []int
	for len(lengths) < numLits+numDists {
		symbol := s.symbol(codes)
		n := 1
		switch symbol {
		case 16:
			symbol, n = lengths[len(lengths)-1], 3+s.bits(2)
		case 17:
			symbol, n = 0, 3+s.bits(3)
		case 18:
			symbol, n = 0, 11+s.bits(7)
		}
		for range n {
			lengths = append(lengths, symbol)
		}
	}
	if len(lengths) != numLits+numDists {
		panic(slowError("a run of lengths is too long"))
	}
	return slowCodes(lengths[:numLits]), slowCodes(lengths[numLits:])
}
