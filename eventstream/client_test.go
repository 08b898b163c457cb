package eventstream_test

// One concern, the Client against scripted servers, in one file: the script at
// the top is what all of its tests are written in.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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

func TestClientComesBackWithTheLastEventID(t *testing.T) {
	clientBubbles(t, func(t *testing.T, w way) {
		c := &eventstream.Client{}
		var retries []string
		c.OnRetry = func(err error, wait time.Duration) { retries = append(retries, fmt.Sprint(errors.Is(err, io.EOF))) }
		got, events, err := play(t, w, c, []func(http.ResponseWriter, *http.Request){
			says("id: 1\ndata: a\n\nevent: b\ndata\n\n"),
			says("data: no id of its own\n\nid: 2\n\n"), // an id-only block fires nothing and counts
			says("id: 3\ndata: never finished\n"),       // its id is not taken
			breaks("id: 4\ndata: d\n\nretry: 10000\n"),  // retry counts without an empty line
			says("id\n\n"),
			says("data: after the reset\n\n"),
			status(204),
		}, nil)
		if err != nil {
			t.Errorf("204: %v", err)
		}
		if d := cmp.Diff([]string{"1|message|a", "1|b|", "1|message|no id of its own", "4|message|d", "|message|after the reset"}, events); d != "" {
			t.Error(d)
		}
		var ids []string
		for i, a := range got {
			ids = append(ids, fmt.Sprint(a.hasID, a.id))
			if a.method != "GET" || a.target != "/stream" || a.accept != "text/event-stream" || a.cache != "no-cache" {
				t.Errorf("request %d: %+v", i, a)
			}
		}
		if d := cmp.Diff([]string{"false", "true1", "true2", "true2", "true4", "false", "false"}, ids); d != "" {
			t.Error("Last-Event-ID:", d)
		}
		if d := cmp.Diff([]string{"true", "true", "true", "false", "true", "true"}, retries); d != "" {
			t.Error("ended by EOF:", d)
		}
		between(t, "the first wait", got[1].at-got[0].at, 3*time.Second, 6*time.Second)
		between(t, "the second wait, after an event that was not new", got[2].at-got[1].at, 3*time.Second, 9*time.Second)
		between(t, "with the server's retry", got[4].at-got[3].at, 10*time.Second, 20*time.Second)
		if c.LastEventID() != "" {
			t.Errorf("the last event ID is %q", c.LastEventID())
		}
	})
}

// net/http refuses to send such a field, so a stream with it could never come
// back.
func TestClientLeavesOutAnIDThatNoFieldCanHold(t *testing.T) {
	clientBubbles(t, func(t *testing.T, w way) {
		c := &eventstream.Client{}
		got, _, err := play(t, w, c, []func(http.ResponseWriter, *http.Request){
			says("id: a\x01b\ndata: x\n\n"), says("id: grüß\ttab\ndata: x\n\n"), says("id: \x7f\ndata: x\n\n"), status(204),
		}, nil)
		if err != nil || len(got) != 4 || got[1].hasID || got[2].id != "grüß\ttab" || got[3].hasID {
			t.Errorf("%+v, %v", got, err)
		}
		if c.LastEventID() != "\x7f" {
			t.Errorf("the last event ID is %q", c.LastEventID())
		}
	})
}

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

