package httpstream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/topic"
)

// A shutdown ends all in good order, and refuses who comes later.
func TestShutdownOfTheGroup(t *testing.T) {
	overWays(t, func(t *testing.T, w way) {
		var log topic.Log
		defer log.Close()
		var group Group
		s := w.serve(t, &log, &Options{Group: &group})
		log.Append("", []byte("0"))
		var readers []*reader
		for range 5 {
			r := s.open(t, "")
			r.wantTexts(t, "0")
			readers = append(readers, r)
		}
		if n := group.Len(); n != len(readers) {
			t.Errorf("%d members", n)
		}
		ends := make(chan string, len(readers))
		for _, r := range readers {
			go func() {
				if w.socket {
					_, err := r.next(t.Context())
					ends <- fmt.Sprint(pushwire.CodeOf(err) == frame.CodeGoingAway)
					return
				}
				_, err := r.next(t.Context())
				retry, ok := r.dec.Retry()
				ends <- fmt.Sprint(err == io.EOF && ok && retry >= retryMin*time.Millisecond && retry <= retryMax*time.Millisecond)
			}()
		}
		if left, err := group.Shutdown(t.Context()); left != 0 || err != nil {
			t.Errorf("%d left, %v", left, err)
		}
		for range readers {
			if ok := <-ends; ok != "true" {
				t.Error("an end without its sign")
			}
		}
		if _, err := s.dial(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("after the shutdown: %v", err)
		}
	})
}

