package pushwire_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/internal/memconn"
)

// opening is a request as a browser would send it, with extra field lines.
func opening(host string, extra ...string) string {
	return "GET /chat HTTP/1.1\r\nHost: " + host + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" + strings.Join(append(extra, ""), "\r\n") + "\r\n"
}

func sendMessage(c *pushwire.Conn, s string) error {
	return c.Write(context.Background(), frame.Text, []byte(s))
}

// servers starts f on both server paths, and on TLS, and calls test with a way
// to connect to each.
func servers(t *testing.T, f pushwire.ServeFunc, o func() *pushwire.AcceptOptions, test func(t *testing.T, dial func() net.Conn)) {
	t.Helper()
	if o == nil {
		o = func() *pushwire.AcceptOptions { return nil }
	}
	var opened []net.Conn
	hangUp := func() { // a server waits for its peers' close frames
		for _, nc := range opened {
			nc.Close()
		}
	}
	plain := func(addr string) func() net.Conn {
		return func() net.Conn {
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			opened = append(opened, nc)
			nc.SetDeadline(time.Now().Add(10 * time.Second))
			return nc
		}
	}
	t.Run("http", func(t *testing.T) {
		srv := httptest.NewServer(unwrapOnly(pushwire.Handler(f, o())))
		defer srv.Close()
		defer hangUp()
		test(t, plain(srv.Listener.Addr().String()))
	})
	for _, secure := range []bool{false, true} {
		name := "raw"
		if secure {
			name = "raw+tls"
		}
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			dial := plain(l.Addr().String())
			if secure {
				pool, cert := testCert(t)
				l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}})
				inner := dial
				dial = func() net.Conn {
					return tls.Client(inner(), &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- pushwire.Serve(ctx, l, f, o()) }()
			func() {
				defer hangUp()
				test(t, dial)
			}()
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
	}
}

// readHead reads an HTTP answer up to its empty line.
func readHead(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		head.WriteString(line)
		if err != nil {
			t.Fatalf("after %q: %v", head.String(), err)
		}
		if line == "\r\n" {
			return head.String()
		}
	}
}

// A client may send its first frame with the request, in one segment.
func TestFrameInTheSegmentOfTheHandshakeIsDelivered(t *testing.T) {
	echoOne := func(ctx context.Context, c *pushwire.Conn, r *handshake.Request) {
		_, m, err := c.Read(ctx)
		if err != nil {
			t.Errorf("read: %v", err)
			return
		}
		c.Write(ctx, frame.Text, []byte(r.Target+" "), m)
	}
	for _, size := range []int{0, 1, 100, 5000, 70_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			servers(t, echoOne, nil, func(t *testing.T, dial func() net.Conn) {
				nc := dial()
				m := bytes.Repeat([]byte("m"), size)
				go nc.Write(frame.AppendMessage([]byte(opening("example.com")), frame.Client, frame.Text, 0, m))
				r := bufio.NewReader(nc)
				head := readHead(t, r)
				if !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
					t.Fatalf("answer %q", head)
				}
				want := frame.AppendMessage(nil, frame.Server, frame.Text, 0, append([]byte("/chat "), m...))
				got := make([]byte, len(want))
				if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
			})
		})
	}
}

