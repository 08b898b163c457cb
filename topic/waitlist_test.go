package topic

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A waitlist does what a slice does, whoever comes, leaves or is taken.
func TestWaitlistAgainstASlice(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var q waitlist
	var ref []*Wakeup
	items := make(map[*Wakeup]uint64)
	var gone []*Wakeup // who has left; some come back
	var longest int
	for round := range 200_000 {
		grow := round/5000%2 == 0
		switch n := rng.IntN(10); {
		case n < 2 || grow && n < 6: // in turn it gets long, and short
			w := new(Wakeup)
			if k := len(gone); k > 0 && rng.IntN(2) == 0 {
				w, gone = gone[k-1], gone[:k-1]
			}
			if n == 0 {
				items[w] = 0
				q.pushFront(w)
				ref = slices.Insert(ref, 0, w)
			} else {
				items[w] = uint64(round)
				q.pushBack(w, uint64(round))
				ref = append(ref, w)
			}
		case n < 8:
			w, next := q.front()
			if len(ref) == 0 {
				if w != nil {
					t.Fatalf("round %d: somebody is in front of an empty list", round)
				}
				break
			}
			if w != ref[0] || next != items[w] {
				t.Fatalf("round %d: the front is another, or waits for %d instead of %d", round, next, items[ref[0]])
			}
			q.popFront()
			ref = ref[1:]
			gone = append(gone, w)
		case len(ref) > 0:
			i := rng.IntN(len(ref))
			w := ref[i]
			if !q.remove(w) || q.remove(w) {
				t.Fatalf("round %d: remove of who is there, and then is not", round)
			}
			ref = slices.Delete(ref, i, i+1)
			gone = append(gone, w)
		}
		if len(gone) > 0 && q.remove(gone[rng.IntN(len(gone))]) {
			t.Fatalf("round %d: removed who had left", round)
		}
		longest = max(longest, q.n)
		if q.n != len(ref) || len(q.ring) > max(waitlistMin, 8*q.n+8) {
			t.Fatalf("round %d: %d are there, want %d, in a ring of %d", round, q.n, len(ref), len(q.ring))
		}
	}
	if longest < 1000 {
		t.Errorf("no more than %d were there at a time", longest)
	}
}
