package eventstream_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/eventstream"
)

// Silence ends an attempt, at the head and in the body; comments and the loop
// body's own time do not count.
func TestClientIdleTime(t *testing.T) {
	clientBubbles(t, func(t *testing.T, w way) {
		c := &eventstream.Client{Idle: 20 * time.Second, Backoff: func(int, time.Duration) time.Duration { return 0 }}
		var idle []error
		c.OnRetry = func(err error, _ time.Duration) { idle = append(idle, err) }
		got, events, err := play(t, w, c, []func(http.ResponseWriter, *http.Request){
			func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, // no head: 20
			saysAndWaits("id: 1\ndata: a\n\n"),                                    // 20, and the loop body's 100
			func(w http.ResponseWriter, r *http.Request) { // 5 times 15, then 20
				for range 5 {
					saysNow(w, ":\n")
					time.Sleep(15 * time.Second)
				}
				saysNow(w, "id: 2\n\n")
				<-r.Context().Done()
			},
			status(204),
		}, func(eventstream.Event) bool { time.Sleep(100 * time.Second); return true })
		if err != nil || len(events) != 1 || len(got) != 4 {
			t.Fatalf("%q, %d requests, %v", events, len(got), err)
		}
		for i, err := range idle {
			var ie *eventstream.IdleError
			if !errors.As(err, &ie) || ie.After != 20*time.Second || !ie.Timeout() {
				t.Errorf("attempt %d ended with %v", i, err)
			}
		}
		var at []time.Duration
		for _, a := range got {
			at = append(at, a.at)
		}
		if d := cmp.Diff([]time.Duration{0, 20e9, 140e9, 235e9}, at); d != "" {
			t.Error(d)
		}
		if got[3].id != "2" {
			t.Errorf("the ID of a block without data, before the silence: %q", got[3].id)
		}
	})
}
