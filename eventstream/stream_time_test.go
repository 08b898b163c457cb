package eventstream_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

// inBubbles runs f on each way without TLS, on the clock of synctest.
func inBubbles(t *testing.T, f func(t *testing.T, w way)) {
	for _, w := range bubbled {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, w) })
		})
	}
}

// bubbleGet opens the stream without t.Cleanup, which runs outside of the
// bubble's life.
func bubbleGet(t *testing.T, c *http.Client) *http.Response {
	t.Helper()
	res, err := c.Get("http://mem/")
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// The deadlines that http.Server sets for whole requests are not those of a
// stream.
func TestServerTimeoutsDoNotEndTheStream(t *testing.T) {
	inBubbles(t, func(t *testing.T, w way) {
		c, _, stop := w.inBubble(w.handler(t, nil, func(s *eventstream.Stream, r *http.Request) {
			for range 10 {
				time.Sleep(7 * time.Second)
				if err := s.Send(eventstream.Event{Data: []byte("tick")}); err != nil {
					t.Error(err)
					return
				}
			}
		}), func(srv *http.Server) {
			srv.ReadTimeout, srv.WriteTimeout, srv.IdleTimeout = 2*time.Second, 3*time.Second, time.Second
		})
		defer stop()
		res := bubbleGet(t, c)
		n := 0
		for ev, err := range eventstream.Events(res, nil) {
			if err != nil || string(ev.Data) != "tick" {
				t.Fatalf("event %d: %q, %v", n, ev.Data, err)
			}
			n++
		}
		if n != 10 {
			t.Errorf("%d events, want 10", n)
		}
	})
}

func TestHeartbeatComesOnlyWhenIdle(t *testing.T) {
	inBubbles(t, func(t *testing.T, w way) {
		c, _, stop := w.inBubble(w.handler(t, nil, func(s *eventstream.Stream, r *http.Request) {
			time.Sleep(40 * time.Second) // heartbeats at 15 and 30
			s.Send(eventstream.Event{Data: []byte("forty")})
			for range 3 { // 50, 60, 70: never idle for long
				time.Sleep(10 * time.Second)
				s.Send(eventstream.Event{Data: []byte("ten more")})
			}
			time.Sleep(20 * time.Second) // one at 85
		}), nil)
		defer stop()
		began := time.Now()
		res := bubbleGet(t, c)
		body := bufio.NewReader(res.Body)
		for _, want := range []struct {
			at   time.Duration
			line string
		}{
			{15, ":"}, {30, ":"}, {40, "data: forty"}, {40, ""},
			{50, "data: ten more"}, {50, ""}, {60, "data: ten more"}, {60, ""}, {70, "data: ten more"}, {70, ""}, {85, ":"},
		} {
			wantLine(t, body, want.line)
			if at := time.Since(began); at != want.at*time.Second {
				t.Errorf("%q came after %v, want %v s", want.line, at, int(want.at))
			}
		}
		if rest, err := io.ReadAll(body); len(rest) > 0 || err != nil || time.Since(began) != 90*time.Second {
			t.Errorf("then %q, %v after %v", rest, err, time.Since(began))
		}
	})
}

func TestNoHeartbeatIfSwitchedOff(t *testing.T) {
	inBubbles(t, func(t *testing.T, w way) {
		o := &eventstream.Options{Heartbeat: -1}
		c, _, stop := w.inBubble(w.handler(t, o, func(s *eventstream.Stream, r *http.Request) { time.Sleep(time.Hour) }), nil)
		defer stop()
		res := bubbleGet(t, c)
		if rest, err := io.ReadAll(res.Body); len(rest) > 0 || err != nil {
			t.Errorf("got %q, %v", rest, err)
		}
	})
}

// A client that does not read is cut off by its own deadline. One beside it,
// served at the same time, is not delayed.
func TestStuckReaderHitsItsDeadlineAndDelaysNobody(t *testing.T) {
	for _, who := range []string{"Send", "heartbeat"} {
		t.Run(who, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, w way) {
				stuck := make(chan error, 1)
				var took time.Duration // read after stuck
				o := &eventstream.Options{}
				if who == "heartbeat" {
					o.Heartbeat = 10 * time.Millisecond // until nothing fits any more
				}
				c, _, stop := w.inBubble(w.handler(t, o, func(s *eventstream.Stream, r *http.Request) {
					if r.URL.Path != "/stuck" {
						for range 30 {
							time.Sleep(time.Second)
							if err := s.Send(eventstream.Event{Data: []byte("tick")}); err != nil {
								t.Error(err)
							}
						}
						return
					}
					if who == "heartbeat" {
						<-s.Context().Done()
						stuck <- context.Cause(s.Context())
						return
					}
					for {
						began := time.Now()
						if err := s.Send(eventstream.Event{Data: make([]byte, 1000)}); err != nil {
							took = time.Since(began)
							stuck <- err
							return
						}
					}
				}), nil)
				defer stop()
				res, err := c.Get("http://mem/stuck")
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				other := bubbleGet(t, c)
				start := time.Now()
				n := 0
				for ev, err := range eventstream.Events(other, nil) {
					n++
					if err != nil || string(ev.Data) != "tick" || time.Since(start) != time.Duration(n)*time.Second {
						t.Errorf("event %d: %q, %v after %v", n, ev.Data, err, time.Since(start))
					}
				}
				if n != 30 {
					t.Errorf("%d events, want 30", n)
				}
				if who == "heartbeat" && w.http2 {
					return // 4 MiB of flow control take longer than this test
				}
				err = <-stuck
				if who == "Send" {
					between(t, "the write was ended after", took, 10*time.Second, 12500*time.Millisecond)
				}
				var e *eventstream.EndError
				var ne net.Error
				if !errors.As(err, &e) || e.End != eventstream.EndTimeout || !errors.As(err, &ne) || !ne.Timeout() {
					t.Errorf("it ended with %v", err)
				}
			})
		})
	}
}

