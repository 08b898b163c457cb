package eventstream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/eventstream"
)

// One test body over every way a stream can take: the head, events that come
// one by one while the server waits for each to be seen, and the end.
func TestStreamOnEveryWay(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		next := make(chan struct{})
		ended := make(chan error, 1)
		srv := w.serve(t, &eventstream.Options{
			Header: http.Header{"X-Test": {"a", "b"}},
			Retry:  1500 * time.Millisecond,
		}, func(s *eventstream.Stream, r *http.Request) {
			for i := range 3 {
				<-next
				if err := s.Send(eventstream.Event{ID: fmt.Sprint(i), Type: "tick", Data: []byte("a\nb")}); err != nil {
					t.Error(err)
				}
			}
			<-next
			if err := s.SendRaw([]byte("data: raw\n\n")); err != nil {
				t.Error(err)
			}
			<-next
			if err := s.Comment("bye"); err != nil {
				t.Error(err)
			}
			s.Send(eventstream.Event{Type: "id", Data: []byte(s.LastEventID())})
			if s.Context().Err() != nil {
				t.Error("the context has ended early")
			}
			s.Close()
			s.Close()
			ended <- context.Cause(s.Context())
			if err := s.Send(eventstream.Event{}); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Send after Close: %v", err)
			}
		}, nil)
		res := get(t, srv.Client(), srv.URL, "Last-Event-ID", "grüß 7")
		if res.ProtoMajor == 2 != w.http2 {
			t.Fatalf("the protocol is %s", res.Proto)
		}
		want := http.Header{
			"Content-Type":      {"text/event-stream"},
			"Cache-Control":     {"no-store"},
			"X-Accel-Buffering": {"no"},
			"X-Test":            {"a", "b"},
		}
		if _, err := http.ParseTime(res.Header.Get("Date")); err != nil {
			t.Error(err)
		}
		res.Header.Del("Date")
		res.Header.Del("Connection")
		if d := cmp.Diff(want, res.Header); d != "" || res.StatusCode != 200 {
			t.Errorf("status %d, head: %s", res.StatusCode, d)
		}
		body := bufio.NewReader(res.Body)
		wantLine(t, body, "retry: 1500")
		wantLine(t, body, "")
		for i := range 3 {
			next <- struct{}{}
			for _, line := range []string{fmt.Sprint("id: ", i), "event: tick", "data: a", "data: b", ""} {
				wantLine(t, body, line)
			}
		}
		next <- struct{}{}
		wantLine(t, body, "data: raw")
		wantLine(t, body, "")
		next <- struct{}{}
		wantLine(t, body, ": bye")
		wantLine(t, body, "event: id")
		wantLine(t, body, "data: grüß 7")
		wantLine(t, body, "")
		if rest, err := io.ReadAll(body); len(rest) > 0 || err != nil {
			t.Errorf("after the end: %q, %v", rest, err)
		}
		var e *eventstream.EndError
		if err := <-ended; !errors.As(err, &e) || e.End != eventstream.EndClosed {
			t.Errorf("the cause of the context is %v", err)
		}
	})
}

// An event that can't be written is refused before a byte of it is, and costs
// nothing.
func TestRefusedEventLeavesTheStreamOpen(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		srv := w.serve(t, nil, func(s *eventstream.Stream, r *http.Request) {
			var fe *eventstream.FieldError
			if err := s.Send(eventstream.Event{ID: "1\r\ndata: injected"}); !errors.As(err, &fe) {
				t.Errorf("Send: %v", err)
			}
			if err := s.Send(eventstream.Event{Data: []byte("good")}); err != nil {
				t.Error(err)
			}
		}, nil)
		res := get(t, srv.Client(), srv.URL)
		if b, err := io.ReadAll(res.Body); string(b) != "data: good\n\n" || err != nil {
			t.Errorf("got %q, %v", b, err)
		}
	})
}

