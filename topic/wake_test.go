package topic

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadWaitsForTheFirstItem(t *testing.T) {
	for _, after := range []Cursor{"", Now} {
		synctest.Test(t, func(t *testing.T) {
			var l Log
			time.AfterFunc(time.Hour, func() { l.Append("", []byte("late")) })
			start := time.Now()
			items, err := l.Read(context.Background(), after, nil)
			if err != nil || len(items) != 1 || string(items[0].Data) != "late" || time.Since(start) != time.Hour {
				t.Errorf("after %q: %v, %v in %v", after, items, err, time.Since(start))
			}
		})
	}
}

func TestAContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Log
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := l.Read(ctx, "", nil); err != context.DeadlineExceeded {
			t.Errorf("%v", err)
		}
		if n := l.wakers.waiting.Load(); n != 0 {
			t.Errorf("%d wakers are left", n)
		}
	})
}

func TestCloseWakesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Log
		called := 0
		l.Wake("", func() { called++ })
		time.AfterFunc(time.Minute, func() { l.Close() })
		if _, err := l.Read(context.Background(), "", nil); err != ErrClosed {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		if called != 1 {
			t.Errorf("called %d times", called)
		}
	})
}

func TestWakeIsCalledWhenReadWouldNotWait(t *testing.T) {
	l := Log{MaxItems: 2}
	old := l.Append("", nil)
	fill(&l, 2)
	for name, after := range map[string]Cursor{"oldest": "", "behind": At(l.epoch, 2), "gone": old, "future": At(l.epoch, 9), "other": "a-1", "garbage": "?"} {
		called := make(chan int, 1)
		stop := l.Wake(after, func() { called <- 1 })
		<-called
		stop()
		stop()
		t.Log(name)
	}
	for _, now := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var l Log
			fill(&l, 3)
			after := Now
			if !now {
				after = At(l.epoch, 3)
			}
			called := 0
			l.Wake(after, func() { called++ })
			stop := l.Wake(after, func() { t.Error("was stopped") })
			synctest.Wait()
			if called != 0 {
				t.Error("called with nothing there")
			}
			stop()
			for range 2 {
				l.Append("", nil)
				synctest.Wait()
				if called != 1 {
					t.Errorf("called %d times", called)
				}
			}
		})
	}
}
