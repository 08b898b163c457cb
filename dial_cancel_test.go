package pushwire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/internal/memconn"
)

// promptly is how soon Dial has to give up.
const promptly = 50 * time.Millisecond

// stall is a peer that plays along and then says nothing more.
type stall struct {
	name  string
	url   string
	proxy string // scheme, "" for none
	doing string // what the error says
	// play runs until Dial is where the test wants it.
	play func(nc net.Conn)
}

func readSome(nc net.Conn) { nc.Read(make([]byte, 1)) }

func readRequestHead(nc net.Conn) { http.ReadRequest(newReader(nc)) }

// answerHead reads a request and answers it.
func answerHead(s string) func(net.Conn) {
	return func(nc net.Conn) {
		readRequestHead(nc)
		io.WriteString(nc, s)
	}
}

func stalls() []stall {
	cfg, _ := testTLS()
	inTLS := func(f func(net.Conn)) func(net.Conn) {
		return func(nc net.Conn) {
			tc := tls.Server(nc, cfg)
			if tc.Handshake() == nil {
				f(tc)
			}
		}
	}
	return []stall{
		{"TLS handshake", "wss://example.com/", "", "TLS handshake with example.com", readSome},
		{"answer", "ws://example.com/", "", "waiting for the server's answer", readRequestHead},
		{"answer over TLS", "wss://example.com/", "", "waiting for the server's answer", inTLS(readRequestHead)},
		{"rest of the answer", "ws://example.com/", "", "waiting for the server's answer", answerHead("HTTP/1.1 101 Swi")},
		{"answer after an interim one", "ws://example.com/", "", "waiting for the server's answer", answerHead("HTTP/1.1 100 Continue\r\n\r\n")},
		{"answer to CONNECT", "ws://example.com/", "http", "waiting for the answer to CONNECT", readRequestHead},
		{"rest of the answer to CONNECT", "wss://example.com/", "http", "waiting for the answer to CONNECT", answerHead("HTTP/1.1 200")},
		{"TLS handshake with the proxy", "ws://example.com/", "https", "TLS handshake with example.com", readSome},
		{"answer to CONNECT over TLS", "ws://example.com/", "https", "waiting for the answer to CONNECT", inTLS(readRequestHead)},
		{"TLS handshake through the proxy", "wss://example.com/", "http", "TLS handshake with example.com", answerHead("HTTP/1.1 200 OK\r\n\r\n")},
		{"TLS handshake through TLS", "wss://example.com/", "https", "TLS handshake with example.com", inTLS(answerHead("HTTP/1.1 200 OK\r\n\r\n"))},
		{"answer through the proxy", "ws://example.com/", "http", "waiting for the server's answer", func(nc net.Conn) {
			br := newReader(nc)
			http.ReadRequest(br)
			io.WriteString(nc, "HTTP/1.1 200 OK\r\n\r\n")
			http.ReadRequest(br)
		}},
		{"SOCKS5 method", "ws://example.com/", "socks5", "asking for example.com:80", readSome},
		{"SOCKS5 authentication", "ws://example.com/", "socks5", "asking for example.com:80", func(nc net.Conn) {
			readSome(nc)
			nc.Write([]byte{5, 2})
		}},
		{"SOCKS5 reply", "ws://example.com/", "socks5h", "asking for example.com:80", func(nc net.Conn) {
			readSome(nc)
			nc.Write([]byte{5, 0})
		}},
	}
}

func (s stall) options() *DialOptions {
	o := direct()
	o.TLS = trusted()
	if s.proxy != "" {
		o.Proxy = http.ProxyURL(&url.URL{Scheme: s.proxy, Host: "example.com", User: url.UserPassword("u", "p")})
	}
	return o
}

