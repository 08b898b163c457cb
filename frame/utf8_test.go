package frame

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// impossible returns the index of the first byte of s with which no valid
// text can begin, or -1, and whether s is a whole text.
func impossible(s string) (at int, whole bool) {
	var slow slowUTF8
	for i := range len(s) {
		if !slow.step(s[i]) {
			return i, false
		}
	}
	return -1, slow.open == ""
}

// check holds UTF8 against the reference: byte by byte it has to fail on the
// very byte, in one piece and in all pairs of pieces to say the same.
func check(t testing.TB, s string) {
	t.Helper()
	at, whole := impossible(s)
	if whole != utf8.ValidString(s) {
		t.Fatalf("%q: the reference is wrong", s)
	}
	var u UTF8
	for i := range len(s) {
		if got, want := u.Write([]byte(s[i:i+1])), at < 0 || i < at; got != want {
			t.Fatalf("%q: %v after byte %d, the first impossible one is %d", s, got, i, at)
		}
	}
	if u.End() != whole {
		t.Fatalf("%q: End is %v", s, !whole)
	}
	for i := 0; i <= len(s); i++ {
		u.Reset()
		first := u.Write([]byte(s[:i]))
		second := u.Write([]byte(s[i:]))
		if first != (at < 0 || i <= at) || second != (at < 0) || u.End() != whole {
			t.Fatalf("%q split at %d: %v, %v, end %v", s, i, first, second, u.End())
		}
	}
}

// The classes of bytes that decoders get wrong, each alone and among text.
var utf8Table = []struct {
	class, s string
	at       int // first impossible byte; -1 none, -2 none but the end is missing
}{
	{"empty", "", -1},
	{"ASCII", "pushwire", -1},
	{"first of two bytes U+0080", "\xc2\x80", -1},
	{"last of two bytes U+07FF", "\xdf\xbf", -1},
	{"first of three bytes U+0800", "\xe0\xa0\x80", -1},
	{"last before the surrogates U+D7FF", "\xed\x9f\xbf", -1},
	{"first after the surrogates U+E000", "\xee\x80\x80", -1},
	{"replacement character U+FFFD", "\xef\xbf\xbd", -1},
	{"noncharacter U+FFFF", "\xef\xbf\xbf", -1},
	{"noncharacter U+FDD0", "\xef\xb7\x90", -1},
	{"byte order mark", "\xef\xbb\xbf", -1},
	{"first of four bytes U+10000", "\xf0\x90\x80\x80", -1},
	{"last of all U+10FFFF", "\xf4\x8f\xbf\xbf", -1},
	{"one above the last", "\xf4\x90\x80\x80", 1},
	{"lead F5", "\xf5\x80\x80\x80", 0},
	{"lead F7", "\xf7\xbf\xbf\xbf", 0},
	{"five bytes", "\xf8\x88\x80\x80\x80", 0},
	{"six bytes", "\xfc\x84\x80\x80\x80\x80", 0},
	{"FE", "\xfe", 0},
	{"FF", "\xff", 0},
	{"continuation 80 alone", "\x80", 0},
	{"continuation BF alone", "\xbf", 0},
	{"many continuations", strings.Repeat("\xa5", 9), 0},
	{"lead of two, then a space", "\xc3 ", 1},
	{"lead of three, then a space", "\xe3 ", 1},
	{"lead of four, then a space", "\xf3 ", 1},
	{"lead of two, end", "\xdf", -2},
	{"three without the last", "\xe2\x82", -2},
	{"four without the last", "\xf0\x9f\x8e", -2},
	{"three without the last, then a letter", "\xe2\x82x", 2},
	{"four without the last, then a lead", "\xf0\x9f\x8e\xf0", 3},
	{"one continuation too many", "\xe2\x82\xac\xac", 3},
	{"overlong slash in two", "\xc0\xaf", 0},
	{"overlong slash in three", "\xe0\x80\xaf", 1},
	{"overlong slash in four", "\xf0\x80\x80\xaf", 1},
	{"overlong U+007F", "\xc1\xbf", 0},
	{"overlong U+07FF", "\xe0\x9f\xbf", 1},
	{"overlong U+FFFF", "\xf0\x8f\xbf\xbf", 1},
	{"overlong NUL", "\xc0\x80", 0},
	{"first surrogate", "\xed\xa0\x80", 1},
	{"last surrogate", "\xed\xbf\xbf", 1},
	{"pair of surrogates", "\xed\xa0\xbd\xed\xb8\x80", 1},
}

func TestUTF8FailsAtTheFirstImpossibleByte(t *testing.T) {
	for _, c := range utf8Table {
		at, whole := impossible(c.s)
		want := c.at
		if want == -2 {
			want = -1
		}
		if at != want || whole != (c.at == -1) {
			t.Errorf("%s: the reference says %d, %v", c.class, at, whole)
		}
		for _, around := range []string{"", "a", "1234567", "12345678", "\u00fc", "\u20ac", "\U0001F389", "0123456789abcdef\u20ac"} {
			check(t, c.s+around)
			check(t, around+c.s)
			check(t, around+c.s+around)
		}
	}
}

