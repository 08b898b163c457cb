package pushwire

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A line is a slice that is appended to and deleted from.
func TestLine(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var l line[int]
	var want []int
	for i := range 20000 {
		if r.IntN(2) == 0 {
			l.push(i)
			want = append(want, i)
		} else {
			who := i // not there
			if len(want) > 0 && r.IntN(5) > 0 {
				who = want[r.IntN(min(len(want), 3))]
				if r.IntN(3) == 0 {
					who = want[len(want)-1]
				}
			}
			k := slices.Index(want, who)
			if k >= 0 {
				want = slices.Delete(want, k, k+1)
			}
			if got := l.remove(who); got != (k >= 0) {
				t.Fatalf("remove of %d: %v", who, got)
			}
		}
		if got := slices.Collect(l.all()); !slices.Equal(got, want) || l.empty() != (len(want) == 0) {
			t.Fatalf("step %d: %v, want %v", i, got, want)
		}
		if len(want) > 40 {
			l, want = line[int]{}, nil
		}
	}
}
