package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/eventstream"
)

// sseEvents are what is sent both ways: each has an ID, so that a client can
// come back after any of them.
var sseEvents = []eventstream.Event{
	{ID: "1", Type: "message", Data: []byte("plain")},
	{ID: "2", Type: "tick", Data: []byte("two\nlines")},
	{ID: "3", Type: "message", Data: []byte(" a space before")},
	{ID: "4", Type: "message", Data: []byte("Grüße, 世界 \U0001f680")},
	{ID: "five:5", Type: "tick", Data: []byte(`{"json": [1, 2, "data: x"]}`)},
	{ID: "6", Type: "message", Data: []byte("\n\nempty lines\n\nwithin")},
	{ID: "7", Type: "tick", Data: []byte(strings.Repeat("a long line ", 10_000))},
	{ID: "8", Type: "message", Data: []byte(strings.Repeat("many\nlines\n", 500) + "end")},
}

var sseTypes = []string{"message", "tick"}

const sseRetry = 50 * time.Millisecond

// resumable is a server of ours that sends sseEvents after the last one that
// the client has seen, at most portion of them on each stream. It sends one
// only after the test has called taken, so that each is delivered by itself.
type resumable struct {
	portion int
	taken   chan struct{}

	mu  sync.Mutex
	ids []string // Last-Event-ID of each request
}

func (v *resumable) serve(s *eventstream.Stream, r *http.Request) {
	v.mu.Lock()
	v.ids = append(v.ids, s.LastEventID())
	v.mu.Unlock()
	from := 0
	for i, ev := range sseEvents {
		if ev.ID == s.LastEventID() {
			from = i + 1
		}
	}
	to := min(from+v.portion, len(sseEvents))
	for _, ev := range sseEvents[from:to] {
		if s.Send(ev) != nil {
			return
		}
		select {
		case <-v.taken:
		case <-s.Context().Done():
			return
		}
	}
	if to == len(sseEvents) && v.portion < to {
		<-s.Context().Done() // else the client would come back for ever
	}
}

