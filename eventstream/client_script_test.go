package eventstream_test

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

// asked is one request that the script's server got.
type asked struct {
	at                        time.Duration // since the beginning
	method, target, body      string
	accept, cache, id, secret string
	hasID                     bool
}

// script is a server that answers the nth request with its nth part; more
// requests than parts fail the test.
type script struct {
	t     *testing.T
	parts []func(w http.ResponseWriter, r *http.Request)

	mu    sync.Mutex
	begin time.Time
	got   []asked
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, hasID := r.Header["Last-Event-Id"]
	s.mu.Lock()
	n := len(s.got)
	s.got = append(s.got, asked{
		at: time.Since(s.begin), method: r.Method, target: r.URL.Path, body: string(body),
		accept: r.Header.Get("Accept"), cache: r.Header.Get("Cache-Control"), id: r.Header.Get("Last-Event-ID"),
		secret: r.Header.Get("X-Secret"), hasID: hasID,
	})
	s.mu.Unlock()
	if n >= len(s.parts) {
		s.t.Errorf("request %d came, there are answers for %d", n+1, len(s.parts))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.parts[n](w, r)
}

// says answers with a stream that holds text, and ends.
func says(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		io.WriteString(w, text)
	}
}

// saysAndWaits leaves the stream open.
func saysAndWaits(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		says(text)(w, r)
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
}

func status(code int, fields ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		w.WriteHeader(code)
		if code >= 400 {
			io.WriteString(w, `{"error":"why"}`)
		}
	}
}

// breaks answers with text and drops the connection in the middle.
func breaks(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		says(text)(w, r)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// run plays parts to c on the clock of synctest and returns the requests, the
// events and the last error.
func play(t *testing.T, w way, c *eventstream.Client, parts []func(http.ResponseWriter, *http.Request), body func(eventstream.Event) bool) (got []asked, events []string, last error) {
	t.Helper()
	s := &script{t: t, parts: parts, begin: time.Now()}
	hc, _, stop := w.inBubble(s, nil)
	if c.HTTP == nil {
		c.HTTP = hc
	} else {
		c.HTTP.Transport = hc.Transport
	}
	if c.Request == nil {
		c.URL = "http://mem/stream"
	}
	for ev, err := range c.Events(t.Context()) {
		if err != nil {
			last = err
			continue // it must be the last
		}
		if last != nil {
			t.Errorf("an event after the error %v", last)
		}
		events = append(events, ev.ID+"|"+ev.Type+"|"+string(ev.Data))
		if body != nil && !body(ev) {
			break
		}
	}
	stop()
	return s.got, events, last
}

var clientWays = []way{{name: "HTTP1"}, {name: "HTTP2", http2: true}}

func clientBubbles(t *testing.T, f func(t *testing.T, w way)) {
	for _, w := range clientWays {
		t.Run(w.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { f(t, w) }) })
	}
}

// between fails unless low <= d <= high.
func between(t *testing.T, what string, d, low, high time.Duration) {
	t.Helper()
	if d < low || d > high {
		t.Errorf("%s: %v, want %v to %v", what, d, low, high)
	}
}

func saysNow(w http.ResponseWriter, text string) {
	says(text)(w, nil)
	http.NewResponseController(w).Flush()
}
