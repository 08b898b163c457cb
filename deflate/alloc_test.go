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