func TestRequestsThatAreNoHandshakeGetAClearAnswer(t *testing.T) {
	never := func(context.Context, *pushwire.Conn, *handshake.Request) { t.Error("served") }
	for _, tt := range []struct {
		name, request string
		status        int
		fields        []string
	}{
		{"plain GET", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 426, []string{"Upgrade: websocket", "Connection:"}},
		{"POST", strings.Replace(opening("h"), "GET", "POST", 1), 405, []string{"Allow: GET"}},
		{"version 8", strings.Replace(opening("h"), ": 13", ": 8", 1), 426, []string{"Sec-WebSocket-Version: 13"}},
		{"no key", strings.Replace(opening("h"), "Sec-WebSocket-Key", "X-Key", 1), 400, nil},
		{"two keys", opening("h", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400, nil},
		{"foreign origin", opening("h", "Origin: http://evil.example"), 403, nil},
		{"null origin", opening("h", "Origin: null"), 403, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			servers(t, never, nil, func(t *testing.T, dial func() net.Conn) {
				nc := dial()
				go io.WriteString(nc, tt.request)
				res, err := http.ReadResponse(bufio.NewReader(nc), nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				if err != nil || res.StatusCode != tt.status || len(body) < 10 {
					t.Errorf("status %d, body %q, %v; want %d", res.StatusCode, body, err, tt.status)
				}
				for _, f := range tt.fields {
					name, value, _ := strings.Cut(f, ": ")
					name = strings.TrimSuffix(name, ":")
					if got := res.Header.Get(name); value != "" && got != value || name != "Connection" && got == "" {
						t.Errorf("%s: %q, want %q", name, got, value)
					}
				}
			})
		})
	}
}

func TestSubprotocolIsTheServersFirstChoice(t *testing.T) {
	f := func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) { sendMessage(c, c.Protocol()) }
	o := func() *pushwire.AcceptOptions { return &pushwire.AcceptOptions{Protocols: []string{"v2", "v1"}} }
	for _, tt := range [][2]string{{"v1, v2", "v2"}, {"v1", "v1"}, {"V1, v3", ""}} {
		servers(t, f, o, func(t *testing.T, dial func() net.Conn) {
			nc := dial()
			io.WriteString(nc, opening("h", "Sec-WebSocket-Protocol: "+tt[0]))
			res, err := http.ReadResponse(bufio.NewReader(nc), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(res.Header.Values("Sec-WebSocket-Protocol"), "|"); got != tt[1] {
				t.Errorf("offered %q, answered %q, want %q", tt[0], got, tt[1])
			}
		})
	}
}

func TestHeaderOfTheAnswer(t *testing.T) {
	h := pushwire.Handler(func(context.Context, *pushwire.Conn, *handshake.Request) {}, &pushwire.AcceptOptions{
		Header: http.Header{"X-One": {"1"}},
	})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "s"})
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	nc, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, opening("h"))
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 101 || res.Header.Get("X-One") != "1" || res.Header.Get("Set-Cookie") != "session=s" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

func TestHeaderThatWouldInjectIsRefusedNotRewritten(t *testing.T) {
	for _, h := range []http.Header{
		{"X": {"a\r\nInjected: b"}},
		{"X\r\nInjected": {"b"}},
		{"Sec-Websocket-Accept": {"x"}},
	} {
		servers(t, func(context.Context, *pushwire.Conn, *handshake.Request) { t.Error("served") },
			func() *pushwire.AcceptOptions { return &pushwire.AcceptOptions{Header: h} },
			func(t *testing.T, dial func() net.Conn) {
				nc := dial()
				io.WriteString(nc, opening("h"))
				res, err := http.ReadResponse(bufio.NewReader(nc), nil)
				if err != nil || res.StatusCode != 500 || res.Header.Get("Injected") != "" {
					t.Errorf("%q: %v, %v", h, res, err)
				}
			})
	}
}

func TestAcceptRefusesWhileShuttingDown(t *testing.T) {
	var g pushwire.Group
	g.Shutdown(t.Context(), frame.CodeGoingAway, "")
	f := func(context.Context, *pushwire.Conn, *handshake.Request) { t.Error("served") }
	servers(t, f, func() *pushwire.AcceptOptions { return &pushwire.AcceptOptions{Group: &g} },
		func(t *testing.T, dial func() net.Conn) {
			nc := dial()
			io.WriteString(nc, opening("h"))
			res, err := http.ReadResponse(bufio.NewReader(nc), nil)
			if err != nil || res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
				t.Errorf("%v, %v", res, err)
			}
		})
}

func TestServeEndsWithItsContextAndClosesAllWith1001(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	left := make(chan error, 20)
	started := make(chan struct{}, 20)
	go func() {
		done <- pushwire.Serve(ctx, l, func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
			started <- struct{}{}
			<-ctx.Done()
			left <- context.Cause(ctx)
		}, nil)
	}()
	var clients []*pushwire.Conn
	for range 20 {
		c, _, err := pushwire.Dial(t.Context(), "ws://"+l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		clients = append(clients, c)
		<-started
	}
	idle, err := net.Dial("tcp", l.Addr().String()) // a handshake that never comes
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	cancel()
	for _, c := range clients {
		if _, _, err := c.Read(t.Context()); pushwire.CodeOf(err) != frame.CodeGoingAway {
			t.Errorf("client: %v", err)
		}
	}
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	for range 20 {
		if err := <-left; pushwire.CodeOf(err) != frame.CodeGoingAway {
			t.Errorf("ServeFunc's context ended by %v", err)
		}
	}
}

func TestPanicInServeFuncIs1011(t *testing.T) {
	f := func(context.Context, *pushwire.Conn, *handshake.Request) { panic(http.ErrAbortHandler) }
	servers(t, f, nil, func(t *testing.T, dial func() net.Conn) {
		nc := dial()
		io.WriteString(nc, opening("h"))
		r := bufio.NewReader(nc)
		readHead(t, r)
		b := make([]byte, 4)
		if _, err := io.ReadFull(r, b); err != nil || !bytes.Equal(b, []byte{0x88, 2, 1011 >> 8, 1011 & 0xFF}) {
			t.Errorf("% x, %v", b, err)
		}
	})
}

