package utf8scan

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pushwire/pushwire/internal/guardpage"
	"github.com/pushwire/pushwire/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// canBegin is the reference: whether a valid text can begin with p. What is
// behind its last whole character begins the encoding of another one if one of
// the continuations 80 to BF, three times at most, makes it one.
func canBegin(p []byte) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 {
			return len(p) < utf8.UTFMax && grows(p)
		}
		p = p[n:]
	}
	return true
}

func grows(p []byte) bool {
	for c := byte(0x80); c <= 0xBF; c += 0x10 { // ranges of continuations begin and end at multiples of 16
		q := append(bytes.Clone(p), c)
		if utf8.Valid(q) || len(q) < utf8.UTFMax && grows(q) {
			return true
		}
	}
	return false
}

// each runs f on every kernel that this machine has, as Check calls it.
func each(t *testing.T, f func(t *testing.T, check func(p []byte) (int, bool))) {
	t.Helper()
	t.Run("Check", func(t *testing.T) { f(t, Check) })
	for _, im := range implementations {
		t.Run(im.name, func(t *testing.T) {
			if im.missing != "" {
				t.Skipf("%s: %s", im.name, im.missing)
			}
			f(t, im.check)
		})
	}
}

// check is Check with this implementation.
func (im implementation) check(p []byte) (int, bool) {
	if len(p) < Min {
		return 0, true
	}
	if !im.scan(p) {
		return 0, false
	}
	return lastCharacter(p), true
}

// hold compares what check says of p with the reference.
func hold(t testing.TB, check func(p []byte) (int, bool), p []byte) {
	t.Helper()
	n, ok := check(p)
	switch {
	case !ok && (n != 0 || canBegin(p)):
		t.Fatalf("% x is refused, %d", p, n)
	case ok && (!utf8.Valid(p[:n]) || canBegin(p[n:]) != canBegin(p)):
		t.Fatalf("% x: the first %d bytes are said to be in order", p, n)
	case ok && n != 0 && n < len(p)-3:
		t.Fatalf("% x: only %d of %d bytes were checked", p, n, len(p))
	}
}

// The tables, all of their pairs: the mistakes of RFC 3629, section 4, and two
// continuations, which only the bytes before can allow.
func TestTablesOnAllPairs(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			got := firstHigh[a>>4] & firstLow[a&15] & secondHigh[b>>4]
			cont := b >= 0x80 && b <= 0xBF
			want := false
			switch {
			case a >= 0x80 && a <= 0xBF && cont:
				if got != twoConts {
					t.Errorf("%x %x: %08b, want two continuations", a, b, got)
				}
				continue
			case a >= 0x80 && a <= 0xBF: // the end of a character, or a mistake that others find
			case a < 0x80:
				want = cont
			default:
				want = !grows([]byte{byte(a)}) || !canBegin([]byte{byte(a), byte(b)})
				if !cont {
					want = true
				}
			}
			if got != 0 != want {
				t.Errorf("%x %x: %08b, want a mistake: %v", a, b, got, want)
			}
		}
	}
}

// Bytes at the borders of the ranges of RFC 3629, section 4.
var borders = []byte("\x00\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xf7\xf8\xff")

// Every sequence of up to four bytes, as far as kernels can tell them apart: all
// first bytes with all second ones, and then the borders. Each stands at two
// of the places where vectors begin and end, in turn, and at the end of the
// text.
func TestAllSequences(t *testing.T) {
	each(t, func(t *testing.T, check func(p []byte) (int, bool)) {
		p := bytes.Repeat([]byte("a"), 3*Min)
		places, turn := []int{0, 14, 29, 30, 31, 61, 62, 63, 100}, 0
		one := func(seq []byte) {
			want := canBegin(append(bytes.Clone(seq), 'a'))
			for range 2 {
				at := places[turn%len(places)]
				turn++
				copy(p[at:], seq)
				if n, ok := check(p); ok && n != 0 && !want || !ok && want {
					t.Fatalf("% x at %d: %d, %v", seq, at, n, ok)
				}
				copy(p[at:], "aaaa")
			}
			end := p[:2*Min+1]
			copy(end[len(end)-len(seq):], seq)
			n, ok := check(end)
			if ok && (canBegin(end[n:]) != canBegin(seq)) || !ok && canBegin(seq) {
				t.Fatalf("% x at the end: %d, %v", seq, n, ok)
			}
			copy(end[len(end)-len(seq):], "aaaa")
		}
		for a := range 256 {
			one([]byte{byte(a)})
			for b := range 256 {
				one([]byte{byte(a), byte(b)})
				if a < 0xC0 || b < 0x80 || b > 0xBF {
					continue
				}
				for _, c := range borders {
					one([]byte{byte(a), byte(b), c})
					if a < 0xF0 || c < 0x80 || c > 0xBF {
						continue
					}
					for _, d := range borders {
						one([]byte{byte(a), byte(b), c, d})
					}
				}
			}
		}
	})
}

