package eventstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/eventstream"
)

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
