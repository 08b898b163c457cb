package deflate

import (
	"io"
	"testing"
)

// After the first Reset for the largest window nothing is allocated, errors
// included.
func TestInflaterDoesNotAllocate(t *testing.T) {
	var z Inflater
	z.Reset(maxBits, nil)
	for _, s := range samples(t) {
		if n := testing.AllocsPerRun(10, func() {
			z.Reset(s.bits, s.history)
			for p, err := s.payload, error(nil); err == nil; {
				var n int
				_, n, err = z.Next(p, true)
				p = p[n:]
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", s.name, n)
		}
	}
	z.Reset(maxBits, nil)
	if n := testing.AllocsPerRun(10, func() {
		for bits := minBits; bits <= maxBits; bits++ {
			z.Reset(bits, z.History())
			if _, _, err := z.Next(nil, true); err != io.EOF {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("smaller windows: %v allocations", n)
	}
}

// An answer is one string; an offer goes where the caller has room.
func TestNegotiationAllocations(t *testing.T) {
	o := Options{true, true, 10, 10, true}
	offers := []string{"permessage-bzip2", "permessage-deflate; server_no_context_takeover; client_max_window_bits"}
	answer := []string{"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=10"}
	dst := make([]byte, 0, 2*maxElement+2)
	for _, c := range []struct {
		what string
		f    func()
		want float64
	}{
		{"Accept", func() { o.Accept(offers) }, 1},
		{"AppendOffer", func() { o.AppendOffer(dst) }, 0},
		{"Check", func() { o.Check(answer) }, 0},
	} {
		if n := testing.AllocsPerRun(100, c.f); n > c.want {
			t.Errorf("%s: %v allocations", c.what, n)
		}
	}
	if got := len(terms{true, true, 15, 15}.append(nil)); got != maxElement {
		t.Errorf("the longest element has %d bytes, not %d", got, maxElement)
	}
}
