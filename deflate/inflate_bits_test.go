package deflate

import (
	"slices"
	"strings"
	"testing"
)

// A bitString writes bits as RFC 1951, 3.1.1, packs them: numbers least significant
// bit first, Huffman codes as strings of digits as they are read.
type bitString struct{ digits []byte }

func (b *bitString) num(v, n int) *bitString {
	for i := range n {
		b.digits = append(b.digits, '0'+byte(v>>i&1))
	}
	return b
}

func (b *bitString) code(digits string) *bitString {
	b.digits = append(b.digits, digits...)
	return b
}

func (b *bitString) bytes() (p []byte) {
	for i, d := range b.digits {
		if i%8 == 0 {
			p = append(p, 0)
		}
		p[i/8] |= (d - '0') << (i % 8)
	}
	return p
}

// dynamic writes the header of a dynamic block with these lengths, each
// written plainly by a code of four bits for 0 to 15.
func dynamic(lit, dist []int) *bitString {
	b := new(bitString).num(0, 1).num(2, 2)
	b.num(len(lit)-257, 5).num(len(dist)-1, 5).num(19-4, 4)
	for _, symbol := range codeLengthOrder {
		if symbol < 16 {
			b.num(4, 3)
		} else {
			b.num(0, 3)
		}
	}
	for _, n := range slices.Concat(lit, dist) {
		for i := 3; i >= 0; i-- {
			b.num(n>>i&1, 1)
		}
	}
	return b
}

// lengths makes a set: symbol, length, symbol, length, ... of n symbols.
func lengths(n int, pairs ...int) []int {
	l := make([]int, n)
	for i := 0; i < len(pairs); i += 2 {
		l[pairs[i]] = pairs[i+1]
	}
	return l
}

