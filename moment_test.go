package pushwire

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// A sum that does not fit is as late as can be: a deadline of centuries never
// lies in the past.
func TestMomentsDoNotOverflow(t *testing.T) {
	for _, test := range []struct {
		m    moment
		d    time.Duration
		want moment
	}{
		{5, 7, 12},
		{-5, 5, 0},
		{0, never, math.MaxInt64},
		{1, never, math.MaxInt64},
		{math.MaxInt64, 1, math.MaxInt64},
	} {
		if got := test.m.add(test.d); got != test.want {
			t.Errorf("%d and %d ns is %d, want %d", test.m, test.d, got, test.want)
		}
	}
}

// Moments follow the clock of a bubble, and become times of it.
func TestMomentsInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, began := now(), time.Now()
		time.Sleep(time.Hour)
		if d := now().sub(m); d != time.Hour {
			t.Errorf("an hour is %v of moments", d)
		}
		if d := m.time().Sub(began); d != 0 {
			t.Errorf("a moment becomes a time %v later", d)
		}
		if d := time.Until(m.add(2 * time.Hour).time()); d != time.Hour {
			t.Errorf("two hours after it, %v are left after one", d)
		}
	})
}