func TestConcurrentSendersDoNotInterleave(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		const senders, each = 8, 50
		srv := w.serve(t, &eventstream.Options{Heartbeat: time.Millisecond}, func(s *eventstream.Stream, r *http.Request) {
			var wg sync.WaitGroup
			for n := range senders {
				wg.Go(func() {
					for i := range each {
						if err := s.Send(eventstream.Event{Type: fmt.Sprint(n), Data: fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", i*20))}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
		}, nil)
		res := get(t, srv.Client(), srv.URL)
		seen := make(map[string]int)
		for ev, err := range eventstream.Events(res, nil) {
			if err != nil {
				t.Fatal(err)
			}
			i := seen[ev.Type]
			if want := fmt.Sprintf("%d %s", i, strings.Repeat("x", i*20)); string(ev.Data) != want {
				t.Fatalf("sender %s: got %q, want %q", ev.Type, ev.Data, want)
			}
			seen[ev.Type]++
		}
		for n := range senders {
			if seen[fmt.Sprint(n)] != each {
				t.Errorf("%d events of sender %d", seen[fmt.Sprint(n)], n)
			}
		}
	})
}

// countConn counts the writes to a socket.
type countConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

type countListener struct {
	net.Listener
	writes atomic.Int64
}

func (l *countListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countConn{nc, &l.writes}, nil
}

// One event is one write to the socket, and it is out when Send returns.
func TestOneWriteForEachEvent(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		if w.http2 {
			return // there a frame a write is the matter of net/http
		}
		var count *countListener
		got := make(chan int64, 1)
		srv := httptest.NewUnstartedServer(w.handler(t, nil, func(s *eventstream.Stream, r *http.Request) {
			before := count.writes.Load()
			for range 10 {
				s.Send(eventstream.Event{ID: "1", Type: "a", Data: []byte("some\nlines\nof data")})
			}
			got <- count.writes.Load() - before
		}))
		count = &countListener{Listener: srv.Listener}
		srv.Listener = count
		if w.tls {
			srv.StartTLS()
		} else {
			srv.Start()
		}
		t.Cleanup(srv.Close)
		res := get(t, srv.Client(), srv.URL)
		io.Copy(io.Discard, res.Body)
		if n := <-got; n != 10 {
			t.Errorf("10 events took %d writes", n)
		}
	})
}

// net/http tells a handler by its context that the client has gone; on a
// connection of our own the stream finds out itself. Nothing is sent here.
// The best of five counts, since the machine may have other things to do.
func TestClientThatGoesIsNoticed(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		best := time.Hour
		for i := 0; i < 5 && best > noticedWithin; i++ {
			best = min(best, testGone(t, w))
		}
		if best > noticedWithin {
			t.Errorf("it took %v", best)
		}
	})
}

const noticedWithin = 100 * time.Millisecond

func testGone(t *testing.T, w way) time.Duration {
	ended := make(chan time.Time, 1)
	srv := w.serve(t, nil, func(s *eventstream.Stream, r *http.Request) {
		<-s.Context().Done()
		ended <- time.Now()
		var e *eventstream.EndError
		if err := context.Cause(s.Context()); !errors.As(err, &e) || e.End != eventstream.EndGone {
			t.Errorf("the cause is %v", err)
		}
		if err := s.Send(eventstream.Event{}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Send: %v", err)
		}
	}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL, nil)
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	began := time.Now()
	cancel()
	return (<-ended).Sub(began)
}

// A POST whose body was not read by the handler.
func TestStreamAnswersPOST(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		srv := w.serve(t, nil, func(s *eventstream.Stream, r *http.Request) {
			s.Send(eventstream.Event{Data: []byte(r.Method)})
			<-s.Context().Done()
		}, nil)
		res, err := srv.Client().Post(srv.URL, "application/json", strings.NewReader(`{"stream":true}`))
		if err != nil {
			t.Fatal(err)
		}
		for ev, err := range eventstream.Events(res, nil) {
			if string(ev.Data) != "POST" || err != nil {
				t.Errorf("got %q, %v", ev.Data, err)
			}
			break
		}
	})
}

