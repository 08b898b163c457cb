package eventstream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

// closeBody counts how often it is closed.
type closeBody struct {
	io.Reader
	closed int
}

func (b *closeBody) Close() error { b.closed++; return nil }

func answerOf(status int, ct, text string) (*http.Response, *closeBody) {
	b := &closeBody{Reader: strings.NewReader(text)}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Content-Type": {ct}}, Body: b}, b
}

func TestEventsOfOneAnswer(t *testing.T) {
	for _, row := range []struct {
		why    string
		status int
		ct     string
		text   string
		max    int
		events int
		err    any // pointer to the type that is wanted; nil for none
	}{
		{"a good one", 200, "text/event-stream; charset=utf-8", "data: 1\n\ndata: 2\r\rdata: 3\r\n\r\ndata: half", 0, 3, nil},
		{"an empty one", 200, "text/event-stream", "", 0, 0, nil},
		{"an error of the API", 429, "application/json", `{"error":1}`, 0, 0, new(*eventstream.StatusError)},
		{"no content", 204, "", "", 0, 0, new(*eventstream.StatusError)},
		{"no stream", 200, "application/json", `{"answer":42}`, 0, 0, new(*eventstream.ContentTypeError)},
		{"too large", 200, "text/event-stream", "data: 1\n\ndata: 12345678901\n\n", 10, 1, new(*eventstream.TooLargeError)},
	} {
		res, body := answerOf(row.status, row.ct, row.text)
		n := 0
		var last error
		for _, err := range eventstream.Events(res, &eventstream.ReadOptions{MaxEvent: row.max}) {
			if err != nil {
				last = err
				continue
			}
			n++
		}
		if n != row.events || (row.err == nil) != (last == nil) || row.err != nil && !errors.As(last, row.err) {
			t.Errorf("%s: %d events, %v", row.why, n, last)
		}
		if body.closed == 0 {
			t.Errorf("%s: the body was not closed", row.why)
		}
	}
	res, body := answerOf(200, "text/event-stream", "data: 1\n\ndata: 2\n\n")
	for range eventstream.Events(res, nil) {
		break
	}
	if body.closed == 0 {
		t.Error("the body was not closed after a break")
	}
}

// A status error holds what the API said, but not without end.
func TestStatusErrorKeepsTheBeginningOfTheBody(t *testing.T) {
	res, _ := answerOf(500, "text/plain", strings.Repeat("x", 1<<20))
	for _, err := range eventstream.Events(res, nil) {
		var se *eventstream.StatusError
		if !errors.As(err, &se) || len(se.Body) != 4<<10 {
			t.Errorf("%v, %d bytes", err, len(se.Body))
		}
	}
}

func TestEventsIdleTime(t *testing.T) {
	clientBubbles(t, func(t *testing.T, w way) {
		hc, _, stop := w.inBubble(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for range 20 { // longer than any one wait
				time.Sleep(20 * time.Second)
				saysNow(w, "data: x\n\n")
			}
			<-r.Context().Done()
		}), nil)
		defer stop()
		res := bubbleGet(t, hc)
		n := 0
		var last error
		began := time.Now()
		for _, err := range eventstream.Events(res, &eventstream.ReadOptions{Idle: 30 * time.Second}) {
			if last = err; err == nil {
				n++
			}
		}
		var ie *eventstream.IdleError
		if n != 20 || !errors.As(last, &ie) || !ie.Timeout() || time.Since(began) != 410*time.Second {
			t.Errorf("%d events, %v after %v", n, last, time.Since(began))
		}
	})
}

// An answer that was cut off is told from one that has ended, and so is a
// context that has.
func TestEventsOfAnAnswerThatBreaksOff(t *testing.T) {
	clientBubbles(t, func(t *testing.T, w way) {
		hc, _, stop := w.inBubble(http.HandlerFunc(breaks("data: x\n\n")), nil)
		defer stop()
		var last error
		for _, err := range eventstream.Events(bubbleGet(t, hc), nil) {
			last = err
		}
		if last == nil || errors.Is(last, io.EOF) {
			t.Errorf("it ended with %v", last)
		}
	})
	clientBubbles(t, func(t *testing.T, w way) {
		hc, _, stop := w.inBubble(http.HandlerFunc(saysAndWaits("data: x\n\n")), nil)
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", "http://mem/", nil)
		res, err := hc.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var last error
		for _, err := range eventstream.Events(res, nil) {
			cancel()
			last = err
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("it ended with %v", last)
		}
	})
}
