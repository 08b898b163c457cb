package deflate_test

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/internal/feed"
)

const compressTail = "\x00\x00\xff\xff"

// checkCompressed fails unless got, which may be several pieces, is a valid
// compressed message for want after history, for compress/flate and for
// slowInflate.
func checkCompressed(t testing.TB, got, history []byte, bits int, want []byte) [3]int {
	t.Helper()
	whole := append(bytes.Clone(got), compressTail...)
	dict := history[max(len(history)-1<<bits, 0):]
	out, kinds, err := slowInflate(whole, dict, 1<<bits)
	if err != nil {
		t.Fatalf("%v\n% x", err, got)
	}
	if !bytes.Equal(out, want) {
		t.Fatalf("got  %.200q\nwant %.200q", out, want)
	}
	r := flate.NewReaderDict(io.MultiReader(bytes.NewReader(whole), strings.NewReader("\x01\x00\x00\xff\xff")), dict)
	if out, err := io.ReadAll(r); err != nil || !bytes.Equal(out, want) {
		t.Fatalf("compress/flate: %v\ngot  %.200q\nwant %.200q", err, out, want)
	}
	return kinds
}

// outputBound is what the documentation of Append says for n bytes.
func outputBound(n int) int { return n + 5*(n/12288+1) + 5 }

// compressData are the kinds of data that a compressor may meet, n bytes of
// each.
var compressData = []struct {
	name string
	make func(n int) []byte
}{
	{"random", func(n int) []byte {
		r := rand.New(rand.NewPCG(1, 2))
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		return p
	}},
	{"constant", func(n int) []byte { return bytes.Repeat([]byte{'a'}, n) }},
	{"zeros", func(n int) []byte { return make([]byte, n) }},
	{"alternating", func(n int) []byte { return bytes.Repeat([]byte("ab"), n/2+1)[:n] }},
	{"few symbols", func(n int) []byte {
		r := rand.New(rand.NewPCG(3, 4))
		p := make([]byte, n)
		for i := range p {
			p[i] = "abcd"[r.IntN(4)]
		}
		return p
	}},
	{"skewed", func(n int) []byte { // Fibonacci frequencies make deep trees
		p := make([]byte, n)
		a, b, c := 1, 1, byte(0)
		for i, left := 0, 1; i < n; i++ {
			p[i] = c
			if left--; left == 0 {
				a, b = b, a+b
				left, c = a, c+1
			}
		}
		r := rand.New(rand.NewPCG(5, 6))
		r.Shuffle(n, func(i, j int) { p[i], p[j] = p[j], p[i] })
		return p
	}},
	{"ascending", func(n int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(i)
		}
		return p
	}},
	{"text", func(n int) []byte {
		return bytes.Join(feed.Messages(7, n/500+1, 600), nil)[:n]
	}},
	{"text and noise", func(n int) []byte {
		r := rand.New(rand.NewPCG(8, 9))
		p := bytes.Join(feed.Messages(8, n/500+1, 600), nil)[:n]
		for i := range p {
			if i/700%2 == 1 {
				p[i] = byte(r.Uint32())
			}
		}
		return p
	}},
}