// Every character there is, and every surrogate, each among others.
func TestAllCharacters(t *testing.T) {
	each(t, func(t *testing.T, check func(p []byte) (int, bool)) {
		var p []byte
		for r := rune(0); r <= utf8.MaxRune; r++ {
			if !utf8.ValidRune(r) {
				continue
			}
			if p = utf8.AppendRune(p, r); len(p) >= 1000 {
				hold(t, check, p)
				if _, ok := check(p); !ok {
					t.Fatalf("refused before %U", r)
				}
				p = p[:0]
			}
		}
		for r := 0xD800; r <= 0xDFFF; r++ {
			p = append(p[:0], strings.Repeat("\u20ac", 40)...)
			copy(p[r%37*3:], []byte{0xED, byte(r>>6)&0x3F | 0x80, byte(r)&0x3F | 0x80})
			hold(t, check, p)
		}
	})
}

// text is n bytes of a kind, cut wherever that falls.
func text(kind string, n int) []byte {
	sample := map[string]string{
		"ascii": "Only letters of one byte. ",
		"mixed": "Push wire, Gr\u00fc\u00dfe, \u4f60\u597d, \u041f\u0440\u0438\u0432\u0435\u0442 \U0001F389\U0001F680 and some more ASCII to skip quickly. ",
		"two":   "\u043f\u0440\u0438\u0432\u0435\u0442", "three": "\u4f60\u597d\u4e16\u754c", "four": "\U0001F389\U0001F680",
	}[kind]
	return []byte(strings.Repeat(sample, n/len(sample)+1)[:n])
}

// All lengths at all alignments in a cache line, and each with one byte broken.
func TestEveryLengthAndAlignment(t *testing.T) {
	each(t, func(t *testing.T, check func(p []byte) (int, bool)) {
		for _, kind := range []string{"ascii", "mixed", "two", "three", "four"} {
			whole := text(kind, 400)
			wrong := bytes.Repeat([]byte{0xFF}, 600) // is what is around
			buf := bytes.Clone(wrong)
			for n := range 401 {
				for align := range 64 {
					p := buf[64+align : 64+align+n]
					copy(p, whole)
					if align == n%64 {
						hold(t, check, p)
					} else if m, ok := check(p); !ok || m != 0 && m < n-3 {
						t.Fatalf("%s, %d bytes at alignment %d: %d, %v", kind, n, align, m, ok)
					}
					copy(p, wrong)
				}
			}
			for n := Min; n <= 300; n += 1 + n/7 {
				for i := range n {
					for _, c := range []byte{0x00, 0x80, 0xBF, 0xC3, 0xE0, 0xED, 0xF0, 0xF4, 0xFF} {
						p := append(buf[:0:0], whole[:n]...)
						p[i] = c
						hold(t, check, p)
					}
				}
			}
		}
	})
}

// A vector that reaches over either end of the text ends in a fault.
func TestNothingOutsideIsRead(t *testing.T) {
	page := guardpage.Memory(t, 1000)
	each(t, func(t *testing.T, check func(p []byte) (int, bool)) {
		for _, kind := range []string{"ascii", "mixed"} {
			for n := range 600 {
				for _, at := range []int{0, len(page) - n} {
					copy(page[at:], text(kind, n))
					hold(t, check, page[at:at+n])
				}
			}
		}
	})
}

func TestValid(t *testing.T) {
	rng := rand.New(rand.NewPCG(3629, 4))
	for range 20_000 {
		p := text([]string{"ascii", "mixed", "two", "three", "four"}[rng.IntN(5)], rng.IntN(300))
		if rng.IntN(2) == 0 && len(p) > 0 {
			p[rng.IntN(len(p))] = borders[rng.IntN(len(borders))]
		}
		if Valid(p) != utf8.Valid(p) {
			t.Fatalf("% x", p)
		}
	}
}

func TestCheckDoesNotAllocate(t *testing.T) {
	var p [500]byte
	if n := testing.AllocsPerRun(100, func() { Check(p[:]); Valid(p[:]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzKernels(f *testing.F) {
	for _, kind := range []string{"ascii", "mixed", "two", "three", "four"} {
		f.Add(text(kind, 64), 40)
		f.Add(text(kind, 201), 0)
	}
	f.Fuzz(func(t *testing.T, p []byte, before int) {
		// Short inputs stand behind ASCII, at any place in a vector.
		p = append(bytes.Repeat([]byte("a"), before&127), p...)
		hold(t, Check, p)
		for _, im := range implementations {
			if im.missing == "" {
				hold(t, im.check, p)
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	for _, im := range implementations {
		for _, kind := range []string{"ascii", "mixed", "three"} {
			for _, n := range []int{64, 1 << 10, 64 << 10} {
				p := text(kind, n)
				b.Run(im.name+"/"+kind+"/"+map[int]string{64: "64", 1 << 10: "1KiB", 64 << 10: "64KiB"}[n], func(b *testing.B) {
					if im.missing != "" {
						b.Skip(im.missing)
					}
					b.SetBytes(int64(n))
					for b.Loop() {
						if !im.scan(p) {
							b.Fatal("refused")
						}
					}
				})
			}
		}
	}
}
