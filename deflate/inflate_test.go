package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// inflate runs z over the payload in the pieces given (last is true with the
// last one) and holds what Next promises of every call.
func inflate(t testing.TB, z *Inflater, pieces ...[]byte) (out []byte, err error) {
	t.Helper()
	for i, p := range pieces {
		last := i == len(pieces)-1
		for {
			piece, n, err := z.Next(p, last)
			out = append(out, piece...)
			switch {
			case len(piece) > MaxPiece:
				t.Fatalf("a piece of %d bytes", len(piece))
			case n < 0 || n > len(p):
				t.Fatalf("consumed %d of %d bytes", n, len(p))
			}
			if err != nil {
				if again, n, sticky := z.Next(p, last); len(again) > 0 || n > 0 || sticky != err {
					t.Fatalf("after %v: %d bytes, %d, %v", err, len(again), n, sticky)
				}
				if err == io.EOF {
					if !last || n != len(p) {
						t.Fatalf("EOF at byte %d of %d, last=%v", n, len(p), last)
					}
					return out, nil
				}
				return out, err
			}
			p = p[n:]
			if len(piece) == 0 {
				if last {
					t.Fatal("the last input gave no verdict")
				}
				if len(p) > 0 {
					t.Fatalf("stuck before %d bytes", len(p))
				}
				break
			}
		}
	}
	return out, nil
}

func message(t testing.TB, bits int, history []byte, pieces ...[]byte) ([]byte, error) {
	t.Helper()
	z := inflaters.Get().(*Inflater)
	defer inflaters.Put(z)
	z.Reset(bits, history)
	return inflate(t, z, pieces...)
}

// inflaters are used for one message after the other, right or wrong, and
// windows of all sizes, as connections do.
var inflaters = sync.Pool{New: func() any { return new(Inflater) }}

// examples are messages and what they inflate to.
var examples = []struct{ name, payload, history, want string }{
	{"RFC 7692, 7.2.3.1", "\xf2\x48\xcd\xc9\xc9\x07\x00", "", "Hello"},
	{"RFC 7692, 7.2.3.2", "\xf2\x00\x11\x00\x00", "Hello", "Hello"},
	{"RFC 7692, 7.2.3.3", "\x00\x05\x00\xfa\xffHello\x00", "", "Hello"},
	{"RFC 7692, 7.2.3.4", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "", "Hello"},
	{"RFC 7692, 7.2.3.5", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "", "Hello"},
	{"RFC 7692, 7.2.3.6", "\x00", "", ""},
	{"empty, of a fixed block", "\x02\x00", "", ""},
	{"empty, without an octet", "", "", ""},
	{"the octet after BFINAL is missing", "\xf3\x48\xcd\xc9\xc9\x07\x00", "", "Hello"},
	{"BFINAL on the stored block at the end", "\x01", "", ""},
	{"BFINAL on a stored block", "\x01\x05\x00\xfa\xffHello", "", "Hello"},
	{"two blocks with BFINAL, the second refers to the first", "\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x00\x11\x00\x00", "", "HelloHello"},
	{"empty stored blocks", "\x00\x00\x00\xff\xff\x00\x00\x00\xff\xff\x00", "", ""},
}

func TestExamples(t *testing.T) {
	for _, c := range examples {
		for bits := minBits; bits <= maxBits; bits++ {
			got, err := message(t, bits, []byte(c.history), []byte(c.payload))
			if string(got) != c.want || err != nil {
				t.Errorf("%s, %d bits: %q, %v, want %q", c.name, bits, got, err, c.want)
			}
		}
	}
}

// deflated is what compress/flate makes of the text as a message.
func deflated(t testing.TB, level int, history, text []byte, cuts ...int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriterDict(&b, level, history)
	if err != nil {
		t.Fatal(err)
	}
	from := 0
	for _, to := range append(cuts, len(text)) {
		w.Write(text[from:to])
		w.Flush()
		from = to
	}
	p := b.Bytes()
	if !bytes.HasSuffix(p, []byte(Tail)) {
		t.Fatalf("no tail: % x", p[max(0, len(p)-8):])
	}
	return p[:len(p)-len(Tail)]
}

var levels = []int{flate.HuffmanOnly, flate.DefaultCompression, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}

// jsonText is n bytes of what push services send.
func jsonText(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	words := strings.Fields("price volume symbol timestamp bid ask exchange AAPL MSFT GOOG update snapshot channel true false null user message room presence online")
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, `{"id":%d,"type":"%s","%s":%d.%02d,"%s":"%s","ts":17%011d},`, r.IntN(1e6), words[r.IntN(len(words))],
			words[r.IntN(len(words))], r.IntN(1000), r.IntN(100), words[r.IntN(len(words))], words[r.IntN(len(words))], r.Int64N(1e11))
	}
	return b.Bytes()[:n]
}

// noise has n bytes out of k.
func noise(seed uint64, n, k int) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.IntN(k))
	}
	return b
}

func texts() map[string][]byte {
	return map[string][]byte{
		"empty": nil, "one": []byte("a"), "json 433": jsonText(1, 433), "json 4 KiB": jsonText(2, 4<<10),
		"json 100 KB": jsonText(3, 100_000), "zeros": make([]byte, 200_000), "noise": noise(4, 70_000, 256),
		"few bytes": noise(5, 50_000, 3), "skewed": skewed(60_000),
		"periods": bytes.Join([][]byte{bytes.Repeat([]byte("ab"), 300), bytes.Repeat([]byte("abc"), 300), bytes.Repeat([]byte("abcd"), 300),
			bytes.Repeat([]byte("abcde"), 300), bytes.Repeat([]byte("abcdef"), 300), bytes.Repeat([]byte("abcdefg"), 300)}, nil),
	}
}

// skewed makes long codes: bytes of very different frequency.
func skewed(n int) []byte {
	r := rand.New(rand.NewPCG(6, 6))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(min(255, int(r.ExpFloat64()*9)))
	}
	return b
}

func TestRoundTripOfStandardWriters(t *testing.T) {
	var z Inflater
	for name, text := range texts() {
		for _, level := range levels {
			var cuts []int
			if len(text) > 100 {
				cuts = []int{1, 50, 50, len(text) / 2}
			}
			z.Reset(maxBits, nil)
			got, err := inflate(t, &z, deflated(t, level, nil, text, cuts...))
			if err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s, level %d: %d bytes of %d, %v", name, level, len(got), len(text), err)
			}
		}
	}
}

func TestRoundTripOfAMebibyte(t *testing.T) {
	text := append(append(jsonText(9, 600_000), noise(9, 100_000, 256)...), skewed(1<<20-700_000)...)
	for _, level := range []int{flate.HuffmanOnly, 1, 6} {
		got, err := message(t, maxBits, nil, deflated(t, level, nil, text, 100_000, 100_000, 700_001))
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("level %d: %d bytes of %d, %v", level, len(got), len(text), err)
		}
	}
}
