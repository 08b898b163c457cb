package deflate

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// compressText is text without a rhythm, n bytes of it.
func compressText(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	var p []byte
	for len(p) < n {
		p = append(p, `{"price":`...)
		for range r.IntN(9) {
			p = append(p, '0'+byte(r.IntN(10)))
		}
		p = append(p, []string{`,"side":"buy"},`, `,"side":"sell","id":null}`, ` and so on, `}[r.IntN(3)]...)
	}
	return p[:n]
}

func compressInflate(t *testing.T, p, history []byte) []byte {
	t.Helper()
	r := flate.NewReaderDict(io.MultiReader(bytes.NewReader(p), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")), history)
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestPositionsStartAgain: when the 32 bits of positions run out, between
// messages and inside a long one, the bytes are the same as from a fresh
// compressor, or at least right.
func TestPositionsStartAgain(t *testing.T) {
	history := compressText(1, 3000)
	for level := 1; level <= 9; level++ {
		for _, before := range []uint32{0, 5000, 50_000} {
			var z, fresh Compressor
			z.Append(nil, history, level, 12, true, compressText(2, 9000)) // takes memory
			z.match.base = maxBase - before
			started := false
			for i := range 4 {
				p := compressText(uint64(i), 8000)
				base := z.match.base
				got := z.Append(nil, history, level, 12, true, p)
				if !bytes.Equal(got, fresh.Append(nil, history, level, 12, true, p)) {
					t.Errorf("level %d, %d before the end, message %d: other bytes", level, before, i)
				}
				started = started || z.match.base < base
			}
			if !started && before <= 5000 {
				t.Errorf("level %d, %d before the end: positions are at %d", level, before, z.match.base)
			}
			if before != 50_000 {
				continue
			}
			p := compressText(77, 100_000)
			z.match.base = maxBase - before
			if got := compressInflate(t, z.Append(nil, history, level, 12, true, p), history); !bytes.Equal(got, p) {
				t.Errorf("level %d, %d before the end: a long message is not what it was", level, before)
			}
		}
	}
}

// memory is what z holds on the heap beside itself, and itself.
func (z *Compressor) memory() int {
	m := &z.match
	n := int(reflect.TypeFor[Compressor]().Size()) +
		cap(m.buf) + 4*cap(m.head) + 2*cap(m.prev) + int(reflect.TypeFor[sequence]().Size())*cap(m.seqs)
	if m.long != nil {
		n += int(reflect.TypeFor[longTable]().Size())
	}
	if c := m.pricer; c != nil {
		n += int(reflect.TypeFor[pricer]().Size()) + int(reflect.TypeFor[sequence]().Size())*cap(c.seqs)
	}
	return n
}

// TestMemoryIsAsDocumented holds the numbers in Compressor's comment.
func TestMemoryIsAsDocumented(t *testing.T) {
	const kib = 1 << 10
	noise := make([]byte, 100_000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = "abc"[r.IntN(3)]
	}
	for _, tt := range []struct {
		name             string
		from, to         int // levels
		bits, size, most int
	}{
		{"level 1, messages and window of 4 KiB", 1, 1, 12, 4 * kib, memorySmall1 * kib},
		{"all levels, messages and window of 4 KiB", 1, 9, 12, 4 * kib, memorySmall * kib},
		{"level 1, any message and window", 1, 1, 15, len(noise), memoryAny1 * kib},
		{"levels 1 to 7, any message and window", 1, 7, 15, len(noise), memoryAny7 * kib},
		{"all levels, any message and window", 1, 9, 15, len(noise), memoryAny * kib},
	} {
		var z Compressor
		most := 0
		for level := tt.from; level <= tt.to; level += max(tt.to-tt.from, 2) / 2 { // one of each kind
			for _, p := range [][]byte{noise, compressText(3, len(noise))} {
				z.Append(nil, compressText(4, 1<<tt.bits), level, tt.bits, true, p[:tt.size])
				most = max(most, z.memory())
			}
		}
		t.Logf("%s: %d KiB", tt.name, (most+kib-1)/kib)
		if most > tt.most {
			t.Errorf("%s: %d bytes, documented are %d", tt.name, most, tt.most)
		}
	}
}

// What Compressor's comment says (KiB).
const (
	memorySmall1 = 64
	memorySmall  = 152
	memoryAny1   = 144
	memoryAny7   = 272
	memoryAny    = 352
)

// TestCodesAreShortEnough: with frequencies that make the deepest trees, no
// code is longer than the limit and the code is complete.
func TestCodesAreShortEnough(t *testing.T) {
	var b codeBuilder
	r := rand.New(rand.NewPCG(9, 9))
	for limit := 7; limit <= maxCodeBits; limit++ {
		for size := 2; size <= 19; size++ {
			for try := range 50 {
				var table codeTable
				a, c := uint32(1), uint32(1)
				for i := range size {
					switch try {
					case 0: // Fibonacci
						table.freq[i] = a
						a, c = c, a+c
					case 1:
						table.freq[i] = 1
					default:
						table.freq[i] = uint32(r.IntN(1 << r.IntN(16)))
					}
				}
				table.list(size)
				b.build(&table, limit)
				room := 1 << limit
				longest := make(map[uint32]int) // by frequency
				for i, code := range table.codes[:size] {
					n := int(code >> codeShift)
					if n > limit {
						t.Fatalf("%d bits with a limit of %d", n, limit)
					}
					if (n > 0) != (table.freq[i] > 0) && table.n > 2 {
						t.Fatalf("symbol %d: %d bits, frequency %d", i, n, table.freq[i])
					}
					if n > 0 {
						room -= 1 << (limit - n)
						longest[table.freq[i]] = max(longest[table.freq[i]], n)
					}
				}
				if room != 0 {
					t.Fatalf("limit %d, %d symbols: not complete: %d", limit, size, room)
				}
				for i, code := range table.codes[:size] {
					for f, n := range longest {
						if f > table.freq[i] && table.freq[i] > 0 && n > int(code>>codeShift) {
							t.Fatalf("a symbol that occurs %d times has a longer code than one with %d", f, table.freq[i])
						}
					}
				}
			}
		}
	}
}

// TestCodesAreOptimal: without a limit that matters the size is that of
// Huffman's algorithm done slowly.
func TestCodesAreOptimal(t *testing.T) {
	var b codeBuilder
	r := rand.New(rand.NewPCG(10, 9))
	for range 500 {
		var table codeTable
		size := 2 + r.IntN(200)
		var weights []int
		for i := range size {
			table.freq[i] = 1 + uint32(r.IntN(100))
			weights = append(weights, int(table.freq[i]))
		}
		want := 0
		for len(weights) > 1 {
			sum := 0
			for range 2 { // take the least two
				least := 0
				for i := range weights {
					if weights[i] < weights[least] {
						least = i
					}
				}
				sum += weights[least]
				weights[least] = weights[len(weights)-1]
				weights = weights[:len(weights)-1]
			}
			weights = append(weights, sum)
			want += sum
		}
		table.list(size)
		b.build(&table, maxCodeBits)
		if got := table.bits(&table.codes); got != want {
			t.Fatalf("%d symbols: %d bits, Huffman's code has %d", size, got, want)
		}
	}
}