// handmade are messages that no compressor writes. token is "" if they are
// right.
var handmade = []struct {
	name    string
	bits    int
	history string
	payload func() []byte
	token   string
	want    string
}{
	{"block type 11", 15, "", func() []byte { return []byte{6} }, "deflate_data_block_type", ""},
	{"NLEN is no complement", 15, "", func() []byte { return []byte{0, 5, 0, 0xfa, 0xfe} }, "deflate_data_stored_length", ""},
	{"287 length codes", 15, "", func() []byte { return new(bitString).num(0, 1).num(2, 2).num(30, 5).num(0, 5).num(0, 40).bytes() }, "deflate_data_code_counts", ""},
	{"31 distance codes", 15, "", func() []byte { return new(bitString).num(0, 1).num(2, 2).num(0, 5).num(30, 5).num(0, 40).bytes() }, "deflate_data_code_counts", ""},
	{"over-subscribed code length codes", 15, "", func() []byte {
		return new(bitString).num(4, 3).num(0, 10).num(0, 4).num(1, 3).num(1, 3).num(1, 3).num(0, 30).bytes()
	}, "deflate_data_code_lengths", ""},
	{"incomplete code length codes", 15, "", func() []byte {
		return new(bitString).num(4, 3).num(0, 10).num(0, 4).num(2, 3).num(2, 3).num(0, 36).bytes()
	}, "deflate_data_code_lengths", ""},
	{"no code length codes", 15, "", func() []byte { return new(bitString).num(4, 3).num(0, 10).num(0, 52).bytes() }, "deflate_data_symbol", ""},
	{"repeat of nothing", 15, "", func() []byte { // 16 is 0, 17 is 1
		return new(bitString).num(4, 3).num(0, 10).num(0, 4).num(1, 3).num(1, 3).num(0, 6).code("0").num(0, 40).bytes()
	}, "deflate_data_code_repeat", ""},
	{"repeat beyond the last", 15, "", func() []byte { // 18 is 0, 17 is 1: 138 + 138 of 258
		return new(bitString).num(4, 3).num(0, 10).num(0, 4).num(0, 3).num(1, 3).num(1, 3).num(0, 3).code("1").num(127, 7).code("1").num(127, 7).num(0, 40).bytes()
	}, "deflate_data_code_repeat", ""},
	{"no code for the end", 15, "", func() []byte { return dynamic(lengths(257, 'a', 1, 'b', 1), lengths(1)).num(0, 64).bytes() }, "deflate_data_code_end", ""},
	{"over-subscribed literals", 15, "", func() []byte { return dynamic(lengths(257, 'a', 1, 'b', 1, 256, 1), lengths(1)).num(0, 64).bytes() }, "deflate_data_literal_codes", ""},
	{"incomplete literals", 15, "", func() []byte { return dynamic(lengths(257, 'a', 2, 'b', 2, 256, 2), lengths(1)).num(0, 64).bytes() }, "deflate_data_literal_codes", ""},
	{"over-subscribed distances", 15, "", func() []byte {
		return dynamic(lengths(257, 'a', 1, 256, 1), lengths(3, 0, 1, 1, 1, 2, 1)).num(0, 64).bytes()
	}, "deflate_data_distance_codes", ""},
	{"incomplete distances", 15, "", func() []byte { return dynamic(lengths(257, 'a', 1, 256, 1), lengths(3, 0, 2, 1, 2)).num(0, 64).bytes() }, "deflate_data_distance_codes", ""},
	{"one distance code of two bits", 15, "", func() []byte { return dynamic(lengths(257, 'a', 1, 256, 1), lengths(3, 0, 2)).num(0, 64).bytes() }, "deflate_data_distance_codes", ""},

	{"the end is the only code", 15, "", func() []byte { return dynamic(lengths(257, 256, 1), lengths(1)).code("0").num(0, 3).bytes() }, "", ""},
	{"the other code of that set", 15, "", func() []byte { return dynamic(lengths(257, 256, 1), lengths(1)).code("1").num(0, 70).bytes() }, "deflate_data_symbol", ""},
	{"no distance codes", 15, "", func() []byte { // a is 0, the end 1
		return dynamic(lengths(257, 'a', 1, 256, 1), lengths(1)).code("0001").num(0, 3).bytes()
	}, "", "aaa"},
	{"no distance codes, but a length", 15, "", func() []byte { // a is 0, the end 10, length 3 is 11
		return dynamic(lengths(258, 'a', 1, 256, 2, 257, 2), lengths(1)).code("01100").num(0, 70).bytes()
	}, "deflate_data_symbol", "a"},
	{"one distance code", 15, "", func() []byte {
		return dynamic(lengths(258, 'a', 1, 256, 2, 257, 2), lengths(2, 1, 1)).code("00110110").code("10").num(0, 3).bytes()
	}, "", "aaaaaaaa"},
	{"the other code of that set", 15, "", func() []byte {
		return dynamic(lengths(258, 'a', 1, 256, 2, 257, 2), lengths(2, 1, 1)).code("00111").num(0, 70).bytes()
	}, "deflate_data_symbol", "aa"},
	{"codes of all lengths up to 15", 15, "", func() []byte {
		l := lengths(257, 256, 15, 'o', 15)
		for i := range 14 {
			l['a'+i] = i + 1
		}
		b := dynamic(l, lengths(1))
		for i := range 14 {
			b.code(strings.Repeat("1", i) + "0")
		}
		return b.code(strings.Repeat("1", 14)+"0").code(strings.Repeat("1", 15)).num(0, 3).bytes()
	}, "", "abcdefghijklmno"},
	{"length 258 by code 284", 15, "", func() []byte { // fixed: 284 is 11000100
		return new(bitString).num(2, 3).code("10010001").code("11000100").num(31, 5).code("00000").code("0000000").num(0, 3).bytes()
	}, "", strings.Repeat("a", 259)},
	{"length code 286", 15, "", func() []byte { return new(bitString).num(2, 3).code("10010001").code("11000110").num(0, 70).bytes() }, "deflate_data_symbol", "a"},
	{"length code 287", 15, "", func() []byte { return new(bitString).num(2, 3).code("11000111").num(0, 70).bytes() }, "deflate_data_symbol", ""},
	{"distance code 30", 15, "", func() []byte {
		return new(bitString).num(2, 3).code("10010001").code("0000001").code("11110").num(0, 70).bytes()
	}, "deflate_data_symbol", "a"},
	{"distance code 31", 15, "", func() []byte { return new(bitString).num(2, 3).code("0000001").code("11111").num(0, 70).bytes() }, "deflate_data_symbol", ""},
	{"distance 1 with nothing before", 15, "", func() []byte { return new(bitString).num(2, 3).code("0000001").code("00000").num(0, 70).bytes() }, "deflate_data_distance", ""},
	{"distance 2 after one byte", 15, "", func() []byte {
		return new(bitString).num(2, 3).code("10010001").code("0000001").code("00001").num(0, 70).bytes()
	}, "deflate_data_distance", "a"},
	{"distance 256 in a window of 8 bits", 8, strings.Repeat("xyz", 200), func() []byte { // code 15, extra 63
		return new(bitString).num(2, 3).code("0000001").code("01111").num(63, 6).code("0000000").num(0, 3).bytes()
	}, "", "zxy"},
	{"distance 257 in a window of 8 bits", 8, strings.Repeat("xyz", 200), func() []byte { // code 16
		return new(bitString).num(2, 3).code("0000001").code("10000").num(0, 7).code("0000000").num(0, 3).bytes()
	}, "deflate_data_distance", ""},
	{"the tail would be data of a stored block", 15, "", func() []byte { return []byte{0, 4, 0, 0xfb, 0xff} }, "deflate_data_truncated", ""},
	{"the tail is there already", 15, "", func() []byte { return []byte("\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff") }, "deflate_data_truncated", "Hello"},
	{"half of the tail is there", 15, "", func() []byte { return []byte("\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00") }, "deflate_data_truncated", "Hello"},
	{"garbage after a block with BFINAL", 15, "", func() []byte { return []byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00garbage") }, "deflate_data_stored_length", "Hello"},
	{"garbage after the empty block", 15, "", func() []byte { return []byte("\x00\x00\x00\xff\xff\xff") }, "deflate_data_block_type", ""},
}

func TestHandmade(t *testing.T) {
	for _, c := range handmade {
		p := c.payload()
		got, err := message(t, c.bits, []byte(c.history), p)
		if tokenOf(err) != c.token || c.token == "" && err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v; want %q, %q", c.name, got, err, c.want, c.token)
		}
		agree(t, sample{c.name, p, []byte(c.history), c.bits}, verdict{string(got), err})
	}
}

// Symbols of 48 bits, the longest there are, behind runs of literals: what is
// loaded at once has to suffice for all that is decoded of it.
func TestLongestSymbols(t *testing.T) {
	// Of each length one code, ones and a zero; of 15 bits two.
	lit, dist := lengths(286), lengths(30)
	for i := range 14 {
		lit['a'+i], dist[i] = i+1, i+1
	}
	lit['a'+13], lit[256] = 0, 14
	lit[283], lit[284], dist[28], dist[29] = 15, 15, 15, 15
	last := strings.Repeat("1", 15)
	for literals := range 6 {
		for n := 1; n < 14; n++ { // bits of the literals
			b := dynamic(lit, dist)
			for i := range 12 {
				for range literals {
					b.code(strings.Repeat("1", n-1) + "0")
				}
				b.code(last).num(i&31, 5).code(last).num(8191-i, 13)
			}
			b.code(strings.Repeat("1", 13)+"0").num(0, 3)
			s := sample{"longest", b.bytes(), noise(1, 1<<15, 256), maxBits}
			whole := judge(t, s, s.payload)
			if whole.err != nil {
				t.Fatalf("%d literals of %d bits: %v", literals, n, whole.err)
			}
			agree(t, s, whole)
		}
	}
}