func TestLifetimeEndsTheStream(t *testing.T) {
	inBubbles(t, func(t *testing.T, w way) {
		o := &eventstream.Options{Lifetime: time.Hour}
		var e *eventstream.EndError
		c, _, stop := w.inBubble(w.handler(t, o, func(s *eventstream.Stream, r *http.Request) {
			<-s.Context().Done()
			if err := context.Cause(s.Context()); !errors.As(err, &e) || e.End != eventstream.EndLifetime {
				t.Errorf("the cause is %v", err)
			}
		}), nil)
		defer stop()
		seen := make(map[time.Duration]bool)
		for range 20 {
			began := time.Now()
			res := bubbleGet(t, c)
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				t.Error(err)
			}
			d := time.Since(began)
			if d < 45*time.Minute || d > time.Hour {
				t.Errorf("it lived for %v", d)
			}
			seen[d] = true
		}
		if len(seen) < 15 {
			t.Errorf("20 streams had %d lifetimes", len(seen))
		}
	})
}

const shutdownWithin = 100 * time.Millisecond

// Real sockets: http.Server.Shutdown, the handlers, and the clients' ends. The
// best of five counts, since the machine may have other things to do.
func TestShutdownTakesUnderATenthOfASecond(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		best := time.Hour
		for i := 0; i < 5 && best > shutdownWithin; i++ {
			best = min(best, testShutdown(t, w))
		}
		if best > shutdownWithin {
			t.Errorf("it took %v", best)
		}
	})
}