func TestAnswersThatEndTheEvents(t *testing.T) {
	for _, code := range []int{201, 206, 300, 304, 400, 401, 404, 410, 429, 500, 502, 503, 504} {
		clientBubbles(t, func(t *testing.T, w way) {
			_, _, err := play(t, w, &eventstream.Client{}, []func(http.ResponseWriter, *http.Request){
				says("id: 1\ndata: x\n\n"), status(code, "X-Why", "because", "Content-Type", "text/event-stream"),
			}, nil)
			var se *eventstream.StatusError
			if !errors.As(err, &se) || se.StatusCode != code || se.Header.Get("X-Why") != "because" || (string(se.Body) == `{"error":"why"}`) != (code >= 400) {
				t.Errorf("%d: %v, %+v", code, err, se)
			}
		})
	}
	for ct, good := range map[string]bool{
		"text/event-stream": true, "Text/Event-Stream ; charset=latin1": true, "text/event-stream;;": true,
		"text/plain": false, "": false, "text/event-streams": false, "application/json": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			parts := []func(http.ResponseWriter, *http.Request){func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Content-Type"] = []string{ct}
				io.WriteString(w, "data: x\n\n")
			}}
			if good {
				parts = append(parts, status(204))
			}
			_, events, err := play(t, clientWays[0], &eventstream.Client{}, parts, nil)
			var ce *eventstream.ContentTypeError
			if errors.As(err, &ce) == good || (len(events) == 1) != good || !good && (ce.ContentType != ct || string(ce.Body) != "data: x\n\n") {
				t.Errorf("%q: %q, %v", ct, events, err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		_, _, err := play(t, clientWays[0], &eventstream.Client{MaxEvent: 100}, []func(http.ResponseWriter, *http.Request){
			says("data: " + strings.Repeat("x", 200) + "\n\n"),
		}, nil)
		var te *eventstream.TooLargeError
		if !errors.As(err, &te) || te.Limit != 100 {
			t.Errorf("too large: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		_, _, err := play(t, clientWays[0], &eventstream.Client{}, []func(http.ResponseWriter, *http.Request){
			status(200, "Content-Type", "text/event-stream", "Content-Encoding", "br"),
		}, nil)
		var ce *eventstream.ContentTypeError
		if !errors.As(err, &ce) || ce.ContentEncoding != "br" {
			t.Errorf("a coding that nobody asked for: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := &eventstream.Client{Backoff: func(attempt int, _ time.Duration) time.Duration { return time.Duration(2 - attempt) }}
		got, _, err := play(t, clientWays[0], c, []func(http.ResponseWriter, *http.Request){says(""), says(""), says("")}, nil)
		if len(got) != 3 || !errors.Is(err, io.EOF) {
			t.Errorf("a negative wait: %d requests, %v", len(got), err)
		}
	})
	for _, c := range []*eventstream.Client{
		{},
		{URL: "/relative"},
		{URL: "http://a\x00b/"},
		{Request: func(context.Context) (*http.Request, error) { return nil, nil }},
		{Request: func(context.Context) (*http.Request, error) { return nil, errors.New("no token") }},
	} {
		n := 0
		for _, err := range c.Events(t.Context()) {
			if n++; err == nil || n > 1 || !strings.HasPrefix(err.Error(), "eventstream: client: the request can't be made: ") {
				t.Errorf("%+v: %v", c.URL, err)
			}
		}
	}
}

// HTML, 9.2.2: redirects are those of fetch.
func TestClientFollowsRedirects(t *testing.T) {
	for _, code := range []int{301, 302, 303, 307, 308} {
		clientBubbles(t, func(t *testing.T, w way) {
			c := &eventstream.Client{After: "9", Request: func(ctx context.Context) (*http.Request, error) {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://mem/old", strings.NewReader("ask"))
				return req, err
			}}
			got, events, err := play(t, w, c, []func(http.ResponseWriter, *http.Request){
				status(code, "Location", "/new"), says("data: x\n\n"), status(204),
			}, nil)
			if err != nil || len(events) != 1 || len(got) != 3 {
				t.Fatalf("%d: %q, %v", code, events, err)
			}
			method, body := "GET", ""
			if code >= 307 {
				method, body = "POST", "ask"
			}
			if a := got[1]; a.target != "/new" || a.method != method || a.body != body || a.id != "9" || a.accept != "text/event-stream" {
				t.Errorf("%d: %+v", code, a)
			}
			if a := got[2]; a.target != "/old" || a.body != "ask" || a.method != "POST" {
				t.Errorf("%d, the next attempt: %+v", code, a)
			}
		})
	}
}

// The request is made anew for each attempt, its body and its token too.
func TestRequestIsMadeForEachAttempt(t *testing.T) {
	clientBubbles(t, func(t *testing.T, w way) {
		n := 0
		c := &eventstream.Client{
			HTTP: &http.Client{Timeout: time.Second}, // which would end a stream, and is not obeyed
			Request: func(context.Context) (*http.Request, error) {
				n++
				// Neither the context, nor a length, nor GetBody: that has to do.
				req, err := http.NewRequest(http.MethodPost, "http://mem/", io.LimitReader(strings.NewReader(fmt.Sprint("body ", n)), 100))
				if err == nil {
					req.Header = http.Header{"X-Secret": {fmt.Sprint(n)}, "Accept": {"text/event-stream, */*;q=0.1"}, "Cache-Control": {"no-store"}}
				}
				return req, err
			},
		}
		got, events, err := play(t, w, c, []func(http.ResponseWriter, *http.Request){
			func(w http.ResponseWriter, r *http.Request) {
				saysNow(w, "data: 1\n\n")
				time.Sleep(20 * time.Second)
				saysNow(w, "data: 2\n\n")
			},
			says(""), status(204),
		}, nil)
		if err != nil || len(events) != 2 || len(got) != 3 {
			t.Fatalf("%q, %d requests, %v", events, len(got), err)
		}
		for i, a := range got {
			if a.body != fmt.Sprint("body ", i+1) || a.secret != fmt.Sprint(i+1) || a.accept != "text/event-stream, */*;q=0.1" || a.cache != "no-store" {
				t.Errorf("request %d: %+v", i, a)
			}
		}
	})
}

func saysNow(w http.ResponseWriter, text string) {
	says(text)(w, nil)
	http.NewResponseController(w).Flush()
}

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

// The context ends the events wherever they are: before the head, between
// events, during a wait.
func TestClientEndsWithItsContext(t *testing.T) {
	for name, part := range map[string]func(http.ResponseWriter, *http.Request){
		"before the head": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"in the stream":   saysAndWaits("data: x\n\n"),
		"in a wait":       says("retry: 3600000\n"),
	} {
		t.Run(name, func(t *testing.T) {
			clientBubbles(t, func(t *testing.T, w way) {
				hc, _, stop := w.inBubble(&script{t: t, parts: []func(http.ResponseWriter, *http.Request){part}}, nil)
				defer stop()
				ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Second, errors.New("enough"))
				defer cancel()
				began := time.Now()
				var last error
				c := eventstream.Client{URL: "http://mem/", HTTP: hc}
				for _, err := range c.Events(ctx) {
					last = err
				}
				if last == nil || !strings.HasSuffix(last.Error(), "enough") || time.Since(began) != 30*time.Second {
					t.Errorf("%v after %v", last, time.Since(began))
				}
			})
		})
	}
}

// Who leaves the loop leaves nothing open: the server sees it at once.
func TestLeavingTheLoopClosesTheStream(t *testing.T) {
	clientBubbles(t, func(t *testing.T, w way) {
		gone := make(chan bool, 1)
		_, events, err := play(t, w, &eventstream.Client{}, []func(http.ResponseWriter, *http.Request){
			func(w http.ResponseWriter, r *http.Request) {
				saysAndWaits("data: 1\n\ndata: 2\n\n")(w, r)
				gone <- true
			},
		}, func(eventstream.Event) bool { return false })
		if err != nil || len(events) != 1 {
			t.Errorf("%q, %v", events, err)
		}
		<-gone
	})
}

// A second run goes on after the first.
func TestClientGoesOnAfterALoop(t *testing.T) {
	var ids []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids = append(ids, r.Header.Get("Last-Event-ID"))
		says("id: "+fmt.Sprint(len(ids))+"\ndata: x\n\n")(w, r)
	}))
	defer srv.Close()
	c := &eventstream.Client{URL: srv.URL, HTTP: srv.Client(), After: "0"}
	if c.LastEventID() != "0" {
		t.Errorf("before the first: %q", c.LastEventID())
	}
	for range 3 {
		for range c.Events(t.Context()) {
			break
		}
	}
	if d := cmp.Diff([]string{"0", "1", "2"}, ids); d != "" || c.LastEventID() != "3" {
		t.Error(d, c.LastEventID())
	}
}

