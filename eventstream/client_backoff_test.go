package eventstream_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/eventstream"
)

func TestClientBacksOffUntilSomethingNewComes(t *testing.T) {
	clientBubbles(t, func(t *testing.T, w way) {
		var attempts []int
		c := &eventstream.Client{After: "7", Backoff: func(attempt int, retry time.Duration) time.Duration {
			attempts = append(attempts, attempt)
			return retry
		}}
		drop := breaks("") // without a head, net/http would ask again by itself
		old, fresh := says("id: 7\ndata: the same again\n\n"), says("id: 8\ndata: x\n\n")
		got, _, err := play(t, w, c, []func(http.ResponseWriter, *http.Request){
			drop, drop, old, old, says("id: 7\n\n"), fresh, drop, says(""), fresh, status(204),
		}, nil)
		if d := cmp.Diff([]int{1, 2, 3, 4, 5, 1, 2, 3, 4}, attempts); d != "" || err != nil {
			t.Errorf("attempts: %s, %v", d, err)
		}
		if !got[0].hasID || got[0].id != "7" {
			t.Errorf("the first request: %+v", got[0])
		}
	})
	clientBubbles(t, func(t *testing.T, w way) { // without IDs any event is new
		var attempts []int
		c := &eventstream.Client{Backoff: func(attempt int, retry time.Duration) time.Duration {
			attempts = append(attempts, attempt)
			return 0
		}}
		if _, _, err := play(t, w, c, []func(http.ResponseWriter, *http.Request){
			says(""), says("data: x\n\n"), says(": comment\n"), says("data: x\n\n"), status(204),
		}, nil); err != nil {
			t.Error(err)
		}
		if d := cmp.Diff([]int{1, 1, 2, 1}, attempts); d != "" {
			t.Error(d)
		}
	})
}

// The wait is never shorter than the reconnection time, and what comes on top
// of it doubles, is spread, and is bounded.
func TestBackoffOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &eventstream.Client{}
		var parts []func(http.ResponseWriter, *http.Request)
		for range 60 {
			parts = append(parts, says(""))
		}
		got, _, _ := play(t, clientWays[0], c, append(parts, status(204)), nil)
		seen := make(map[time.Duration]bool)
		most := 3 * time.Second
		for i := 1; i < len(got); i++ {
			d := got[i].at - got[i-1].at
			between(t, fmt.Sprint("wait ", i), d, 3*time.Second, 3*time.Second+min(most, 30*time.Second))
			if most < time.Minute {
				most *= 2
			}
			seen[d] = true
		}
		if len(seen) < 50 {
			t.Errorf("%d waits are different", len(seen))
		}
	})
	synctest.Test(t, func(t *testing.T) { // a server that asks for no wait must not get a storm
		var parts []func(http.ResponseWriter, *http.Request)
		for range 100 {
			parts = append(parts, says("retry: 0\n"))
		}
		got, _, _ := play(t, clientWays[0], &eventstream.Client{}, append(parts, status(204)), nil)
		if d := got[100].at; d < time.Minute {
			t.Errorf("100 attempts in %v", d)
		}
	})
}

// A server's wish to be left alone for 292 years is one line, and must not be the
// end of a client.
func TestReconnectionTimeIsBounded(t *testing.T) {
	const long = "retry: 9223372036854\n"
	for name, v := range map[string]struct {
		most, want time.Duration
	}{
		"by default":     {0, 5 * time.Minute},
		"by a longer":    {24 * time.Hour, 24 * time.Hour},
		"by a shorter":   {time.Second, time.Second},
		"not at all":     {-1, 9223372036854 * time.Millisecond},
		"as the default": {eventstream.DefaultMaxRetry, eventstream.DefaultMaxRetry},
	} {
		t.Run(name, func(t *testing.T) {
			clientBubbles(t, func(t *testing.T, w way) {
				var waits []time.Duration
				c := &eventstream.Client{MaxRetry: v.most, OnRetry: func(_ error, wait time.Duration) { waits = append(waits, wait) }}
				first, last := says(long), says(long+"retry: 200\n")
				if v.most < 0 { // as long as the clock can't go
					c.Backoff = func(_ int, retry time.Duration) time.Duration {
						waits = append(waits, retry)
						return -1
					}
					play(t, w, c, []func(http.ResponseWriter, *http.Request){first}, nil)
					if len(waits) != 1 || waits[0] != v.want {
						t.Errorf("reconnection times: %v", waits)
					}
					return
				}
				if _, _, err := play(t, w, c, []func(http.ResponseWriter, *http.Request){first, last, status(204)}, nil); err != nil || len(waits) != 2 {
					t.Fatalf("waits: %v, %v", waits, err)
				}
				between(t, "the bound", waits[0], v.want, v.want+min(v.want, 30*time.Second))
				between(t, "a shorter time", waits[1], 200*time.Millisecond, 600*time.Millisecond)
			})
		})
	}
	clientBubbles(t, func(t *testing.T, w way) { // no bound of what the client does by itself
		var retries []time.Duration
		c := &eventstream.Client{MaxRetry: time.Second, Backoff: func(_ int, retry time.Duration) time.Duration {
			retries = append(retries, retry)
			return 0
		}}
		if _, _, err := play(t, w, c, []func(http.ResponseWriter, *http.Request){says(""), says(long), status(204)}, nil); err != nil {
			t.Error(err)
		}
		if d := cmp.Diff([]time.Duration{3 * time.Second, time.Second}, retries); d != "" {
			t.Error(d)
		}
	})
}