func testShutdown(t *testing.T, w way) time.Duration {
	var g eventstream.Group
	causes := make(chan error, 20)
	srv := w.serve(t, &eventstream.Options{Group: &g}, func(s *eventstream.Stream, r *http.Request) {
		if r.URL.Path == "/stuck" {
			for s.Send(eventstream.Event{Data: make([]byte, 64<<10)}) == nil {
			}
		}
		<-s.Context().Done()
		causes <- context.Cause(s.Context())
	}, func(srv *http.Server) { srv.RegisterOnShutdown(g.Shutdown) })
	var open []*http.Response
	for range 10 {
		open = append(open, get(t, srv.Client(), srv.URL))
	}
	stuck := get(t, srv.Client(), srv.URL+"/stuck")
	time.Sleep(50 * time.Millisecond) // its buffers fill up; that they are full is not needed
	if n := g.Len(); n != 11 {
		t.Errorf("the group has %d streams, want 11", n)
	}
	began := time.Now()
	done := make(chan error, 1)
	go func() { done <- srv.Config.Shutdown(context.Background()) }()
	for _, res := range open {
		if b, err := io.ReadAll(res.Body); len(b) > 0 || err != nil {
			t.Errorf("a client got %q, %v", b, err)
		}
	}
	for range 11 {
		var e *eventstream.EndError
		if err := <-causes; !errors.As(err, &e) || e.End != eventstream.EndShutdown {
			t.Errorf("the cause is %v", err)
		}
	}
	took := time.Since(began)
	if w.http2 {
		// net/http keeps a connection of HTTP/2 for a second after its last
		// stream, for the client to see what was said.
		stuck.Body.Close()
		srv.Client().CloseIdleConnections()
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !w.http2 {
		took = time.Since(began)
	}
	if n := g.Len(); n != 0 {
		t.Errorf("%d streams are left in the group", n)
	}
	return took
}

func TestGroupThatWasShutDownTakesNobody(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		var g eventstream.Group
		srv := w.serve(t, &eventstream.Options{Group: &g}, func(s *eventstream.Stream, r *http.Request) {
			t.Error("a stream was opened")
		}, nil)
		g.Shutdown()
		res := get(t, srv.Client(), srv.URL)
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") != "1" {
			t.Errorf("status %d, %v", res.StatusCode, res.Header)
		}
	})
}

// Streams that are opened while the group shuts down end, or are refused.
func TestGroupShutdownWhileStreamsOpen(t *testing.T) {
	for range 50 {
		var g eventstream.Group
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				w := &failWriter{ResponseRecorder: httptest.NewRecorder()}
				s, err := eventstream.Accept(w, httptest.NewRequest("GET", "/", nil), &eventstream.Options{Group: &g})
				if err != nil {
					return
				}
				<-s.Context().Done()
				s.Close()
			})
		}
		wg.Go(g.Shutdown)
		wg.Wait()
		if g.Len() != 0 {
			t.Fatalf("%d streams are left", g.Len())
		}
	}
}

func TestGroupAll(t *testing.T) {
	w := ways[0]
	var g eventstream.Group
	srv := w.serve(t, &eventstream.Options{Group: &g}, func(s *eventstream.Stream, r *http.Request) { <-s.Context().Done() }, nil)
	for range 3 {
		get(t, srv.Client(), srv.URL)
	}
	n := 0
	for s := range g.All() {
		n++
		s.Close()
	}
	if n != 3 || g.Len() != 0 {
		t.Errorf("%d streams, then %d", n, g.Len())
	}
}

