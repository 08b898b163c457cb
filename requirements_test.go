package pushwire_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// The tests of this file hold requirements of RFC 6455 that no other test is
// about; docs/rfc6455.tsv says which test holds which.

// endWithPeer is a Conn of the role and the peer that plays the other one,
// over memory.
func endWithPeer(t *testing.T, role frame.Role, cfg *pushwire.Config) (*pushwire.Conn, *testpeer.Peer) {
	a, b := memconn.Pipe()
	part := testpeer.Client
	if role == frame.Client {
		part = testpeer.Server
	}
	c := pushwire.NewConn(b, role, cfg)
	t.Cleanup(func() { c.CloseNow() })
	return c, testpeer.New(t, a, part)
}

// RFC 6455, 4.1: "Once the client's opening handshake has been sent, the
// client MUST wait for a response from the server before sending any further
// data."
func TestDialSendsNothingBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memconn.Pipe()
		p := testpeer.New(t, a, testpeer.Server)
		done := make(chan *pushwire.Conn, 1)
		go func() {
			c, _, err := pushwire.Dial(t.Context(), "ws://example.com/", &pushwire.DialOptions{
				Proxy:   func(*http.Request) (*url.URL, error) { return nil, nil },
				NetDial: func(context.Context, string, string) (net.Conn, error) { return b, nil },
			})
			if err != nil {
				t.Errorf("Dial: %v", err)
			}
			done <- c
		}()
		head := p.ReadHead()
		p.WantSilence("before the answer", 9*time.Second)
		select {
		case <-done:
			t.Fatal("Dial returned before the answer")
		default:
		}
		p.WriteString(testpeer.ResponseHead(testpeer.ParseRequest(head).Header.Get("Sec-WebSocket-Key")))
		c := <-done
		if c == nil {
			return
		}
		c.Write(t.Context(), frame.Text, []byte("first"))
		p.WantFrame("after the answer", 1, []byte("first"))
		c.CloseNow()
	})
}

// recorded keeps what goes over a net.Conn, both ways.
type recorded struct {
	net.Conn
	mu       sync.Mutex
	in, sent bytes.Buffer
}

func (r *recorded) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.mu.Lock()
	r.in.Write(p[:n])
	r.mu.Unlock()
	return n, err
}

func (r *recorded) Write(p []byte) (int, error) {
	n, err := r.Conn.Write(p)
	r.mu.Lock()
	r.sent.Write(p[:n])
	r.mu.Unlock()
	return n, err
}

