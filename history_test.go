package pushwire

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// A history is the end of all that was added, whatever the pieces, and takes
// the memory of the window and no more.
func TestHistory(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for bits := 8; bits <= 15; bits++ {
		var h history
		var all, scratch []byte
		for range 400 {
			var p [][]byte
			for range r.IntN(3) {
				s := make([]byte, r.IntN(max(1, r.IntN(3<<bits))))
				for i := range s {
					s[i] = byte(r.Uint32())
				}
				p = append(p, s)
				all = append(all, s...)
			}
			if len(p) == 1 && r.IntN(4) > 0 {
				h.note(bits, &encoded{plain: p[0]})
				if h.noted >= 2<<bits || int(h.n) > 1<<bits/historyNotes || len(h.notes) > max(firstNotes, 1<<bits/historyNotes) {
					t.Fatalf("%d bits: %d notes of %d bytes", bits, h.n, h.noted)
				}
				if r.IntN(4) > 0 {
					continue
				}
			} else {
				h.add(bits, p...)
			}
			h.settle(bits)
			want := all[max(0, len(all)-1<<bits):]
			if got := h.linear(&scratch); !bytes.Equal(got, want) {
				t.Fatalf("%d bits: the history of %d bytes has %d others", bits, len(want), len(got))
			}
			if cap(h.b) > 1<<bits {
				t.Fatalf("%d bits: %d bytes of memory", bits, cap(h.b))
			}
		}
	}
}