// Time stands still while Dial is awake, so the time it takes after its
// context has ended must be none at all.
func TestDialGivesUpAtOnceWhenTheContextEnds(t *testing.T) {
	testTLS() // outside the bubbles
	for _, s := range stalls() {
		for _, end := range []struct {
			name string
			with func(context.Context) (context.Context, context.CancelFunc)
			is   error
		}{
			{"cancel", func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(3*time.Second, cancel)
				return ctx, cancel
			}, context.Canceled},
			{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 3*time.Second)
			}, context.DeadlineExceeded},
		} {
			t.Run(s.name+"/"+end.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := end.with(t.Context())
					defer cancel()
					closed := make(chan time.Time, 1)
					o := s.options()
					o.NetDial = memPeer(func(nc *memconn.Conn) {
						s.play(nc)
						io.Copy(io.Discard, nc) // until Dial closes
						closed <- time.Now()
					})
					began := time.Now()
					c, res, err := Dial(ctx, s.url, o)
					if d := time.Since(began); d != 3*time.Second {
						t.Errorf("Dial returned after %v, its context ended after 3s", d)
					}
					var de *DialError
					if c != nil || res != nil || !errors.Is(err, end.is) || !errors.As(err, &de) || !strings.Contains(err.Error(), s.doing) {
						t.Errorf("%v, %v, %v; want %v while %s", c, res, err, end.is, s.doing)
					}
					if de != nil && (de.Timeout() != (end.is == context.DeadlineExceeded) || de.Temporary() != de.Timeout()) {
						t.Errorf("Timeout() = %v, Temporary() = %v", de.Timeout(), de.Temporary())
					}
					if d := (<-closed).Sub(began); d != 3*time.Second {
						t.Errorf("the connection was closed after %v", d)
					}
				})
			})
		}
	}
}

func TestDialTakesTenSecondsWithoutADeadline(t *testing.T) {
	testTLS()
	for _, s := range stalls() {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := s.options()
				o.NetDial = memPeer(func(nc *memconn.Conn) {
					s.play(nc)
					io.Copy(io.Discard, nc)
				})
				began := time.Now()
				_, _, err := Dial(t.Context(), s.url, o)
				if d := time.Since(began); d != handshakeTimeout {
					t.Errorf("took %v, want %v", d, handshakeTimeout)
				}
				var ne net.Error
				if !errors.As(err, &ne) || !ne.Timeout() || !strings.Contains(err.Error(), "10s") || !strings.Contains(err.Error(), s.doing) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// The 10 s are for all hops together, and a deadline replaces them.
func TestDialHasOneBudgetForAllHops(t *testing.T) {
	slow := func(nc *memconn.Conn) {
		readRequestHead(nc)
		nc.SetReadDeadline(time.Now().Add(4 * time.Second)) // or until Dial closes
		readSome(nc)
		io.WriteString(nc, "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")
		io.Copy(io.Discard, nc)
	}
	synctest.Test(t, func(t *testing.T) {
		o := direct()
		o.NetDial = memPeer(slow)
		o.MaxRedirects = 100
		began := time.Now()
		_, _, err := Dial(t.Context(), "ws://mem/", o)
		if d := time.Since(began); d != handshakeTimeout || err == nil {
			t.Errorf("took %v: %v", d, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		_, _, err = Dial(ctx, "ws://mem/", o)
		if d := time.Since(began); d != time.Minute || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a deadline: took %v: %v", d, err)
		}
	})
}

func TestDialGivesUpWhileTheBodyOfARefusalIsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), refusalTime/4)
		defer cancel()
		o := direct()
		o.NetDial = memPeer(func(nc *memconn.Conn) {
			answerHead("HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nabc")(nc)
			io.Copy(io.Discard, nc)
		})
		began := time.Now()
		_, res, err := Dial(ctx, "ws://mem/", o)
		if d := time.Since(began); d != refusalTime/4 {
			t.Errorf("took %v", d)
		}
		// The answer is here, so it is what Dial reports.
		var de *DialError
		if !errors.As(err, &de) || de.Status != 403 || res == nil || readAll(t, res) != "abc" {
			t.Errorf("%v, %v", res, err)
		}
	})
}