// TestExamplesOfRFC7692 are the messages of section 7.2.3: the judges of this
// package's tests take them, and the compressor writes what they stand for.
func TestExamplesOfRFC7692(t *testing.T) {
	hello := []byte("Hello")
	for _, tt := range []struct {
		name, hex     string
		history, want []byte
	}{
		{"7.2.3.1 one block", "f2 48 cd c9 c9 07 00", nil, hello},
		{"7.2.3.2 shared window", "f2 00 11 00 00", hello, hello},
		{"7.2.3.3 no compression", "00 05 00 fa ff 48 65 6c 6c 6f 00", nil, hello},
		{"7.2.3.5 two blocks", "f2 48 05 00 00 00 ff ff ca c9 c9 07 00", nil, hello},
		{"7.2.3.6 empty", "00", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := hex.DecodeString(strings.ReplaceAll(tt.hex, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			checkCompressed(t, p, tt.history, 15, tt.want)
			var z deflate.Compressor
			got := z.Append(nil, tt.history, 9, 15, true, tt.want)
			checkCompressed(t, got, tt.history, 15, tt.want)
			if len(got) > len(p) {
				t.Errorf("% x is longer than the example", got)
			}
		})
	}
}

// RFC 7692, 7.2.3.6: "an empty DEFLATE block with no compression ... 0x00".
func TestEmptyMessageIsOneByte(t *testing.T) {
	var z deflate.Compressor
	for _, p := range [][][]byte{nil, {nil}, {{}, {}}} {
		if got := z.Append([]byte("x"), []byte("history"), 1, 9, true, p...); string(got) != "x\x00" {
			t.Errorf("% x", got)
		}
		if got := z.Append(nil, nil, 1, 9, false, p...); string(got) != "\x00"+compressTail {
			t.Errorf("% x", got)
		}
	}
}

func TestAllShortLengths(t *testing.T) {
	for _, d := range compressData {
		var z deflate.Compressor
		for n := range 601 {
			p := d.make(n)
			level := 1 + n%9
			checkCompressed(t, z.Append(nil, nil, level, 15, true, p), nil, 15, p)
			got := z.Append(nil, p[:n/2], level, 8, true, p[n/2:])
			checkCompressed(t, got, p[:n/2], 8, p[n/2:])
			if max := outputBound(n); len(got) > max {
				t.Errorf("%s: %d bytes from %d", d.name, len(got), n)
			}
		}
	}
}

// TestLevelsWindowsAndHistories goes through all levels and windows with
// histories from none to longer than the window, whole and in pieces.
func TestLevelsWindowsAndHistories(t *testing.T) {
	var z deflate.Compressor
	for level := 0; level <= 10; level++ {
		for bits := 8; bits <= 15; bits++ {
			w := 1 << bits
			for _, history := range []int{0, 1, 7, 100, w - 1, w, w + 1, w + 300} {
				for i, d := range compressData {
					if (raceOn || testing.Short()) && (i+level+bits)%6 != 0 {
						continue
					}
					n := history + 700 + 13*level
					p := d.make(n)
					h, p := p[:history], p[history:]
					got := z.Append([]byte("head"), h, level, bits, true, p)
					if string(got[:4]) != "head" {
						t.Fatal("dst was overwritten")
					}
					checkCompressed(t, got[4:], h, bits, p)
					// The same message in three pieces, the last of them empty.
					cut := n % 500
					got = z.Append(nil, h, level, bits, false, p[:cut/2], nil, p[cut/2:cut])
					if !strings.HasSuffix(string(got), compressTail) {
						t.Fatalf("a piece ends with % x", got[len(got)-4:])
					}
					context := bytes.Clone(append(bytes.Clone(h), p[:cut]...))
					got = z.Append(got, context, level, bits, false, p[cut:])
					got = z.Append(got, append(context, p[cut:]...), level, bits, true)
					checkCompressed(t, got, h, bits, p)
				}
			}
		}
	}
}

// TestLongMessages slide the buffer, and end blocks because they have too many
// sequences.
func TestLongMessages(t *testing.T) {
	var z deflate.Compressor
	for _, d := range compressData {
		for _, n := range []int{32 << 10, 32<<10 + 1, 64<<10 - 1, 64 << 10, 200_001} {
			p := d.make(n + 5000)
			h, p := p[:5000], p[5000:]
			for _, level := range []int{1, 2, 4, 9} {
				for _, bits := range []int{8, 12, 15} {
					if (raceOn || testing.Short()) && (n+level+bits)%4 != 0 {
						continue
					}
					got := z.Append(nil, h, level, bits, true, p[:n/3], p[n/3:])
					if len(got) > outputBound(n) {
						t.Errorf("%s: %d bytes from %d", d.name, len(got), n)
					}
					whole := append(bytes.Clone(got), compressTail...)
					r := flate.NewReaderDict(bytes.NewReader(append(whole, "\x01\x00\x00\xff\xff"...)), h[max(5000-1<<bits, 0):])
					if out, err := io.ReadAll(r); err != nil || !bytes.Equal(out, p) {
						t.Fatalf("%s, %d bytes, level %d, %d bits: %v", d.name, n, level, bits, err)
					}
					if bits == 8 && level == 4 || n == 200_001 && level == 1 {
						checkCompressed(t, got, h, bits, p)
					}
				}
			}
		}
	}
}

// TestMessageOf100MiB is the size that the documentation promises.
func TestMessageOf100MiB(t *testing.T) {
	if testing.Short() {
		t.Skip("100 MiB take seconds")
	}
	var z deflate.Compressor
	p := bytes.Repeat(feed.Messages(3, 1, 100<<10)[0], 1024)
	got := z.Append(nil, nil, 1, 12, true, p)
	r := flate.NewReader(io.MultiReader(bytes.NewReader(got), strings.NewReader(compressTail+"\x01\x00\x00\xff\xff")))
	out := make([]byte, 1<<20)
	for rest := p; ; {
		n, err := r.Read(out)
		if n > len(rest) || !bytes.Equal(out[:n], rest[:n]) {
			t.Fatalf("differs %d bytes before the end", len(rest))
		}
		rest = rest[n:]
		if err == io.EOF && len(rest) == 0 {
			break
		}
		if err != nil {
			t.Fatalf("%v, %d bytes before the end", err, len(rest))
		}
	}
}

// TestAllKindsOfBlocksOccur: the smallest of the three is written, and each is
// the smallest of some data.
func TestAllKindsOfBlocksOccur(t *testing.T) {
	var z deflate.Compressor
	for kind, p := range []string{
		string(compressData[0].make(500)),
		"Hello, Hello",
		strings.Repeat("abcdefgh 0123 ", 1) + string(compressData[7].make(3000)),
	} {
		kinds := checkCompressed(t, z.Append(nil, nil, 1, 15, true, []byte(p)), nil, 15, []byte(p))
		if kind != 0 {
			kinds[0]-- // the empty one at the end
		} else if kinds[0] != 2 {
			t.Errorf("kind 0: %v", kinds)
		}
		if kinds[kind] == 0 {
			t.Errorf("kind %d: %v", kind, kinds)
		}
	}
}

// TestHigherLevelsAreSmaller over messages as they are pushed: a level must
// not be worse than the one below it, with a tenth of a percent for chance.
func TestHigherLevelsAreSmaller(t *testing.T) {
	for _, size := range []int{512, 4096} {
		for _, bits := range []int{12, 15} {
			if (raceOn || testing.Short()) && bits == 15 {
				continue // chains of 32 KiB take a minute under the race detector
			}
			var z deflate.Compressor
			last := 0
			sizes := ""
			for level := 1; level <= 9; level++ {
				n := 0
				var window, out []byte
				for _, p := range feed.Messages(11, 51_200/size+90, size) {
					out = z.Append(out[:0], window, level, bits, true, p)
					n += len(out)
					window = deflate.AppendHistory(window, bits, p)
				}
				sizes += fmt.Sprintf(" %d", n)
				if last > 0 && n > last+last/1000 {
					t.Errorf("level %d: %d bytes, the level below has %d", level, n, last)
				}
				last = n
			}
			t.Logf("messages of %d bytes, %d bits, levels 1 to 9:%s", size, bits, sizes)
		}
	}
}

// TestResultDependsOnArgumentsOnly: what the compressor did before leaves no
// trace.
func TestResultDependsOnArgumentsOnly(t *testing.T) {
	var used deflate.Compressor
	for i, d := range compressData {
		p := d.make(3000 + 100*i)
		for level := 1; level <= 9; level++ {
			for _, bits := range []int{8, 12, 15} {
				var fresh deflate.Compressor
				want := fresh.Append(nil, p[:500], level, bits, true, p[500:])
				if got := used.Append(nil, p[:500], level, bits, true, p[500:]); !bytes.Equal(got, want) {
					t.Fatalf("%s, level %d, %d bits: a used compressor gives other bytes", d.name, level, bits)
				}
				// In many slices it is still one piece.
				var q [][]byte
				for s := p[500:]; len(s) > 0; s = s[min(37, len(s)):] {
					q = append(q, s[:min(37, len(s))])
				}
				if got := used.Append(nil, p[:500], level, bits, true, q...); !bytes.Equal(got, want) {
					t.Fatalf("%s, level %d, %d bits: slices change the result", d.name, level, bits)
				}
			}
		}
	}
}

func TestWindowOutOfRangePanics(t *testing.T) {
	for _, bits := range []int{-1, 0, 7, 16} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d bits: no panic", bits)
				}
			}()
			var z deflate.Compressor
			z.Append(nil, nil, 1, bits, true)
		}()
	}
}

func TestAppendHistoryKeepsTheLastBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for bits := 8; bits <= 15; bits++ {
		var window, all []byte
		var first *byte
		for range 400 {
			var pieces [][]byte
			for range r.IntN(4) {
				p := make([]byte, r.IntN(r.IntN(2<<bits)+1))
				for i := range p {
					p[i] = byte(r.Uint32())
				}
				pieces = append(pieces, p)
				all = append(all, p...)
			}
			window = deflate.AppendHistory(window, bits, pieces...)
			want := all[max(len(all)-1<<bits, 0):]
			if !bytes.Equal(window, want) {
				t.Fatalf("%d bits: window of %d bytes is not the end of %d", bits, len(window), len(all))
			}
			if cap(window) > 1<<bits {
				t.Fatalf("%d bits: memory of %d bytes", bits, cap(window))
			}
			if len(window) > 0 {
				if first == nil {
					first = &window[0]
				}
				if &window[0] != first {
					t.Fatalf("%d bits: the memory was replaced", bits)
				}
			}
		}
	}
}

func TestPooledCompressorsServeAnyConnection(t *testing.T) {
	pool := sync.Pool{New: func() any { return new(deflate.Compressor) }}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			bits := 8 + g
			var window []byte
			for i, p := range feed.Messages(uint64(g), 60, 300+400*g) {
				z := pool.Get().(*deflate.Compressor)
				got := z.Append(nil, window, 1+i%9, bits, true, p)
				pool.Put(z)
				out, _, err := slowInflate(append(got, compressTail...), window, 1<<bits)
				if err != nil || !bytes.Equal(out, p) {
					t.Errorf("connection %d, message %d: %v", g, i, err)
					return
				}
				window = deflate.AppendHistory(window, bits, p)
			}
		})
	}
	wg.Wait()
}