// The raw way: what a client may send, and how it may leave.
func TestRawConnectionIsWatched(t *testing.T) {
	for name, leave := range map[string]func(nc *net.TCPConn){
		"close":      func(nc *net.TCPConn) { nc.Close() },
		"half-close": func(nc *net.TCPConn) { nc.CloseWrite() },
		"reset":      func(nc *net.TCPConn) { nc.SetLinger(0); nc.Close() },
		"flood":      func(nc *net.TCPConn) { nc.Write(make([]byte, 65<<10)) },
		"some bytes": func(nc *net.TCPConn) { nc.Write(make([]byte, 1000)); nc.CloseWrite() },
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			srv := way{raw: true}.serve(t, nil, func(s *eventstream.Stream, r *http.Request) {
				<-s.Context().Done()
				ended <- context.Cause(s.Context())
			}, nil)
			nc, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			io.WriteString(nc, "GET / HTTP/1.0\r\n\r\n")
			br := bufio.NewReader(nc)
			wantLine(t, br, "HTTP/1.1 200 OK\r")
			leave(nc.(*net.TCPConn))
			var e *eventstream.EndError
			if err := <-ended; !errors.As(err, &e) || e.End != eventstream.EndGone || e.Err == nil {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

// A ResponseWriter that hides what a stream needs is a fault of the program,
// told at once and not by events that never arrive.
func TestWriterThatHidesItsMethods(t *testing.T) {
	type plain struct{ http.ResponseWriter } // no Unwrap: Flush is hidden
	rec := httptest.NewRecorder()
	if _, err := eventstream.Accept(plain{rec}, httptest.NewRequest("GET", "/", nil), nil); err == nil || rec.Code != 500 {
		t.Errorf("without Flush: %v, status %d", err, rec.Code)
	}
	rec = httptest.NewRecorder()
	if _, err := eventstream.Accept(rec, httptest.NewRequest("GET", "/", nil), nil); err == nil || rec.Code != 500 {
		t.Errorf("without SetWriteDeadline: %v, status %d", err, rec.Code)
	}
	rec = httptest.NewRecorder()
	s, err := eventstream.Accept(rec, httptest.NewRequest("GET", "/", nil), &eventstream.Options{WriteTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	s.Send(eventstream.Event{Data: []byte("x")})
	s.Close()
	if !rec.Flushed || rec.Body.String() != "data: x\n\n" {
		t.Errorf("got %q, flushed %v", rec.Body, rec.Flushed)
	}
}

// failWriter fails as a connection does whose deadline has passed.
type failWriter struct {
	*httptest.ResponseRecorder
	err error
}

func (w *failWriter) Write(p []byte) (int, error)      { return len(p), w.err }
func (w *failWriter) SetWriteDeadline(time.Time) error { return nil }

func TestErrorsOfWriting(t *testing.T) {
	broken := errors.New("broken")
	for err, want := range map[error]eventstream.End{os.ErrDeadlineExceeded: eventstream.EndTimeout, broken: eventstream.EndFailed} {
		s, e := eventstream.Accept(&failWriter{httptest.NewRecorder(), err}, httptest.NewRequest("GET", "/", nil), nil)
		if e != nil {
			t.Fatal(e)
		}
		for range 2 {
			var end *eventstream.EndError
			if got := s.Send(eventstream.Event{}); !errors.As(got, &end) || end.End != want || !errors.Is(got, err) || !errors.Is(got, net.ErrClosed) {
				t.Errorf("Send: %v, want %v", got, want)
			}
		}
		s.Close()
	}
}

// Without a WriteTimeout, Close is what ends a write that nobody takes.
func TestCloseEndsAWriteWithoutATimeout(t *testing.T) {
	for _, w := range []way{{name: "HTTP1"}, {name: "HTTP1-TLS", tls: true}, {name: "HTTP2", tls: true, http2: true}, {name: "raw", raw: true}} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			failed := make(chan error, 1)
			o := &eventstream.Options{WriteTimeout: -1, Heartbeat: -1}
			srv := w.serve(t, o, func(s *eventstream.Stream, r *http.Request) {
				time.AfterFunc(100*time.Millisecond, func() { s.Close() })
				for {
					if err := s.Send(eventstream.Event{Data: make([]byte, 64<<10)}); err != nil {
						failed <- err
						return
					}
				}
			}, nil)
			get(t, srv.Client(), srv.URL) // which does not read
			var e *eventstream.EndError
			if err := <-failed; !errors.As(err, &e) || e.End != eventstream.EndClosed {
				t.Errorf("Send: %v", err)
			}
		})
	}
}

// Under TLS a write that has failed is followed by an alert, which crypto/tls
// gives five seconds of its own. A stuck reader does not get them.
func TestStuckReaderUnderTLS(t *testing.T) {
	for _, w := range []way{{name: "HTTP1", tls: true}, {name: "HTTP2", tls: true, http2: true}, {name: "raw", raw: true, tls: true}} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			took := make(chan time.Duration, 1)
			srv := w.serve(t, &eventstream.Options{WriteTimeout: time.Second, Heartbeat: -1}, func(s *eventstream.Stream, r *http.Request) {
				for {
					began := time.Now()
					if err := s.Send(eventstream.Event{Data: make([]byte, 64<<10)}); err != nil {
						took <- time.Since(began)
						var e *eventstream.EndError
						if !errors.As(err, &e) || e.End != eventstream.EndTimeout {
							t.Errorf("Send: %v", err)
						}
						return
					}
				}
			}, nil)
			get(t, srv.Client(), srv.URL) // which does not read
			between(t, "Send took", <-took, time.Second, 4*time.Second)
		})
	}
}