func TestDialGivesUpWhileTheRequestWaitsToBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		o := direct()
		var server net.Conn
		o.NetDial = func(context.Context, string, string) (client net.Conn, err error) {
			client, server = net.Pipe() // no buffer: a Write waits for the reader
			return client, nil
		}
		began := time.Now()
		_, _, err := Dial(ctx, "ws://mem/", o)
		if d := time.Since(began); d != time.Second || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "sending the request") {
			t.Errorf("after %v: %v", d, err)
		}
		server.Close()
	})
}

// cancelAfterRead is a connection whose context ends with the first Read.
type cancelAfterRead struct {
	net.Conn
	cancel context.CancelFunc
}

func (c cancelAfterRead) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.cancel()
	return n, err
}

func TestDialReturnsNoConnectionThatItsContextHasClosed(t *testing.T) {
	addr := dialPeer(t, dialAnswer(dialHello))
	ctx, cancel := context.WithCancel(t.Context())
	o := direct()
	o.NetDial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		return cancelAfterRead{nc, cancel}, err
	}
	c, _, err := Dial(ctx, "ws://h/", o)
	if c != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", c, err)
	}
}

func TestDialReportsTheCauseOfTheContextsEnd(t *testing.T) {
	why := errors.New("the user went away")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	o := direct()
	o.NetDial = func(context.Context, string, string) (net.Conn, error) {
		t.Error("dialled although the context had ended")
		return nil, net.ErrClosed
	}
	_, _, err := Dial(ctx, "ws://h/", o)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
}

// lookUp is a dialer whose look-up of names asks a server that is silent until
// the end of the test. Go's resolver does not tell the goroutine which waits
// for that server about the end of the context, only the caller.
func lookUp(t *testing.T, waiting chan<- struct{}) func(context.Context, string, string) (net.Conn, error) {
	d := &net.Dialer{Resolver: &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			client, server := memconn.Pipe()
			t.Cleanup(func() { server.Close() })
			go func() {
				readSome(server)
				select {
				case waiting <- struct{}{}:
				default:
				}
			}()
			return client, nil
		},
	}}
	return d.DialContext
}

// On real sockets, the same in real time. A busy machine may delay one
// attempt, but not each of ten.
func TestDialGivesUpWithinFiftyMillisecondsOnSockets(t *testing.T) {
	type row struct {
		stall
		dial func(t *testing.T, waiting chan<- struct{}) func(context.Context, string, string) (net.Conn, error)
	}
	rows := []row{{stall{name: "name look-up", url: "ws://stalled.example./"}, lookUp}}
	if f := stalledConnect(t); f != nil {
		rows = append(rows, row{stall{name: "connect", url: "ws://example.com/"}, f})
	}
	for _, s := range stalls() {
		rows = append(rows, row{stall: s})
	}
	for _, s := range rows {
		t.Run(s.name, func(t *testing.T) {
			best := time.Hour
			for try := 0; try < 10 && best > promptly; try++ {
				waiting, closed := make(chan struct{}, 1), make(chan struct{})
				o := s.options()
				if s.dial != nil {
					o.NetDial = s.dial(t, waiting)
					close(closed)
				} else {
					o.NetDial = (&dialTo{addr: dialPeer(t, func(nc net.Conn) {
						s.play(nc)
						waiting <- struct{}{}
						io.Copy(io.Discard, nc)
						close(closed)
					})}).dial
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan time.Time, 1)
				go func() {
					<-waiting
					ended <- time.Now()
					cancel()
				}()
				_, _, err := Dial(ctx, s.url, o)
				best = min(best, time.Since(<-ended))
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%v", err)
				}
				<-closed
			}
			if best > promptly {
				t.Errorf("Dial took %v after the end of its context, 50 ms is the most", best)
			}
			t.Logf("gave up %v after the end of the context", best)
		})
	}
}
