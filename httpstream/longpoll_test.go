package httpstream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// overBubbles runs f in a bubble for each way that works in one, with a server
// of what h returns.
func overBubbles(t *testing.T, h func(t *testing.T) http.Handler, tune func(*http.Server), f func(t *testing.T, b *bubble)) {
	for _, w := range bubbled {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := w.inBubble(h(t), tune)
				defer b.close()
				f(t, b)
			})
		})
	}
}

const site = "http://mem/"

// between holds a time that passed against its bounds.
func between(t *testing.T, what string, d, least, most time.Duration) {
	t.Helper()
	if d < least || d > most {
		t.Errorf("%s %v, want %v to %v", what, d, least, most)
	}
}

func TestLongPollWaitsForItsTime(t *testing.T) {
	log, real, short := filled(t, 1)
	for _, tt := range []struct {
		name, query string
		o           *httpstream.Options
		most        time.Duration
	}{
		{"said", "?wait=20&after=E-1", nil, 20 * time.Second},
		{"a fraction", "?wait=0.5&after=E-1", nil, 500 * time.Millisecond},
		{"clamped", "?wait=3600&after=E-1", nil, 30 * time.Second},
		{"clamped by the server", "?wait=3600&after=E-1", &httpstream.Options{MaxWait: time.Minute}, time.Minute},
		{"largest number", "?wait=9999999999999999&after=E-1", nil, 30 * time.Second},
		{"now", "?wait=10&after=now", nil, 10 * time.Second},
		{"not at all", "?wait=0&after=E-1", nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			overBubbles(t, func(t *testing.T) http.Handler { return httpstream.Handler(log, tt.o) },
				// Its timeouts are for requests that take no time.
				func(s *http.Server) { s.ReadTimeout, s.WriteTimeout = time.Second/10, time.Second/10 },
				func(t *testing.T, b *bubble) {
					ends := map[time.Duration]bool{}
					for range 8 {
						began := time.Now()
						a := ask(t, b.Client, "GET "+site+real(tt.query), "")
						took := time.Since(began)
						between(t, "answered after", took, tt.most*9/10, tt.most)
						ends[took] = true
						if a.status != 204 || short(a.header.Get("Pushwire-Cursor")) != "E-1" || a.header.Get("Cache-Control") != "no-store" {
							t.Errorf("%d %v", a.status, a.header)
						}
					}
					if tt.most > 0 && len(ends) < 2 {
						t.Errorf("no jitter: %v", ends)
					}
				})
		})
	}
}

func TestLongPollWithoutWaitTakesTheLongest(t *testing.T) {
	log, real, _ := filled(t, 1)
	overBubbles(t, func(*testing.T) http.Handler { return httpstream.LongPoll(log, nil) }, nil, func(t *testing.T, b *bubble) {
		began := time.Now()
		ask(t, b.Client, "GET "+site+real("?after=E-1"), "")
		between(t, "answered after", time.Since(began), 27*time.Second, 30*time.Second)
	})
}

func TestShortPollDoesNotWait(t *testing.T) {
	log, real, _ := filled(t, 1)
	overBubbles(t, func(*testing.T) http.Handler { return httpstream.ShortPoll(log, nil) }, nil, func(t *testing.T, b *bubble) {
		began := time.Now()
		if a := ask(t, b.Client, "GET "+site+real("?after=E-1&wait=20"), ""); a.status != 204 || time.Since(began) != 0 {
			t.Errorf("%d after %v", a.status, time.Since(began))
		}
	})
}

func TestLongPollAnswersAtOnce(t *testing.T) {
	for _, src := range []func(*topic.Log) topic.Source{func(l *topic.Log) topic.Source { return l }, func(l *topic.Log) topic.Source { return bare{l} }} {
		var log *topic.Log
		var real, short func(string) string
		overBubbles(t, func(t *testing.T) http.Handler {
			log, real, short = filled(t, 3)
			return httpstream.Handler(src(log), nil)
		}, nil, func(t *testing.T, b *bubble) {
			began := time.Now()
			if a := ask(t, b.Client, "GET "+site+"?wait=20", ""); a.status != 200 || short(a.body) != three || time.Since(began) != 0 {
				t.Errorf("what is there: %d %s after %v", a.status, a.body, time.Since(began))
			}
			for _, query := range []string{"?wait=20&after=E-3", "?wait=20&after=now"} {
				synctest.Wait() // until both are published
				time.AfterFunc(7*time.Second, func() { fill(log, 4, 5) })
				began = time.Now()
				a := ask(t, b.Client, "GET "+site+real(query), "")
				between(t, "answered after", time.Since(began), 7*time.Second, 7*time.Second)
				if a.status != 200 {
					t.Errorf("%s: %d %s", query, a.status, a.body)
				}
			}
		})
	}
}

