package httpstream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// Long polls are answered with what their client goes on with, streams end
// behind a whole line, and who comes is told to come back.
func TestShutdown(t *testing.T) {
	var group *httpstream.Group
	var real, short func(string) string
	overBubbles(t, func(t *testing.T) http.Handler {
		var log *topic.Log
		log, real, short = filled(t, 3)
		group = new(httpstream.Group)
		return httpstream.Handler(log, &httpstream.Options{Group: group, Allow: func(*http.Request) error { return nil }})
	}, nil, func(t *testing.T, b *bubble) {
		polled := make(chan answer, 3)
		for _, query := range []string{"?wait=20&after=E-3", "?wait=20&after=now", "?wait=20&after=E-3"} {
			go func() { polled <- ask(t, b.Client, "GET "+site+real(query), "") }()
		}
		res := open(t, b.Client, "GET "+site+real("?after=E-2"), "", "Accept", acceptLines)
		defer res.Body.Close()
		l := lines{t, res.Body, nil}
		l.want(real(`{"cursor":"E-2"}`))
		l.want(real(`{"cursor":"E-3","data":"3"}`))
		synctest.Wait()
		if n := group.Len(); n != 4 {
			t.Errorf("%d members", n)
		}
		began := time.Now()
		left, err := group.Shutdown(t.Context())
		if left != 0 || err != nil || time.Since(began) != 0 || group.Len() != 0 {
			t.Errorf("Shutdown: %d, %v, after %v, %d members", left, err, time.Since(began), group.Len())
		}
		l.wantEnd()
		for range 3 {
			a := <-polled
			if a.status != 204 || short(a.header.Get("Pushwire-Cursor")) != "E-3" {
				t.Errorf("poll: %d %v", a.status, a.header)
			}
		}
		seen := map[string]bool{}
		for range 40 {
			for _, what := range []string{"GET ", "POST ", "HEAD "} {
				a := ask(t, b.Client, what+site, "")
				after, err := strconv.Atoi(a.header.Get("Retry-After"))
				if a.status != 503 || err != nil || after < 1 || after > 5 {
					t.Fatalf("%s: %d %v", what, a.status, a.header)
				}
				seen[a.header.Get("Retry-After")] = true
				if what != "HEAD " {
					wantRefusal(t, a, "shutting_down")
				}
			}
		}
		if len(seen) != 5 {
			t.Errorf("Retry-After was one of %v only", seen)
		}
		if left, err := group.Shutdown(t.Context()); left != 0 || err != nil {
			t.Errorf("again: %d, %v", left, err)
		}
	})
}

// The next request of a client is to reach another server, so the connection
// ends with the answer.
func TestShutdownClosesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, real, _ := filled(t, 1)
		var group httpstream.Group
		b := way{}.inBubble(httpstream.Handler(log, &httpstream.Options{Group: &group}), nil)
		defer b.close()
		nc, err := b.l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		io.WriteString(nc, real("GET /?wait=20&after=E-1 HTTP/1.1\r\nHost: mem\r\n\r\n"))
		synctest.Wait()
		group.Shutdown(t.Context())
		all, err := io.ReadAll(nc)
		if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 204 ") || !strings.Contains(string(all), "\r\nConnection: close\r\n") {
			t.Errorf("%v %q", err, all)
		}
	})
}

// A source that does not know where it is can't say where to go on.
func TestShutdownOfABareSource(t *testing.T) {
	var group *httpstream.Group
	overBubbles(t, func(t *testing.T) http.Handler {
		group = new(httpstream.Group)
		return httpstream.Handler(bare{&topic.Log{}}, &httpstream.Options{Group: group})
	}, nil, func(t *testing.T, b *bubble) {
		got := make(chan answer)
		go func() { got <- ask(t, b.Client, "GET "+site+"?wait=20", "") }()
		synctest.Wait()
		group.Shutdown(t.Context())
		if a := <-got; a.status != 503 || a.header.Get("Retry-After") == "" {
			t.Errorf("%d %v", a.status, a.header)
		}
	})
}

// A stream whose client does not read has a second for the write under way;
// with the end of the context it is cut off at once.
func TestShutdownOfAStuckStream(t *testing.T) {
	for _, tt := range []struct {
		within time.Duration
		left   int
		most   time.Duration
	}{{time.Minute, 0, time.Second}, {100 * time.Millisecond, 1, 100 * time.Millisecond}} {
		var group *httpstream.Group
		var log *topic.Log
		overBubbles(t, func(t *testing.T) http.Handler {
			log = &topic.Log{MaxBytes: 64 << 20}
			group = new(httpstream.Group)
			return httpstream.Handler(log, &httpstream.Options{Group: group, WriteTimeout: time.Hour})
		}, nil, func(t *testing.T, b *bubble) {
			res := open(t, b.Client, "GET "+site, "", "Accept", acceptLines)
			defer res.Body.Close()
			for range 100 {
				log.Append("", []byte(strings.Repeat("x", 64<<10)))
			}
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), tt.within)
			defer cancel()
			began := time.Now()
			left, err := group.Shutdown(ctx)
			between(t, "Shutdown took", time.Since(began), tt.most, tt.most)
			if left != tt.left || (err != nil) != (tt.left > 0) || err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Shutdown: %d, %v", left, err)
			}
			synctest.Wait()
			if n := group.Len(); n != 0 {
				t.Errorf("%d members", n)
			}
		})
	}
}

// Who is answered while the group shuts down is answered once.
func TestShutdownRaces(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			log, real, _ := filled(t, 1)
			var group httpstream.Group
			b := way{}.inBubble(httpstream.Handler(log, &httpstream.Options{Group: &group}), nil)
			defer b.close()
			got := make(chan answer, 8)
			for range 8 {
				go func() { got <- ask(t, b.Client, "GET "+site+real("?wait=20&after=E-1"), "") }()
			}
			go fill(log, 2, 3)
			if left, err := group.Shutdown(t.Context()); left != 0 || err != nil {
				t.Fatal(left, err)
			}
			for range 8 {
				if a := <-got; a.status != 200 && a.status != 204 && a.status != 503 {
					t.Fatal(a)
				}
			}
		})
	}
}
