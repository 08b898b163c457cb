package topic

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestItemsGrowTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Log{MaxAge: time.Minute}
		first := l.Append("", []byte("1"))
		time.Sleep(30 * time.Second)
		second := l.Append("", []byte("2"))
		time.Sleep(30*time.Second - 1)
		if got := texts(t, &l, ""); got != "1 2" {
			t.Errorf("a nanosecond before: %q", got)
		}
		time.Sleep(1)
		if got := texts(t, &l, ""); got != "2" {
			t.Errorf("the first is a minute old: %q", got)
		}
		if got := texts(t, &l, first); got != "2" { // nothing behind it is missing
			t.Errorf("after the first: %q", got)
		}
		if gone := wantGone(t, &l, At(l.epoch, 0)); gone.Oldest != first || gone.Head != second {
			t.Errorf("%+v", gone)
		}
		time.Sleep(30 * time.Second)
		wantGone(t, &l, first)
		if got := texts(t, &l, ""); got != "" {
			t.Errorf("both are too old: %q", got)
		}
		if _, err := l.Read(ended, second, nil); err != context.Canceled {
			t.Errorf("after the newest: %v", err)
		}
		if b, _ := l.Bounds(ended); b.Items != 0 || b.Bytes != 0 || b.Oldest != second || b.Head != second {
			t.Errorf("%+v", b)
		}
	})
}

// The memory of old items goes without anybody asking, and the timer with it.
func TestOldItemsAreFreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Log{MaxAge: time.Minute}
		const n = 3*expireStep + 1
		fill(&l, n)
		time.Sleep(time.Minute)
		synctest.Wait()
		l.mu.Lock()
		if l.oldest != n+1 || l.bytes != 0 || l.aging {
			t.Errorf("the oldest is %d, %d bytes, the timer runs: %v", l.oldest, l.bytes, l.aging)
		}
		l.mu.Unlock()
		l.Append("", nil) // it starts anew
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.oldest != n+2 || l.aging {
			t.Errorf("the oldest is %d, the timer runs: %v", l.oldest, l.aging)
		}
	})
}

func TestAKeyIsForgottenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Log{Dedup: time.Minute}
		publish := func() bool {
			_, stored, err := l.Publish(t.Context(), Publication{Key: "k"})
			if err != nil {
				t.Fatal(err)
			}
			return stored
		}
		publish()
		time.Sleep(time.Minute - 1)
		if publish() {
			t.Error("stored a nanosecond before")
		}
		time.Sleep(1)
		if !publish() {
			t.Error("not stored after a minute")
		}
		off := Log{Dedup: -1}
		for range 2 {
			if _, stored, _ := off.Publish(t.Context(), Publication{Key: "k"}); !stored {
				t.Error("keys are off")
			}
		}
	})
}

func TestTimesFollowTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Log
		for _, d := range []time.Duration{0, 1, time.Second - 1, 1, time.Second, time.Hour} {
			time.Sleep(d)
			l.Append("", nil)
			items, err := l.Read(ended, At(l.epoch, l.head.Load()-1), nil)
			if err != nil || !items[0].Time.Equal(time.Now()) {
				t.Errorf("%v, %v, now it is %v", items, err, time.Now())
			}
		}
	})
}