// All that was published in one moment is one answer, or the items of the rest
// of it follow.
func TestLongPollAnswersWithTheWholeBatch(t *testing.T) {
	var log *topic.Log
	var real, short func(string) string
	overBubbles(t, func(t *testing.T) http.Handler {
		log, real, short = filled(t, 1)
		return httpstream.Handler(log, nil)
	}, nil, func(t *testing.T, b *bubble) {
		time.AfterFunc(time.Second, func() { fill(log, 2, 40) })
		first := ask(t, b.Client, "GET "+site+real("?wait=20&after=E-1"), "")
		synctest.Wait() // until all are published
		rest := answer{}
		if c := short(first.header.Get("Pushwire-Cursor")); c != "E-40" {
			rest = ask(t, b.Client, "GET "+site+real("?after="+c), "")
		}
		var n int
		for _, a := range []answer{first, rest} {
			n += len(itemsOf(t, a.body))
		}
		if n != 39 {
			t.Errorf("%d items", n)
		}
	})
}

// A client that says with If-None-Match what it has waits for another answer.
func TestLongPollWithCondition(t *testing.T) {
	var log *topic.Log
	var real, short func(string) string
	overBubbles(t, func(t *testing.T) http.Handler {
		log, real, short = filled(t, 3)
		return httpstream.Handler(log, nil)
	}, nil, func(t *testing.T, b *bubble) {
		began := time.Now()
		a := ask(t, b.Client, "GET "+site+"?wait=10", "", "If-None-Match", real(`"E-3"`))
		between(t, "answered after", time.Since(began), 9*time.Second, 10*time.Second)
		if a.status != 304 || short(a.header.Get("Pushwire-Cursor")) != "E-3" {
			t.Errorf("%d %v", a.status, a.header)
		}
		time.AfterFunc(3*time.Second, func() { fill(log, 4, 4) })
		began = time.Now()
		a = ask(t, b.Client, "GET "+site+"?wait=10", "", "If-None-Match", real(`"E-3"`))
		between(t, "answered after", time.Since(began), 3*time.Second, 3*time.Second)
		if n := len(itemsOf(t, a.body)); a.status != 200 || n != 4 {
			t.Errorf("%d, %d items: it is the answer to a request from the oldest", a.status, n)
		}
	})
}

// watched is a source that tells how many wait.
type watched struct {
	*topic.Log
	mu      sync.Mutex
	waiting int
}

func (s *watched) Read(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
	s.add(1)
	defer s.add(-1)
	return s.Log.Read(ctx, after, buf)
}

func (s *watched) add(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting += n
	return s.waiting
}

// Who goes is not waited for any more, and costs nothing.
func TestLongPollEndsWithItsClient(t *testing.T) {
	for _, accept := range []string{"application/json", "application/x-ndjson"} {
		var src *watched
		overBubbles(t, func(t *testing.T) http.Handler {
			src = &watched{Log: &topic.Log{}}
			return httpstream.Handler(src, &httpstream.Options{MaxWait: time.Hour})
		}, nil, func(t *testing.T, b *bubble) {
			ctx, cancel := context.WithCancel(t.Context())
			req, _ := http.NewRequestWithContext(ctx, "GET", site+"?wait=3000", nil)
			req.Header.Set("Accept", accept)
			failed := make(chan error)
			go func() {
				res, err := b.Do(req)
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
				}
				failed <- err
			}()
			synctest.Wait()
			if n := src.add(0); n != 1 {
				t.Errorf("%d wait", n)
			}
			cancel()
			if err := <-failed; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			synctest.Wait()
			if n := src.add(0); n != 0 {
				t.Errorf("%d wait for nobody", n)
			}
		})
	}
}

func TestLongPollOfATopicThatEnds(t *testing.T) {
	var log *topic.Log
	var real func(string) string
	overBubbles(t, func(t *testing.T) http.Handler {
		log, real, _ = filled(t, 1)
		return httpstream.Handler(log, nil)
	}, nil, func(t *testing.T, b *bubble) {
		time.AfterFunc(time.Second, func() { log.Close() })
		a := ask(t, b.Client, "GET "+site+real("?wait=10&after=E-1"), "")
		if a.status != 503 {
			t.Errorf("%d", a.status)
		}
		wantRefusal(t, a, "unavailable")
	})
}

func TestCursorThatGoesWhileItIsWaitedFor(t *testing.T) {
	// Only an engine's can: in a log nothing comes between a wait and what
	// ends it.
	for _, accept := range []string{"application/json", "application/x-ndjson"} {
		var src *going
		overBubbles(t, func(t *testing.T) http.Handler {
			src = &going{gone: make(chan struct{})}
			return httpstream.Handler(src, nil)
		}, nil, func(t *testing.T, b *bubble) {
			time.AfterFunc(time.Second, func() { close(src.gone) })
			res := open(t, b.Client, "GET "+site+"?wait=10&after=a-1", "", "Accept", accept)
			defer res.Body.Close()
			if accept == "application/json" {
				if res.StatusCode != 410 || res.Header.Get("Pushwire-Cursor") != "b-0" {
					t.Errorf("%d %v", res.StatusCode, res.Header)
				}
				return
			}
			l := lines{t, res.Body, nil}
			l.want(`{"cursor":"a-1"}`)
			l.want(`{"reset":{"after":"a-1","oldest":"b-0","head":"b-0"},"cursor":"b-0"}`)
		})
	}
}

// going is a source whose cursor a-1 goes.
type going struct{ gone chan struct{} }

func (s *going) Read(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
	if after == "a-1" {
		select {
		case <-s.gone:
			return nil, &topic.GoneError{After: after, Oldest: "b-0", Head: "b-0"}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	<-ctx.Done()
	return nil, ctx.Err()
}
