package topic

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// A Wakeup is given again and again, also from its own call.
func TestWakeupIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Log
		var w Wakeup
		calls := 0
		after := l.Append("", nil)
		again := true
		w.Init(call(func() {
			calls++
			if again {
				l.WakeBy(&w, At(l.epoch, l.head.Load()))
			}
		}))
		want := func(why string, n, waiting int) {
			t.Helper()
			synctest.Wait()
			if calls != n || l.Waiting() != waiting {
				t.Errorf("%s: %d calls, %d wait; want %d, %d", why, calls, l.Waiting(), n, waiting)
			}
		}
		l.WakeBy(&w, after)
		l.WakeBy(&w, after)
		want("it waits once", 0, 1)
		for n := range 3 {
			l.Append("", nil)
			want("it was called, and waits again", n+1, 1)
		}
		again = false
		l.Append("", nil)
		want("it was called, and does not wait", 4, 0)
		after = l.Append("", nil)
		want("nobody is called", 4, 0)
		l.WakeBy(&w, "")
		want("it was due", 5, 0)
		l.WakeBy(&w, after)
		want("it waits", 5, 1)
		w.Stop()
		w.Stop()
		want("it was stopped", 5, 0)
		l.Append("", nil)
		l.WakeBy(&w, after)
		want("stopped for good", 5, 0)
	})
}

// toucher counts.
type toucher struct{ touched, woken int }

func (s *toucher) Touch() { s.touched++ }
func (s *toucher) Wake()  { s.woken++ }

// Who waits is touched before it is called; who has stopped is neither.
func TestTouchComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Log
		after := l.Append("", nil)
		var sleepers [3]toucher
		var wakeups [3]Wakeup
		for i := range sleepers {
			wakeups[i].Init(&sleepers[i])
			l.WakeBy(&wakeups[i], after)
		}
		wakeups[1].Stop()
		l.Append("", nil)
		synctest.Wait()
		if want := [3]toucher{{1, 1}, {}, {1, 1}}; sleepers != want {
			t.Errorf("touched and woken %v, want %v", sleepers, want)
		}
	})
}

// Stop before there was anything to stop.
func TestWakeupStoppedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Log
		var w Wakeup
		w.Init(call(func() { t.Error("called") }))
		w.Stop()
		l.WakeBy(&w, Now)
		l.Append("", nil)
		synctest.Wait()
		if n := l.Waiting(); n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

// The cursor of the newest item, and of the one before, are found without
// taking them apart; that of another log with the same number is not.
func TestNewestCursors(t *testing.T) {
	var l, other Log
	fill(&l, 5)
	fill(&other, 5)
	for seq := range uint64(7) {
		got, ok := l.newest(At(l.epoch, seq))
		if want := seq == 4 || seq == 5; ok != want || ok && got != seq {
			t.Errorf("%d: %d, %v", seq, got, ok)
		}
		if _, ok := l.newest(At(other.epoch, seq)); ok {
			t.Errorf("%d of another log", seq)
		}
	}
	var empty Log
	empty.setup()
	if _, ok := empty.newest("a-1"); ok {
		t.Error("found in an empty log")
	}
}

// Many wait again and again beside publishers, and stop at any moment: the calls
// of one never overlap, none is missing, and nothing is left.
func TestWakeupsBesidePublishers(t *testing.T) {
	const readers, items = 200, 300
	l := &Log{MaxItems: 2 * items}
	var wg sync.WaitGroup
	var stopped atomic.Int64
	for n := range readers {
		var w Wakeup
		var busy atomic.Bool
		done := make(chan struct{})
		after := Cursor("")
		read := 0
		stopAt := items
		if n%2 == 0 {
			stopAt = rand.IntN(items)
		}
		w.Init(call(func() {
			if busy.Swap(true) {
				t.Error("called twice at once")
			}
			got, err := l.Read(ended, after, nil)
			if err == nil {
				read, after = read+len(got), got[len(got)-1].Cursor
			}
			busy.Store(false)
			if read >= stopAt {
				close(done)
				return
			}
			l.WakeBy(&w, after)
		}))
		l.WakeBy(&w, after)
		wg.Go(func() {
			<-done
			w.Stop()
			stopped.Add(1)
		})
	}
	for range 3 {
		wg.Go(func() {
			for range items / 3 {
				l.Append("", nil)
			}
		})
	}
	wg.Wait()
	if n := l.Waiting(); n != 0 || stopped.Load() != readers {
		t.Errorf("%d wait, %d came to their end", n, stopped.Load())
	}
}

// The same with Stop from outside, at any moment.
func TestWakeupsStoppedAtAnyMoment(t *testing.T) {
	l := &Log{MaxItems: 100}
	var wg sync.WaitGroup
	quit := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
					l.Append("", nil)
				}
			}
		})
	}
	for range 2000 {
		w := new(Wakeup)
		w.Init(call(func() { l.WakeBy(w, Now) }))
		l.WakeBy(w, Now)
		wg.Go(w.Stop)
	}
	close(quit)
	wg.Wait()
	l.Append("", nil)
	for l.wakers.working.Load() {
		runtime.Gosched()
	}
	if n := l.Waiting(); n != 0 {
		t.Errorf("%d wait for ever", n)
	}
}