// RFC 6455, 4.1 and 4.2.2: after the TLS handshake "all further communication
// [...] MUST run through the encrypted tunnel".
func TestAllTrafficOverWSSIsTLSRecords(t *testing.T) {
	for _, path := range []string{"Serve", "Handler"} {
		t.Run(path, func(t *testing.T) {
			pool, cert := testCert(t)
			cfg := &tls.Config{Certificates: []tls.Certificate{cert}}
			var addr string
			if path == "Serve" {
				addr = serve(t, tls.NewListener(listen(t), cfg), echoFunc, nil)
			} else {
				srv := httptest.NewUnstartedServer(pushwire.Handler(echoFunc, nil))
				srv.TLS = cfg
				srv.StartTLS()
				t.Cleanup(srv.Close)
				addr = srv.Listener.Addr().String()
			}
			var rec *recorded
			c, _, err := pushwire.Dial(t.Context(), "wss://"+addr+"/", &pushwire.DialOptions{
				TLS: &tls.Config{RootCAs: pool},
				NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
					nc, err := new(net.Dialer).DialContext(ctx, network, addr)
					rec = &recorded{Conn: nc}
					return rec, err
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range []string{"", "plain text", string(make([]byte, 100_000))} {
				if err := c.Write(t.Context(), frame.Text, []byte(m)); err != nil {
					t.Fatal(err)
				}
				if _, got, err := c.Read(t.Context()); err != nil || string(got) != m {
					t.Fatalf("%d bytes came back, %v", len(got), err)
				}
			}
			if err := c.Close(1000, "plain text"); err != nil {
				t.Error(err)
			}
			rec.mu.Lock()
			defer rec.mu.Unlock()
			wantRecords(t, "client", rec.sent.Bytes())
			wantRecords(t, "server", rec.in.Bytes())
		})
	}
}

// wantRecords walks over TLS records (RFC 8446, 5.1): type, version, length.
func wantRecords(t *testing.T, who string, b []byte) {
	t.Helper()
	if len(b) < 100_000 {
		t.Errorf("%s: only %d bytes were seen", who, len(b))
	}
	for rest := b; len(rest) > 0; {
		if len(rest) < 5 || rest[0] < 20 || rest[0] > 23 || rest[1] != 3 {
			t.Fatalf("%s: % x is no TLS record", who, rest[:min(len(rest), 16)])
		}
		n := 5 + int(rest[3])<<8 + int(rest[4])
		if n > len(rest) {
			return // cut off by the end of the connection
		}
		rest = rest[n:]
	}
	if bytes.Contains(b, []byte("plain text")) {
		t.Errorf("%s: the text can be read", who)
	}
}

// Every call that sends, on both roles: the peer fails the test for a frame
// whose masking, reserved bits, opcode or form of length is not as sections
// 5.1, 5.2 and 5.5 want it. A client's keys are all different (5.3, 10.3).
func TestEveryFrameOnTheWireKeepsTheRulesOfItsRole(t *testing.T) {
	for _, role := range bothRoles {
		t.Run(role.String(), func(t *testing.T) {
			c, p := endWithPeer(t, role, nil)
			keys := make(map[[4]byte]int)
			count := 0
			want := func(why string, fin bool, op frame.Opcode, n int) {
				t.Helper()
				f := p.ReadFrame()
				if f.Fin != fin || f.Opcode != byte(op) || n >= 0 && len(f.Payload) != n {
					t.Fatalf("%s: got %v; want FIN %v, opcode %d, %d bytes", why, f, fin, op, n)
				}
				count++
				if f.Key != nil {
					keys[*f.Key]++
				}
			}
			c.Discard(t.Context())
			for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 300_000} {
				for _, typ := range []frame.Opcode{frame.Text, frame.Binary} {
					go c.Write(t.Context(), typ, make([]byte, n/2), make([]byte, n-n/2))
					want("Write", true, typ, n)
				}
				c.Send(t.Context(), pushwire.Prepare(frame.Binary, make([]byte, n)))
				want("Send", true, frame.Binary, n)
			}
			w, err := c.Writer(t.Context(), frame.Text)
			if err != nil {
				t.Fatal(err)
			}
			w.Write([]byte("one"))
			w.(interface{ Flush() error }).Flush()
			want("first fragment", false, frame.Text, 3)
			go c.Ping(t.Context())
			want("Ping", true, frame.Ping, -1)
			p.Send(9, []byte("are you there"))
			want("pong", true, frame.Pong, 13)
			w.Write([]byte("three"))
			w.(interface{ Flush() error }).Flush()
			want("fragment in the middle", false, frame.Continuation, 5)
			w.Close()
			want("last fragment", true, frame.Continuation, 0)
			go c.Close(1000, "bye")
			want("Close", true, frame.Close, 5)
			if role == frame.Client && len(keys) != count {
				t.Errorf("%d keys for %d frames", len(keys), count)
			}
			if role == frame.Server && len(keys) != 0 {
				t.Errorf("a server masked")
			}
		})
	}
}

// RFC 6455, 5.4: "The fragments of one message MUST NOT be interleaved between
// the fragments of another message"; control frames may stand between them.
func TestFragmentsAreNotInterleavedWithOtherMessages(t *testing.T) {
	for _, role := range bothRoles {
		t.Run(role.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := endWithPeer(t, role, &pushwire.Config{Ping: -1})
				w, err := c.Writer(t.Context(), frame.Text)
				if err != nil {
					t.Fatal(err)
				}
				w.Write([]byte("a"))
				w.(interface{ Flush() error }).Flush()
				others := make(chan error, 3)
				go func() { others <- c.Write(t.Context(), frame.Text, []byte("write")) }()
				go func() { others <- c.Send(t.Context(), pushwire.Prepare(frame.Text, []byte("send."))) }()
				go func() {
					w, err := c.Writer(t.Context(), frame.Text)
					if err == nil {
						w.Write([]byte("other"))
						err = w.Close()
					}
					others <- err
				}()
				synctest.Wait()
				w.Write([]byte("b"))
				w.(interface{ Flush() error }).Flush()
				synctest.Wait()
				w.Close()
				p.WantMessage("the message that began first", 1, []byte("ab"))
				got := make(map[string]bool)
				for range 3 {
					f := p.ReadFrame()
					if !f.Fin || f.Opcode != 1 {
						t.Fatalf("got %v, want a whole message", f)
					}
					got[string(f.Payload)] = true
				}
				if !got["write"] || !got["send."] || !got["other"] {
					t.Errorf("got the messages %v", got)
				}
				for range 3 {
					if err := <-others; err != nil {
						t.Error(err)
					}
				}
				c.CloseNow()
			})
		})
	}
}

