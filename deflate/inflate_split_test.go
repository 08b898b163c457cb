package deflate

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
)

// sample is a message for tests that try every place of it.
type sample struct {
	name             string
	payload, history []byte
	bits             int
}

// samples have all kinds of blocks, from other hands and by hand.
func samples(t testing.TB) (all []sample) {
	for _, e := range examples {
		all = append(all, sample{e.name, []byte(e.payload), []byte(e.history), 15})
	}
	history := jsonText(7, 1000)
	for _, level := range levels {
		text := jsonText(uint64(8), 600)
		all = append(all, sample{"json", deflated(t, level, history, text, 100, 101), history, 15})
	}
	all = append(all, sample{"long codes", deflated(t, 9, nil, skewed(3000)), nil, 15},
		sample{"run", deflated(t, 9, nil, bytes.Repeat([]byte("ab"), 2000)), nil, 15},
		sample{"noise", deflated(t, 9, nil, noise(1, 300, 256)), nil, 15})
	for _, b := range handmade {
		all = append(all, sample{b.name, b.payload(), []byte(b.history), max(b.bits, minBits)})
	}
	return all
}

// verdict is what inflating gave, comparable.
type verdict struct {
	out string
	err error
}

func judge(t testing.TB, s sample, pieces ...[]byte) verdict {
	t.Helper()
	out, err := message(t, s.bits, s.history, pieces...)
	return verdict{string(out), err}
}

// agree holds a verdict against the reference.
func agree(t testing.TB, s sample, got verdict) {
	t.Helper()
	want, err := reference(s.payload, s.history, s.bits)
	if (err == nil) != (got.err == nil) {
		t.Fatalf("%s, % x: %v, the reference says %v", s.name, s.payload, got.err, err)
	}
	if err == nil && string(want) != got.out {
		t.Fatalf("%s, % x: %d bytes, the reference has %d", s.name, s.payload, len(got.out), len(want))
	}
}

func bytewise(p []byte) (pieces [][]byte) {
	for b := range slices.Chunk(p, 1) {
		pieces = append(pieces, b)
	}
	return append(pieces, nil) // last may come alone
}

// Each prefix of a message is one whose end is missing, or a message; in the
// first case all that it holds still comes out.
func TestTruncations(t *testing.T) {
	for _, s := range samples(t) {
		whole := judge(t, s, s.payload)
		for n := range s.payload {
			short := s
			short.payload = s.payload[:n]
			got := judge(t, short, short.payload)
			agree(t, short, got)
			if got.err != nil && got.err != errTruncated && got != whole {
				t.Fatalf("%s: %v at %d of %d", s.name, got.err, n, len(s.payload))
			}
			if !bytes.HasPrefix([]byte(whole.out), []byte(got.out)) {
				t.Fatalf("%s: the first %d bytes give something else", s.name, n)
			}
		}
	}
}

func TestEverySplit(t *testing.T) {
	for _, s := range samples(t) {
		whole := judge(t, s, s.payload)
		agree(t, s, whole)
		for n := range len(s.payload) + 1 {
			if got := judge(t, s, s.payload[:n], s.payload[n:]); got != whole {
				t.Fatalf("%s: cut at %d: %.40q, %v, want %.40q, %v", s.name, n, got.out, got.err, whole.out, whole.err)
			}
		}
		if got := judge(t, s, bytewise(s.payload)...); got != whole {
			t.Fatalf("%s: byte by byte: %.40q, %v, want %.40q, %v", s.name, got.out, got.err, whole.out, whole.err)
		}
	}
}

func TestBitFlips(t *testing.T) {
	for _, s := range samples(t) {
		s.payload = bytes.Clone(s.payload)
		step := 1
		if len(s.payload) > 100 {
			step = 27 // all places of a byte come in turn
		}
		for bit := 0; bit < 8*len(s.payload); bit += step {
			s.payload[bit/8] ^= 1 << (bit % 8)
			whole := judge(t, s, s.payload)
			agree(t, s, whole)
			if got := judge(t, s, bytewise(s.payload)...); got != whole {
				t.Fatalf("%s: bit %d: %.40q, %v, whole: %.40q, %v", s.name, bit, got.out, got.err, whole.out, whole.err)
			}
			s.payload[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// Bits from the middle of nowhere: dynamic blocks that are nearly right.
func TestRandomHeaders(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	accepted := 0
	for range 20_000 {
		p := make([]byte, 4+r.IntN(60))
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		p[0] = p[0]&^7 | byte(r.IntN(3))<<1
		s := sample{"random", p, []byte("history"), minBits + r.IntN(8)}
		got := judge(t, s, p)
		agree(t, s, got)
		if got.err == nil {
			accepted++
		}
		if split := judge(t, s, bytewise(p)...); split != got {
			t.Fatalf("% x: %v, byte by byte %v", p, got, split)
		}
	}
	t.Logf("%d of 20,000 are messages", accepted)
}

// Large messages in pieces of random sizes, as fragments come.
func TestRandomPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var z Inflater
	for name, text := range texts() {
		for _, level := range []int{1, 9} {
			p := deflated(t, level, nil, text)
			for _, most := range []int{3, 20, 5000} {
				var pieces [][]byte
				for rest := p; ; {
					n := min(r.IntN(most), len(rest))
					pieces = append(pieces, rest[:n])
					if rest = rest[n:]; len(rest) == 0 {
						break
					}
				}
				z.Reset(maxBits, nil)
				if got, err := inflate(t, &z, pieces...); err != nil || !bytes.Equal(got, text) {
					t.Fatalf("%s, level %d, pieces below %d: %d bytes of %d, %v", name, level, most, len(got), len(text), err)
				}
			}
		}
	}
}

// A message that is whole says so with its last piece: one call for most.
func TestOneCallForASmallMessage(t *testing.T) {
	text := jsonText(1, 3000)
	p := deflated(t, 6, nil, text)
	var z Inflater
	z.Reset(12, nil)
	out, n, err := z.Next(deflated(t, 6, nil, text), true)
	if !bytes.Equal(out, text) || n != len(p) || err != io.EOF {
		t.Errorf("%d bytes of %d, %d, %v", len(out), len(text), n, err)
	}
}