// Clients that do not read hold a shutdown up for as long as its context
// allows.
func TestShutdownAndStuckClients(t *testing.T) {
	overWays(t, func(t *testing.T, w way) {
		if w.http2 || w.deflate {
			return // their clients read whatever we do; what compresses does not fill a socket
		}
		w.narrow = true
		log := topic.Log{MaxBytes: 64 << 20}
		defer log.Close()
		var group Group
		s := w.serve(t, &log, &Options{Group: &group})
		log.Append("", bytes.Repeat([]byte("x"), 8<<20)) // more than all buffers on the way
		for range 3 {
			r := s.open(t, "")
			body := io.Reader(r.res.Body)
			if w.socket {
				r.conn.Read(t.Context()) // the position
				_, body, _ = r.conn.Reader(t.Context())
			}
			if _, err := io.ReadFull(body, make([]byte, 100)); err != nil { // in the middle of it
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if left, err := group.Shutdown(ctx); left == 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d left, %v", left, err)
		}
		waitFor(t, "the group is empty", func() bool { return group.Len() == 0 })
	})
}

// Who goes is forgotten at once, also while nothing is sent.
func TestClientsThatGo(t *testing.T) { overWatched(t, testClientsThatGo) }

func testClientsThatGo(t *testing.T, watch watcher) {
	overWays(t, func(t *testing.T, w way) {
		src := watch(new(topic.Log))
		defer src.Close()
		var group Group
		s := w.serve(t, src, &Options{Group: &group})
		for range 10 {
			r := s.open(t, "")
			waitFor(t, "it waits", func() bool { return src.owes() == 1 })
			r.close()
			waitFor(t, "it is forgotten", func() bool { return src.owes() == 0 && group.Len() == 0 })
		}
	})
}

// What a client says on a socket.
func TestMessagesOfTheClient(t *testing.T) {
	var log topic.Log
	defer log.Close()
	var all []topic.Cursor
	for i := range 3 {
		all = append(all, log.Append("", fmt.Append(nil, i)))
	}
	s := way{socket: true}.serve(t, &log, nil)
	t.Run("first", func(t *testing.T) {
		r := s.open(t, "after=message")
		if err := pushwire.WriteJSON(t.Context(), r.conn, map[string]any{"after": all[0], "more": 1}); err != nil {
			t.Fatal(err)
		}
		r.wantTexts(t, "1", "2")
	})
	t.Run("first, gone", func(t *testing.T) {
		r := s.open(t, "after=message")
		r.conn.Write(t.Context(), frame.Text, []byte(`{"after":"abc-7"}`))
		r.wantReset(t)
		r.wantTexts(t, "0", "1", "2")
	})
	wantClose := func(t *testing.T, r *reader, code frame.Code, reason string) {
		t.Helper()
		for {
			_, err := r.next(t.Context())
			if err == nil {
				continue
			}
			var ce *pushwire.CloseError
			if !errors.As(err, &ce) || ce.Code != code || ce.Reason != reason {
				t.Errorf("ended with %v; want %d %q", err, code, reason)
			}
			return
		}
	}
	for _, v := range []struct{ name, first, reason string }{
		{"garbage", "hello", reasonFirst},
		{"no cursor in it", "{}", reasonFirst},
		{"a number", `{"after":7}`, reasonFirst},
		{"no cursor", `{"after":"x"}`, reasonNoCursor},
		{"itself", `{"after":"message"}`, reasonNoCursor},
		{"long", `{"after":"` + strings.Repeat("a", 100) + `-1"}`, reasonNoCursor},
	} {
		t.Run("first, "+v.name, func(t *testing.T) {
			r := s.open(t, "after=message")
			r.conn.Write(t.Context(), frame.Text, []byte(v.first))
			wantClose(t, r, frame.CodePolicy, v.reason)
		})
	}
	t.Run("first, binary", func(t *testing.T) {
		r := s.open(t, "after=message")
		r.conn.Write(t.Context(), frame.Binary, []byte(`{"after":""}`))
		wantClose(t, r, frame.CodePolicy, reasonFirst)
	})
	t.Run("second", func(t *testing.T) {
		for _, query := range []string{"", "after=message"} {
			r := s.open(t, query)
			for range 2 {
				r.conn.Write(t.Context(), frame.Text, []byte(`{"after":""}`))
			}
			wantClose(t, r, frame.CodePolicy, reasonMessage)
		}
	})
	t.Run("too large", func(t *testing.T) {
		r := s.open(t, "")
		r.conn.Write(t.Context(), frame.Text, make([]byte, maxMessage+1))
		for {
			if _, err := r.next(t.Context()); err != nil {
				if code := pushwire.CodeOf(err); code != frame.CodeTooBig {
					t.Errorf("ended with %v", err)
				}
				break
			}
		}
	})
}

// What is no opening handshake is refused in the shape of all refusals.
func TestWhatIsNoHandshake(t *testing.T) {
	var log topic.Log
	defer log.Close()
	s := way{socket: true}.serve(t, &log, nil)
	res, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if r := parseRefusal(body); res.StatusCode != http.StatusUpgradeRequired || !strings.HasPrefix(r.Token, "handshake_") || r.Message == "" || res.Header.Get("Upgrade") != "websocket" {
		t.Errorf("%s, %q, %v", res.Status, body, res.Header)
	}
}

// Events says no to who does not want it, and answers HEAD without a body.
func TestEventsThatAreNotWanted(t *testing.T) {
	var log topic.Log
	defer log.Close()
	log.Append("", []byte("x"))
	for _, w := range ways {
		if w.socket {
			continue
		}
		s := w.serve(t, &log, nil)
		for _, v := range []struct {
			method, accept string
			status         int
		}{
			{http.MethodGet, "application/json", http.StatusNotAcceptable},
			{http.MethodHead, "", http.StatusOK},
			{http.MethodPut, "", http.StatusMethodNotAllowed},
		} {
			req, _ := http.NewRequestWithContext(t.Context(), v.method, s.URL, nil)
			if v.accept != "" {
				req.Header.Set("Accept", v.accept)
			}
			res, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != v.status || err != nil || v.method == http.MethodHead && len(body) > 0 {
				t.Errorf("%s: %s %q: %s, %q, %v", w.name, v.method, v.accept, res.Status, body, err)
			}
		}
	}
}

// The head of an event stream on a connection of our own, and a Last-Event-ID.
func TestTheHeadOfATakenOverConnection(t *testing.T) {
	var log topic.Log
	defer log.Close()
	c := log.Append("", []byte("0"))
	log.Append("", []byte("1"))
	s := way{}.serve(t, &log, nil)
	for _, version := range []string{"1.0", "1.1"} {
		nc, err := dialNarrow(t.Context(), "tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		fmt.Fprintf(nc, "GET / HTTP/%s\r\nHost: a\r\nAccept: text/event-stream\r\nLast-Event-ID: %s\r\n\r\nGET /more", version, c)
		br := bufio.NewReader(nc)
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"Content-Type": typeEvents, "Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Middleware": "was here",
			"X-Content-Type-Options": "nosniff", "Transfer-Encoding": "", "Content-Length": "", "Vary": "Origin",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if !res.Close || len(res.TransferEncoding) > 0 {
			t.Errorf("%v, %v", res.Close, res.TransferEncoding)
		}
		want := fmt.Sprintf("id: %s\n\nid: %s2\ndata: 1\n\n", c, strings.TrimSuffix(string(c), "1"))
		got := make([]byte, len(want))
		if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// Middleware that encodes the answer keeps the connection.
func TestEventsBehindMiddlewareThatEncodes(t *testing.T) {
	var log topic.Log
	defer log.Close()
	log.Append("", []byte("0"))
	h := Events(&log, nil)
	srv := way{}.serve(t, &log, nil)
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "x-none")
		h.ServeHTTP(w, r)
	})
	r := srv.open(t, "")
	if len(r.res.TransferEncoding) == 0 {
		t.Error("it was taken over")
	}
	r.wantTexts(t, "0")
}