func TestUTF8OnAllOneAndTwoByteTexts(t *testing.T) {
	for a := range 256 {
		check(t, string([]byte{byte(a)}))
		for b := range 256 {
			check(t, string([]byte{byte(a), byte(b)}))
		}
	}
}

// All of 16.7 million texts of three bytes, byte by byte, and in one piece
// between ASCII, where whole sequences take the quick way.
func TestUTF8OnAllThreeByteTexts(t *testing.T) {
	var p [12]byte
	copy(p[:], "12345678")
	p[11] = '.'
	for a := range 256 {
		for b := range 256 {
			at2, _ := impossible(string([]byte{byte(a), byte(b)}))
			var u2 UTF8
			u2.Write([]byte{byte(a), byte(b)})
			p[8], p[9] = byte(a), byte(b)
			for c := range 256 {
				p[10] = byte(c)
				text := p[8:11]
				valid := utf8.Valid(text)
				u := u2
				can := u.Write(text[2:])
				if at2 >= 0 {
					if can || u.End() {
						t.Fatalf("% x is valid again", text)
					}
				} else if !valid && can != !mustFail(text) || valid && !can {
					t.Fatalf("% x: can go on is %v", text, can)
				}
				if u.End() != valid {
					t.Fatalf("% x: End is %v", text, u.End())
				}
				var whole UTF8
				if ok := whole.Write(p[:]); ok != valid || whole.End() != valid {
					t.Fatalf("% x in one piece: %v, %v", p, ok, whole.End())
				}
			}
		}
	}
}

// mustFail is the reference for three bytes that are not a valid text and
// whose first two can begin one.
func mustFail(text []byte) bool {
	at, _ := impossible(string(text))
	return at >= 0
}

func TestUTF8OnSampledFourByteTexts(t *testing.T) {
	rng := rand.New(rand.NewPCG(6455, 3629))
	// Bytes at the borders of the ranges come up often, all others sometimes.
	borders := []byte("\x00\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff")
	for _, a := range borders { // all of them with each other
		for _, b := range borders {
			for _, c := range borders {
				for _, d := range []byte("\x00\x7f\x80\xbf\xc2\xff") {
					check(t, string([]byte{a, b, c, d}))
				}
			}
		}
	}
	for range 20_000 {
		var p [4]byte
		for i := range p {
			if p[i] = borders[rng.IntN(len(borders))]; rng.IntN(3) == 0 {
				p[i] = byte(rng.Uint32())
			}
		}
		check(t, string(p[:]))
	}
}

// mixed is text of all lengths of characters, n bytes or a few less.
func mixed(n int) string {
	const sample = "Push wire, Gr\u00fc\u00dfe, \u4f60\u597d, \u041f\u0440\u0438\u0432\u0435\u0442 \U0001F389\U0001F680 and some more ASCII to skip quickly. "
	s := strings.Repeat(sample, n/len(sample)+1)[:n]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

func TestUTF8TakesEverySplitOfMixedText(t *testing.T) {
	s := mixed(300)
	check(t, s)
	for i := range len(s) { // a byte of it broken
		broken := []byte(s)
		broken[i] ^= 0x80
		check(t, string(broken))
	}
	for i := 0; i <= len(s); i++ {
		for j := i; j <= len(s); j++ {
			var u UTF8
			if !u.Write([]byte(s[:i])) || !u.Write([]byte(s[i:j])) || !u.Write([]byte(s[j:])) || !u.End() {
				t.Fatalf("split at %d and %d", i, j)
			}
		}
	}
}

// ASCII is skipped in steps of 8, 24 and 88 bytes and may end with a step that
// goes back: a text of every length, each with one byte of it broken.
func TestUTF8InLongASCII(t *testing.T) {
	for n := range 200 {
		s := []byte(textOf("ascii", n))
		check(t, string(s))
		for i := range s {
			s[i] |= 0x80 // a letter becomes a lead or a continuation byte
			var u UTF8
			valid := u.Write(s) && u.End()
			if want := utf8.Valid(s); valid != want {
				t.Fatalf("%d bytes, byte %d broken: %v", n, i, valid)
			}
			if at, _ := impossible(string(s)); at >= 0 {
				u.Reset()
				if !u.Write(s[:at]) || u.Write(s[at:at+1]) {
					t.Fatalf("%d bytes: not refused at byte %d", n, at)
				}
			}
			s[i] &^= 0x80
		}
	}
}

// The automaton is as long as a byte's row is wide.
func TestUTF8StatesFitIntoARow(t *testing.T) {
	if utf8Broken+6 > 64 {
		t.Errorf("%d states of six bits", utf8Broken/6+1)
	}
	for b := range 256 {
		for state := uint(0); state <= utf8Broken; state += 6 {
			if got, want := utf8Next[b]>>state&63, utf8Step(state, byte(b)); got != uint64(want) {
				t.Fatalf("byte %#x in state %d leads to %d, want %d", b, state, got, want)
			}
		}
	}
}

func TestUTF8StaysFailedUntilReset(t *testing.T) {
	var u UTF8
	if u.Write([]byte("\xff")) || u.Write(nil) || u.Write([]byte("fine")) || u.End() {
		t.Error("valid again after an impossible byte")
	}
	u.Reset()
	if !u.Write([]byte("fine")) || !u.End() {
		t.Error("not valid after Reset")
	}
}