// RFC 6455, 5.5.1: "The application MUST NOT send any more data frames after
// sending a Close frame"; 6.1: data goes out in state OPEN only.
func TestNoDataFrameFollowsOurCloseFrame(t *testing.T) {
	for _, role := range bothRoles {
		t.Run(role.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := endWithPeer(t, role, &pushwire.Config{Ping: -1})
				w, err := c.Writer(t.Context(), frame.Binary)
				if err != nil {
					t.Fatal(err)
				}
				w.Write([]byte("begun"))
				w.(interface{ Flush() error }).Flush()
				waits := make(chan error, 1)
				go func() { waits <- c.Write(t.Context(), frame.Text, []byte("waits")) }()
				synctest.Wait()
				done := make(chan error, 1)
				go func() { done <- c.Close(1001, "bye") }()
				synctest.Wait()
				_, ping := c.Ping(t.Context())
				_, writer := c.Writer(t.Context(), frame.Text)
				_, open := w.Write(make([]byte, 100_000))
				for what, err := range map[string]error{
					"the Write that waited": <-waits,
					"Write":                 c.Write(t.Context(), frame.Text, []byte("late")),
					"a large Write":         c.Write(t.Context(), frame.Text, make([]byte, 100_000)),
					"Send":                  c.Send(t.Context(), pushwire.Prepare(frame.Text, []byte("late"))),
					"Writer":                writer,
					"the open Writer":       open,
					"Ping":                  ping,
				} {
					if !errors.Is(err, net.ErrClosed) {
						t.Errorf("%s: %v", what, err)
					}
				}
				if f := p.ReadFrame(); f.Opcode != 2 || string(f.Payload) != "begun" {
					t.Fatalf("got %v", f)
				}
				p.WantClose("ours", 1001)
				p.SendClose(1001, "")
				if role == frame.Client {
					synctest.Wait()
					p.NetConn().(*memconn.Conn).CloseWrite()
				}
				p.WantEOF("nothing follows")
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// RFC 6455, 5.5.1: after both close frames "The server MUST close the
// underlying TCP connection immediately; the client SHOULD wait for the server
// to close the connection".
func TestServerClosesTheTransportFirst(t *testing.T) {
	for _, first := range []string{"we close first", "the peer closes first"} {
		for _, role := range bothRoles {
			t.Run(role.String()+"/"+first, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, p := endWithPeer(t, role, &pushwire.Config{Ping: -1, CloseTimeout: 3 * time.Second})
					c.Discard(t.Context())
					begin := time.Now()
					if first == "we close first" {
						go c.Close(1000, "")
						p.WantClose("ours", 1000)
						p.SendClose(1000, "")
					} else {
						p.SendClose(1000, "")
						p.WantClose("ours", 1000)
					}
					if role == frame.Client {
						p.WantSilence("the server is to close", 2*time.Second)
						p.WantEOF("a server that does not close")
						if d := time.Since(begin); d != 3*time.Second {
							t.Errorf("the client closed after %v, want CloseTimeout", d)
						}
						return
					}
					p.WantEOF("the server closes")
					if d := time.Since(begin); d != 0 {
						t.Errorf("the server closed after %v", d)
					}
				})
			})
		}
	}
}

// RFC 6455, 7.1.7: "An endpoint MUST NOT continue to attempt to process data
// (including a responding Close frame) from the remote endpoint after being
// instructed to _Fail the WebSocket Connection_." The connection goes at once
// where the peer plays along.
func TestFailedConnectionIsClosedAndReadsNothingMore(t *testing.T) {
	for _, role := range bothRoles {
		t.Run(role.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pings := 0
				cfg := &pushwire.Config{Ping: -1, OnPing: func(*pushwire.Conn, []byte) { pings++ }}
				c, p := endWithPeer(t, role, cfg)
				got := make(chan seen, 1)
				go func() { got <- see(c) }()
				begin := time.Now()
				p.Send(9, []byte("before"))
				p.Send(3, nil)
				p.WantFrame("the ping before", 10, []byte("before"))
				p.WantClose("a reserved opcode", 1002)
				p.Send(1, []byte("after"))
				p.Send(9, []byte("after"))
				p.SendClose(1000, "sorry")
				p.NetConn().(*memconn.Conn).CloseWrite()
				p.WantEOF("the connection is closed")
				s := wait(t, got)
				ce := s.wantEnd(t, 1002, nil)
				if ce.Received != nil || pings != 1 {
					t.Errorf("after the breach the close frame %v and %d pings were looked at", ce.Received, pings-1)
				}
				synctest.Wait()
				if d := time.Since(begin); d != 0 {
					t.Errorf("it took %v", d)
				}
			})
		})
	}
}

