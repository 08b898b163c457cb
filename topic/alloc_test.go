//go:build !race

package topic

import "testing"

// Not under the race detector, which counts some of its own.

func TestAllocations(t *testing.T) {
	l := Log{MaxItems: 1000}
	small, large := make([]byte, 100), make([]byte, 10_000)
	buf := make([]Item, 0, 64)
	fill(&l, 2000)
	after := At(l.epoch, 1990)
	wait := func() {}
	woken := make(chan struct{}, 1)
	var w Wakeup
	w.Init(call(func() { woken <- struct{}{} }))
	for _, v := range []struct {
		name string
		max  float64
		f    func()
	}{
		// The item with its data; besides, an eighth for the cursor and a
		// sixty-fourth for the segment, which AllocsPerRun rounds away.
		{"Append, small", 1, func() { l.Append("type", small) }},
		{"Append, large", 2, func() { l.Append("type", large) }},
		{"Read of what is there", 0, func() { l.Read(ended, after, buf) }},
		{"Read at the head", 0, func() { l.Read(ended, Now, buf) }},
		{"Wake and stop", 2, func() { l.Wake(Now, wait)() }},
		// The item, the goroutine that calls, and nothing for who waits again.
		{"Append to who waits again", 2, func() { l.WakeBy(&w, Now); l.Append("type", small); <-woken }},
	} {
		if v.name == "Read of what is there" {
			after = At(l.epoch, l.head.Load()-10)
		}
		if n := testing.AllocsPerRun(1000, v.f); n > v.max {
			t.Errorf("%s: %v allocations, at most %v", v.name, n, v.max)
		}
	}
}
