package eventstream

import (
	"math/rand/v2"
	"testing"
	"unicode/utf8"
)

// edges are the bytes at which the tables of UTF-8 change.
var edges = []byte{
	0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF,
	0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
}

// checkUTF8 holds our part of UTF-8 against the decoder of the Encoding
// standard.
func checkUTF8(t *testing.T, p []byte) {
	t.Helper()
	if utf8.Valid(p) != (decodeUTF8(p) == string(p)) {
		t.Fatalf("% x: package utf8 and the Encoding standard differ", p)
	}
	got, want := appendRepaired(nil, p), decodeUTF8(p)
	if string(got) != want {
		t.Fatalf("% x: repaired to %q, want %q", p, got, want)
	}
	if n := repairedLen(p); n != len(want) || n < len(p) {
		t.Fatalf("% x: length %d, want %d", p, n, len(want))
	}
	high := 0
	for high < len(p) && p[high] < 0x80 {
		high++
	}
	if n := firstHigh(p); n != high {
		t.Fatalf("% x: the first byte above ASCII is at %d, want %d", p, n, high)
	}
}

// All sequences of four bytes, as far as a decoder can tell them apart, and
// with a byte behind: every state is left in every way.
func TestUTF8Edges(t *testing.T) {
	later := []byte{'a', 0x80, 0xBF, 0xC3, 0xE2, 0xFF} // behind the second byte there are only continuations and others
	var p [5]byte
	p[4] = 'a'
	for _, p[0] = range edges {
		for _, p[1] = range edges {
			for _, p[2] = range later {
				for _, p[3] = range later {
					checkUTF8(t, p[:4])
					checkUTF8(t, p[:])
				}
			}
		}
	}
}

// Valid text of all lengths of letters, and with one byte changed anywhere.
func TestUTF8Random(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		var p []byte
		top := []rune{0x80, 0x800, 0x10000, 0x110000}[rng.IntN(4)]
		for len(p) < 100 {
			switch rng.IntN(4) {
			case 0:
				p = append(p, "plain text, long enough for words"[:rng.IntN(33)]...)
			case 1:
				p = utf8.AppendRune(p, rng.Int32N(0x110000)) // surrogates become U+FFFD
			default:
				p = utf8.AppendRune(p, rng.Int32N(top))
			}
		}
		checkUTF8(t, p)
		p[rng.IntN(len(p))] = edges[rng.IntN(len(edges))]
		checkUTF8(t, p)
		checkUTF8(t, p[:rng.IntN(len(p))])
	}
}