func TestServeFuncThatReturnsClosesWith1000(t *testing.T) {
	servers(t, func(context.Context, *pushwire.Conn, *handshake.Request) {}, nil, func(t *testing.T, dial func() net.Conn) {
		nc := dial()
		io.WriteString(nc, opening("h"))
		r := bufio.NewReader(nc)
		readHead(t, r)
		c := pushwire.NewConn(bufferedConn{nc, r}, frame.Client, nil)
		if _, _, err := c.Read(t.Context()); pushwire.CodeOf(err) != 1000 {
			t.Error(err)
		}
	})
}

// bufferedConn is a net.Conn with bytes that were read ahead.
type bufferedConn struct {
	net.Conn
	r *bufio.Reader
}

func (b bufferedConn) Read(p []byte) (int, error) { return b.r.Read(p) }

func TestContextOfTheRequestGivesItsValuesNotItsEnd(t *testing.T) {
	type key struct{}
	got := make(chan error, 1)
	h := pushwire.Handler(func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
		_, _, err := c.Read(ctx)
		if err == nil {
			err = context.Cause(ctx) // of a request that is over
		}
		if ctx.Value(key{}) != "value" {
			err = fmt.Errorf("the value is %v", ctx.Value(key{}))
		}
		got <- err
	}, nil)
	served := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(context.WithValue(r.Context(), key{}, "value"))
		h.ServeHTTP(w, r.WithContext(ctx))
		cancel()
		close(served)
	}))
	defer srv.Close()
	c, _, err := pushwire.Dial(t.Context(), "ws"+srv.URL[4:], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	<-served
	if err := sendMessage(c, "x"); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestHandshakeThatDoesNotComeIsCutAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memconn.Pipe()
		start := time.Now()
		var sender sync.WaitGroup
		sender.Go(func() { // a byte a second, for ever
			for i := 0; ; i++ {
				if _, err := a.Write([]byte(opening("h")[i : i+1])); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		_, _, err := pushwire.AcceptConn(t.Context(), b, nil)
		var he *handshake.Error
		if !errors.As(err, &he) || he.Status != http.StatusRequestTimeout {
			t.Errorf("AcceptConn: %v", err)
		}
		if took := time.Since(start); took > 12*time.Second {
			t.Errorf("it took %v", took)
		}
		a.Close()
		sender.Wait()
	})
}

func TestAcceptConnEndsWithItsContext(t *testing.T) {
	a, b := netPair(t, tcp)
	defer a.Close()
	ctx, cancel := context.WithCancel(t.Context())
	io.WriteString(a, "GET / HT")
	cancel()
	if _, _, err := pushwire.AcceptConn(ctx, b, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAcceptOnHTTP2SaysWhy(t *testing.T) {
	rec := httptest.NewRecorder() // no Hijacker, as an HTTP/2 stream has none
	r := httptest.NewRequest("GET", "http://h/", nil)
	r.Header = http.Header{"Connection": {"upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
	_, err := pushwire.Accept(rec, r, nil)
	if !errors.Is(err, http.ErrNotSupported) || rec.Code != 500 {
		t.Errorf("%d, %v", rec.Code, err)
	}
}

// Serve closes what it has accepted, also what f took out of the Group.
func TestServeEndsConnectionsThatLeftTheGroup(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var g pushwire.Group
	left := make(chan bool)
	served := make(chan error, 1)
	go func() {
		served <- pushwire.Serve(ctx, l, func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
			g.Remove(c)
			left <- true
			c.Read(ctx)
		}, &pushwire.AcceptOptions{Group: &g})
	}()
	c, _, err := pushwire.Dial(t.Context(), "ws://"+l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	<-left
	cancel()
	if _, _, err := c.Read(t.Context()); pushwire.CodeOf(err) != frame.CodeGoingAway {
		t.Errorf("the client sees %v", err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// A ServeFunc that leaves by runtime.Goexit, as t.FailNow does, leaves no
// connection behind.
func TestGoexitInServeFuncIs1011(t *testing.T) {
	srv := httptest.NewServer(pushwire.Handler(func(context.Context, *pushwire.Conn, *handshake.Request) {
		runtime.Goexit()
	}, nil))
	defer srv.Close()
	c, _, err := pushwire.Dial(t.Context(), "ws"+srv.URL[len("http"):], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, _, err := c.Read(ctx); pushwire.CodeOf(err) != frame.CodeInternal {
		t.Errorf("the client sees %v", err)
	}
}
