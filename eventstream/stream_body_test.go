package eventstream_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

// net/http reads what is left of a request's body before it sends the head of
// the answer. A client that announces one and does not send it is waited for as
// long as for half a write, whatever http.Server says.
func TestBodyThatDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		ended := make(chan error, 1)
		began := time.Now()
		srv := &http.Server{ReadTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := eventstream.Accept(w, r, nil)
			if err == nil {
				s.Close()
			}
			ended <- err
		})}
		done := make(chan struct{})
		go func() { srv.Serve(l); close(done) }()
		nc, err := l.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(nc, "POST / HTTP/1.1\r\nHost: mem\r\nContent-Length: 100\r\n\r\nhalf of it")
		select {
		case err := <-ended:
			between(t, "given up after", time.Since(began), 5*time.Second, 5*time.Second)
			var e *eventstream.EndError
			if !errors.As(err, &e) || e.End != eventstream.EndTimeout || !strings.Contains(err.Error(), "body") {
				t.Errorf("ended with %v", err)
			}
		case <-time.After(time.Hour):
			t.Error("the handler waits for ever")
		}
		nc.Close()
		srv.Close()
		l.Close()
		<-done
	})
}