// A connection goes on after a stream: the deadline of its last write is not
// left behind for what is no stream.
func TestConnectionServesOnAfterAStream(t *testing.T) {
	const timeout = time.Second // long enough for a machine that is busy
	for _, w := range ways {
		if w.raw {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/plain" {
					io.WriteString(rw, r.RemoteAddr)
					return
				}
				w.handler(t, &eventstream.Options{WriteTimeout: timeout}, func(s *eventstream.Stream, r *http.Request) {
					s.SendRaw([]byte(r.RemoteAddr))
				}).ServeHTTP(rw, r)
			}))
			srv.EnableHTTP2 = w.http2
			if w.tls {
				srv.StartTLS()
			} else {
				srv.Start()
			}
			t.Cleanup(srv.Close)
			var at []string
			for _, path := range []string{"/", "/plain", "/"} {
				res := get(t, srv.Client(), srv.URL+path)
				b, err := io.ReadAll(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				at = append(at, string(b))
				if path == "/" && len(at) == 1 {
					time.Sleep(timeout + timeout/2) // past the deadline, which must not matter
				}
			}
			if at[0] != at[1] || at[1] != at[2] {
				t.Errorf("served %q, want one connection", at)
			}
		})
	}
}

// A thousand streams get one encoding, each from a goroutine of its own.
func TestSendRawToAThousandStreams(t *testing.T) {
	for _, w := range []way{{name: "HTTP1"}, {name: "HTTP2", tls: true, http2: true}, {name: "raw", raw: true}} {
		t.Run(w.name, func(t *testing.T) {
			const n = 1000
			raw, err := eventstream.Append(nil, eventstream.Event{ID: "7", Type: "all", Data: []byte(strings.Repeat("payload ", 50))})
			if err != nil {
				t.Fatal(err)
			}
			var open sync.WaitGroup
			open.Add(n)
			fire := make(chan struct{})
			srv := w.serve(t, nil, func(s *eventstream.Stream, r *http.Request) {
				<-fire
				if err := s.SendRaw(raw); err != nil {
					t.Error(err)
				}
			}, nil)
			// On HTTP/2 a connection carries 250 streams at most.
			var conns []*http.Client
			for range 5 {
				tr := srv.Client().Transport.(*http.Transport).Clone()
				t.Cleanup(tr.CloseIdleConnections)
				conns = append(conns, &http.Client{Transport: tr})
			}
			var clients sync.WaitGroup
			var good atomic.Int64
			for i := range n {
				opened := make(chan struct{})
				clients.Go(func() {
					defer close(opened)
					req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
					res, err := conns[i%len(conns)].Do(req)
					open.Done() // with the head; a stream that failed must not hold the test up
					if err != nil {
						t.Error(err)
						return
					}
					defer res.Body.Close()
					if i < len(conns) {
						opened <- struct{}{}
					}
					if b, err := io.ReadAll(res.Body); err == nil && string(b) == string(raw) {
						good.Add(1)
					}
				})
				if i < len(conns) {
					<-opened // so that not each request makes a connection
				}
			}
			open.Wait()
			close(fire)
			clients.Wait()
			if good.Load() != n {
				t.Errorf("%d of %d got the event", good.Load(), n)
			}
		})
	}
}

// A handler that returns without Close is a fault of the program, but what is
// sent then must not reach a ResponseWriter that net/http has taken back: on
// HTTP/2 that panics.
func TestSendAfterTheHandlerHasReturned(t *testing.T) {
	for _, w := range ways {
		if w.raw {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			streams := make(chan *eventstream.Stream, 1)
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				s, err := eventstream.Accept(rw, r, nil)
				if err != nil {
					t.Error(err)
				}
				streams <- s
			}))
			srv.EnableHTTP2 = w.http2
			if w.tls {
				srv.StartTLS()
			} else {
				srv.Start()
			}
			t.Cleanup(srv.Close)
			res := get(t, srv.Client(), srv.URL)
			if b, err := io.ReadAll(res.Body); len(b) > 0 || err != nil {
				t.Errorf("got %q, %v", b, err)
			}
			s := <-streams
			if err := s.Send(eventstream.Event{}); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Send: %v", err)
			}
			s.Close()
			if res := get(t, srv.Client(), srv.URL); res.StatusCode != 200 {
				t.Errorf("%v", res.Status)
			}
			(<-streams).Close()
		})
	}
}