// RFC 6455, 4.2.2: "If the requested service is not available, the server MUST
// send an appropriate HTTP error code (such as 404 Not Found) and abort the
// WebSocket handshake." On net/http that is the multiplexer's part, elsewhere
// that of AcceptOptions.Check, whose rows are in checked.
func TestUnknownResourceIs404(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/chat", pushwire.Handler(echoFunc, nil))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	for path, want := range map[string]int{"/chat": 101, "/other": 404} {
		c, res, err := pushwire.Dial(t.Context(), "ws"+srv.URL[len("http"):]+path, nil)
		if res == nil || res.StatusCode != want || (err == nil) != (want == 101) {
			t.Errorf("%s: %v, %v; want %d", path, res, err, want)
		}
		if c != nil {
			c.CloseNow()
		}
	}
	addr := serve(t, listen(t), echoFunc, &pushwire.AcceptOptions{Check: checkByTarget})
	for path, want := range map[string]int{"/": 101, "/other": 404} {
		c, res, err := pushwire.Dial(t.Context(), "ws://"+addr+path, nil)
		if res == nil || res.StatusCode != want || (err == nil) != (want == 101) {
			t.Errorf("Serve, %s: %v, %v; want %d", path, res, err, want)
		}
		if c != nil {
			c.CloseNow()
		}
	}
}

// RFC 6455, 4.2.2: a server that agrees to no subprotocol "MUST NOT send back
// a |Sec-WebSocket-Protocol| header field"; 9: "A server MUST NOT respond with
// any extension not requested by the client", nor, having none, with any.
func TestServerNamesNoSubprotocolAndNoExtensionOfItsOwn(t *testing.T) {
	o := &pushwire.AcceptOptions{Protocols: []string{"ours"}}
	for _, d := range doorways {
		t.Run(d.name, func(t *testing.T) {
			dial := d.open(t, o, false)
			for _, extra := range [][]string{
				nil,
				{"Sec-WebSocket-Protocol: theirs"},
				{"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other"},
			} {
				p := testpeer.New(t, dial(t), testpeer.Client)
				res := testpeer.ParseResponse(p.Handshake(extra...))
				for _, name := range []string{"Sec-Websocket-Protocol", "Sec-Websocket-Extensions"} {
					if got, ok := res.Header[name]; ok {
						t.Errorf("%q was answered with %s: %q", extra, name, got)
					}
				}
				p.SendClose(1000, "")
				p.WantClose("the end", 1000)
			}
		})
	}
}

// RFC 6455, 7.1.7: a server that fails the connection "SHOULD log the problem".
func TestBreachIsLogged(t *testing.T) {
	var out bytes.Buffer
	l := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, p := endWithPeer(t, frame.Server, &pushwire.Config{Logger: l})
	got := make(chan seen, 1)
	go func() { got <- see(c) }()
	p.Send(3, nil)
	p.WantClose("a reserved opcode", 1002)
	p.Close()
	err := wait(t, got).err
	if got := out.String(); !strings.Contains(got, "level=DEBUG") || !strings.Contains(got, "1002") {
		t.Errorf("%v was logged as %q", err, got)
	}
}

// RFC 6455, 3: "the character "#", when not indicating the start of a
// fragment, MUST be escaped as %23".
func TestNumberSignInURLStaysEscaped(t *testing.T) {
	asked := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.RequestURI }))
	t.Cleanup(srv.Close)
	pushwire.Dial(t.Context(), "ws"+srv.URL[len("http"):]+"/a%23b?c=%23d", nil)
	select {
	case got := <-asked:
		if got != "/a%23b?c=%23d" {
			t.Errorf("the request is for %s", got)
		}
	default:
		t.Error("no request came")
	}
}