// It is no use to ask a server again whose certificate is not trusted, and
// nobody would see why there are no events.
func TestUntrustedCertificateEndsTheEvents(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(says("")))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	c := eventstream.Client{URL: srv.URL, HTTP: &http.Client{Transport: tr}}
	n := 0
	for _, err := range c.Events(t.Context()) {
		if n++; err == nil || n > 1 {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// The panic of a loop body goes through, and nothing is left behind (leaktest).
func TestPanicInTheLoop(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(saysAndWaits("data: x\n\n")))
	defer srv.Close()
	defer func() {
		if recover() != "boom" {
			t.Error("the panic got lost")
		}
	}()
	c := eventstream.Client{URL: srv.URL, HTTP: srv.Client()}
	for range c.Events(t.Context()) {
		panic("boom")
	}
}

// A block without data is known at once, also while the server says no more.
func TestLastEventIDIsKnownBeforeTheNextEvent(t *testing.T) {
	clientBubbles(t, func(t *testing.T, w way) {
		c := &eventstream.Client{}
		seen := make(chan string, 1)
		play(t, w, c, []func(http.ResponseWriter, *http.Request){func(w http.ResponseWriter, _ *http.Request) {
			saysNow(w, "id: 9\n\n")
			synctest.Wait()
			seen <- c.LastEventID()
			saysNow(w, "data: x\n\n")
		}}, func(eventstream.Event) bool { return false })
		if id := <-seen; id != "9" {
			t.Errorf("it was %q", id)
		}
	})
}

// cannedAnswers is a RoundTripper that knows nothing of contexts: only the
// body tells it that nobody reads any more.
type cannedAnswers struct {
	status int
	ct     string
	bodies []*closeBody
}

func (c *cannedAnswers) RoundTrip(req *http.Request) (*http.Response, error) {
	res, body := answerOf(c.status, c.ct, "data: 1\n\ndata: 2\n\n")
	res.Request = req
	c.bodies = append(c.bodies, body)
	return res, nil
}

// The body is closed on every way out of an attempt.
func TestClientClosesTheBody(t *testing.T) {
	for _, row := range []struct {
		why    string
		status int
		ct     string
		body   func() bool // of the loop; false leaves it
	}{
		{"the end of the answer", 200, "text/event-stream", func() bool { return true }},
		{"the loop is left", 200, "text/event-stream", func() bool { return false }},
		{"the loop panics", 200, "text/event-stream", func() bool { panic("boom") }},
		{"204", 204, "", nil},
		{"a status", 500, "text/plain", nil},
		{"a type", 200, "text/plain", nil},
	} {
		answers := &cannedAnswers{status: row.status, ct: row.ct}
		c := eventstream.Client{
			URL: "http://canned/", HTTP: &http.Client{Transport: answers},
			Backoff: func(int, time.Duration) time.Duration { return -1 },
		}
		func() {
			defer func() { recover() }()
			for _, err := range c.Events(t.Context()) {
				if err == nil && !row.body() {
					break
				}
			}
		}()
		if len(answers.bodies) != 1 || answers.bodies[0].closed == 0 {
			t.Errorf("%s: %d answers, the body was not closed", row.why, len(answers.bodies))
		}
	}
}