func (v *resumable) start(t *testing.T, gzip bool) string {
	t.Helper()
	v.taken = make(chan struct{})
	o := &eventstream.Options{Retry: sseRetry}
	if gzip {
		o.Encodings = []eventstream.Encoding{eventstream.Gzip()}
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gzip && !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			t.Errorf("the client does not ask for gzip: %q", r.Header)
		}
		eventstream.Handler(v.serve, o).ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// wantSSE waits for the events, and lets the server send the next after each.
func (v *resumable) wantSSE(t *testing.T, c *child, events []eventstream.Event) {
	t.Helper()
	for _, want := range events {
		e := c.next(t)
		for e.Event == "open" || e.Event == "lost" || e.Event == "retry" {
			if e.Event == "retry" && e.Code != int(sseRetry/time.Millisecond) {
				t.Errorf("the client took a retry of %d ms", e.Code)
			}
			e = c.next(t)
		}
		if e.Event != "sse" || e.ID != want.ID || e.Type != want.Type || string(e.Data) != string(want.Data) {
			t.Fatalf("got %s %s: id %q, type %q, %d bytes %.60q; want id %q, type %q, %d bytes %.60q", e.Event, e.Message, e.ID, e.Type, len(e.Data), e.Data, want.ID, want.Type, len(want.Data), want.Data)
		}
		v.taken <- struct{}{}
	}
}

// TestForeignEventClients reads our streams with npm's eventsource and
// eventsource-parser and PyPI's httpx-sse, plain and by gzip: every event
// arrives before the next one is sent.
func TestForeignEventClients(t *testing.T) {
	nodeClient := start(t, "eventsource", "node/events_client.mjs", node, nodeModules)
	pythonClient := start(t, "httpx-sse", "python/events_client.py", python)
	for _, coding := range []string{"plain", "gzip"} {
		t.Run(coding+"/eventsource", func(t *testing.T) {
			v := &resumable{portion: 3}
			nodeClient.do(t, command{"cmd": "subscribe", "url": v.start(t, coding == "gzip"), "types": sseTypes})
			v.wantSSE(t, nodeClient, sseEvents)
			nodeClient.do(t, command{"cmd": "close"})
			v.mu.Lock()
			defer v.mu.Unlock()
			if d := cmp.Diff([]string{"", "3", "6"}, v.ids); d != "" {
				t.Error("Last-Event-ID:", d)
			}
		})
		for name, c := range map[string]*child{"eventsource-parser": nodeClient, "httpx-sse": pythonClient} {
			t.Run(coding+"/"+name, func(t *testing.T) {
				v := &resumable{portion: len(sseEvents)}
				c.do(t, command{"cmd": "parse", "url": v.start(t, coding == "gzip")})
				v.wantSSE(t, c, sseEvents)
				c.want(t, "end")
			})
		}
	}
}

// TestForeignEventServers reads npm's better-sse and PyPI's sse-starlette with
// our Client, which comes back after the end of an answer.
func TestForeignEventServers(t *testing.T) {
	for _, row := range []struct {
		name, script string
		json         bool // the data goes out as JSON
		parts        []part
	}{
		{"better-sse", "node/events_server.mjs", true, []part{node, nodeModules}},
		{"sse-starlette", "python/events_server.py", false, []part{python}},
	} {
		t.Run(row.name, func(t *testing.T) {
			server := start(t, row.name, row.script, row.parts...)
			server.do(t, command{"cmd": "listen", "retry": 120})
			url := fmt.Sprintf("http://127.0.0.1:%d/", server.want(t, "listening").Port)

			ctx, cancel := context.WithCancel(t.Context())
			var waits []time.Duration
			transport := &http.Transport{}
			client := &eventstream.Client{
				HTTP:    &http.Client{Transport: transport},
				OnRetry: func(_ error, wait time.Duration) { waits = append(waits, wait) },
				Request: func(ctx context.Context) (*http.Request, error) {
					return http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"stream":true}`))
				},
			}
			events := make(chan eventstream.Event)
			ended := make(chan error, 1)
			go func() {
				for ev, err := range client.Events(ctx) {
					if err != nil {
						ended <- err
						return
					}
					ev.Data = append([]byte(nil), ev.Data...)
					events <- ev
				}
				ended <- nil
			}()
			last := ""
			for i, want := range sseEvents {
				if i%3 == 0 {
					if e := server.want(t, "open"); e.ID != last || e.Type != http.MethodPost {
						t.Errorf("stream %d: %s with Last-Event-ID %q, want %q", i/3, e.Type, e.ID, last)
					}
				}
				server.do(t, command{"cmd": "push", "type": want.Type, "id": want.ID, "data": want.Data})
				if row.json {
					b, err := json.Marshal(string(want.Data))
					if err != nil {
						t.Fatal(err)
					}
					want.Data = b
				}
				select {
				case got := <-events:
					if got.ID != want.ID || got.Type != want.Type || string(got.Data) != string(want.Data) {
						t.Errorf("event %d: got id %q, type %q, %d bytes %.60q; want %d bytes", i, got.ID, got.Type, len(got.Data), got.Data, len(want.Data))
					}
				case err := <-ended:
					t.Fatalf("the events ended: %v", err)
				case <-time.After(eventTime):
					t.Fatalf("event %d did not come", i)
				}
				last = want.ID
				if i%3 == 2 {
					server.do(t, command{"cmd": "end"})
				}
			}
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("the events ended with %v", err)
			}
			transport.CloseIdleConnections()
			if client.LastEventID() != last {
				t.Errorf("the last event ID is %q", client.LastEventID())
			}
			if len(waits) != 2 {
				t.Errorf("%d waits", len(waits))
			}
			for _, w := range waits { // the server's retry, and at most as much again
				if w < 120*time.Millisecond || w > 240*time.Millisecond {
					t.Errorf("waited %v, the server asks for 120 ms", w)
				}
			}
		})
	}
}
