package webpush

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestTokenIsReused: one signature for an origin in six hours, however many
// messages; no token is used in its last hours.
func TestTokenIsReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t)
		key, err := NewKey(s)
		if err != nil {
			t.Fatal(err)
		}
		u := newUserKeys(t)
		var mu sync.Mutex
		least := tokenLife // that was left when a token came; guarded by mu
		c := newClient(t, func(r *http.Request) (*http.Response, error) {
			v, err := VerifyVAPID(r.Header.Get("Authorization"), "https://"+r.URL.Host, time.Now())
			if err != nil {
				t.Error(err)
				return nil, err
			}
			mu.Lock()
			least = min(least, time.Until(v.Expiry))
			mu.Unlock()
			return answer(201, ""), nil
		})
		c.Key = key
		send := func(endpoint string) {
			t.Helper()
			if _, err := c.Send(t.Context(), u.Subscription(endpoint), &Message{}); err != nil {
				t.Error(err)
			}
		}
		want := func(why string, n int) {
			t.Helper()
			if s.calls != n {
				t.Errorf("%s: %d signatures, want %d", why, s.calls, n)
			}
		}
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() { send(fmt.Sprintf("https://a.example/%d", i)) })
		}
		wg.Wait()
		want("50 at once to one service", 1)
		send("https://b.example/1")
		send("https://a.example:8443/1")
		want("two other services", 3)
		for range 59 {
			time.Sleep(time.Minute)
			send("https://a.example/1")
		}
		want("an hour later", 3)
		time.Sleep(5 * time.Hour)
		send("https://a.example/1")
		want("after 5:59", 3)
		time.Sleep(time.Minute)
		send("https://a.example/1")
		want("after 6 hours", 4)
		if least < 6*time.Hour {
			t.Errorf("a token was used with %v left", least)
		}
	})
}

// TestTokenOfASlowStore: those who waited for a signature use it, also one that
// was made after they had come. The first attempt to sign fails.
func TestTokenOfASlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, func(*http.Request) (*http.Response, error) { return answer(201, ""), nil })
		slow := newStore(t)
		key, err := NewKey(slow)
		if err != nil {
			t.Fatal(err)
		}
		c.Key = key
		slow.spoil = func(der []byte) []byte {
			time.Sleep(time.Second)
			if slow.calls == 1 {
				return nil
			}
			return der
		}
		u := newUserKeys(t)
		var wg sync.WaitGroup
		var failed atomic.Int32
		for i := range 20 {
			wg.Go(func() {
				if _, err := c.Send(t.Context(), u.Subscription(fmt.Sprintf("https://a.example/%d", i)), &Message{}); err != nil {
					failed.Add(1)
				}
			})
		}
		wg.Wait()
		if slow.calls != 2 || failed.Load() != 1 {
			t.Errorf("%d signatures, %d messages failed", slow.calls, failed.Load())
		}
	})
}

// TestTokenOfAClockThatWasSetBack: a token of the future is thrown away.
func TestTokenOfAClockThatWasSetBack(t *testing.T) {
	now := time.Unix(1800000000, 0)
	e := &origin{field: "x", signed: now}
	for _, tt := range []struct {
		at   time.Time
		want bool
	}{{now, true}, {now.Add(tokenUse - 1), true}, {now.Add(tokenUse), false}, {now.Add(-1), false}, {now.Add(-24 * time.Hour), false}} {
		if e.fresh(tt.at) != tt.want {
			t.Errorf("at %v: %v", tt.at.Sub(now), !tt.want)
		}
	}
	if (&origin{signed: now}).fresh(now) {
		t.Error("no token at all is fresh")
	}
}

// TestOriginsAreForgotten: who sends endpoints of thousands of names does not
// fill the memory, and the service that is in use stays.
func TestOriginsAreForgotten(t *testing.T) {
	var o origins
	now := time.Unix(1800000000, 0)
	for i := range 3 * maxOrigins {
		now = now.Add(time.Second)
		o.get("https://in-use.example", now).field = "x"
		o.get(fmt.Sprintf("https://%d.example", i), now)
	}
	if len(o.m) != maxOrigins {
		t.Errorf("%d are remembered", len(o.m))
	}
	if o.get("https://in-use.example", now).field != "x" {
		t.Error("the one in use was forgotten")
	}
}

// TestTokenWaitEndsWithItsContext: a key store that does not answer holds up
// nobody for longer than they want to wait.
func TestTokenWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, func(*http.Request) (*http.Response, error) { return answer(201, ""), nil })
		slow := newStore(t)
		key, err := NewKey(slow)
		if err != nil {
			t.Fatal(err)
		}
		c.Key = key
		slow.spoil = func(der []byte) []byte { time.Sleep(time.Minute); return der }
		done := make(chan error, 1)
		go func() {
			_, err := c.Send(context.Background(), newUserKeys(t).Subscription(sampleEndpoint), &Message{})
			done <- err
		}()
		synctest.Wait() // it signs
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Send(ctx, newUserKeys(t).Subscription(sampleEndpoint), &Message{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("the one who signed: %v", err)
		}
	})
}
