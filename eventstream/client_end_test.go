package eventstream_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

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
