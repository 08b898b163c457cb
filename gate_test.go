package pushwire_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// knock connects from a local address, "" for any, sends a request and
// returns the status of the answer; 0 where the connection was closed without
// one.
func knock(t *testing.T, from, addr, request string) (int, net.Conn) {
	t.Helper()
	var d net.Dialer
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	nc, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(nc, request)
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return 0, nc
	}
	if code := res.StatusCode; (code == 503 || code == 429) && res.Header.Get("Retry-After") == "" {
		t.Errorf("an answer of %d without Retry-After", code)
	}
	return res.StatusCode, nc
}

// wantLen waits until so many connections count.
func wantLen(t *testing.T, g *pushwire.Gate, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d connections count", n), func() bool { return g.Len() == n })
}

// gates runs a server with each way in, and gives its address.
func gates(t *testing.T, f pushwire.ServeFunc, o func() *pushwire.AcceptOptions, test func(t *testing.T, addr string, g *pushwire.Gate)) {
	t.Run("Handler", func(t *testing.T) {
		o := o()
		srv := httptest.NewServer(pushwire.Handler(f, o))
		t.Cleanup(srv.Close)
		test(t, srv.Listener.Addr().String(), o.Gate)
	})
	t.Run("Serve", func(t *testing.T) {
		o := o()
		test(t, serve(t, listen(t), f, o), o.Gate)
	})
}

func TestGateLetsInAsManyAsItMay(t *testing.T) {
	const most = 3
	gates(t, echoFunc, func() *pushwire.AcceptOptions {
		return &pushwire.AcceptOptions{Gate: &pushwire.Gate{MaxConns: most}}
	}, func(t *testing.T, addr string, g *pushwire.Gate) {
		var in []net.Conn
		for range most {
			code, nc := knock(t, "", addr, opening("h"))
			if code != 101 {
				t.Fatalf("%d for one of the first %d", code, most)
			}
			in = append(in, nc)
		}
		for range 2 {
			if code, _ := knock(t, "", addr, opening("h")); code != 503 {
				t.Fatalf("%d for one too many, want 503", code)
			}
		}
		wantLen(t, g, most)
		in[1].Close()
		wantLen(t, g, most-1)
		if code, _ := knock(t, "", addr, opening("h")); code != 101 {
			t.Fatalf("%d once there is room again, want 101", code)
		}
	})
}

// Some connections end in the server's hands, some in the application's, some
// never become any: none counts afterwards.
func TestGateForgetsConnectionsHoweverTheyEnd(t *testing.T) {
	bad := strings.Replace(opening("h"), "Version: 13", "Version: 12", 1)
	for _, k := range []struct {
		name    string
		f       func(c *pushwire.Conn)
		request string
		check   error
		status  int
	}{
		{name: "Close", f: func(c *pushwire.Conn) { c.Close(1000, "") }},
		{name: "CloseNow", f: func(c *pushwire.Conn) { c.CloseNow() }},
		{name: "Detach", f: func(c *pushwire.Conn) {
			if nc, _, err := c.Detach(); err == nil {
				nc.Close()
			}
		}},
		{name: "return", f: func(*pushwire.Conn) {}},
		{name: "breach", request: opening("h") + "\xff\xff", f: func(c *pushwire.Conn) { c.Read(context.Background()) }},
		{name: "close frame", request: opening("h") + "\x88\x80abcd", f: func(c *pushwire.Conn) { c.Read(context.Background()) }},
		{name: "bad request", request: bad, status: 426},
		{name: "other origin", request: opening("h", "Origin: http://elsewhere"), status: 403},
		{name: "no request", request: "PUT it in\r\n\r\n", status: 400},
		{name: "refused by Check", check: &handshake.Error{Status: 404, Reason: "no"}, status: 404},
		{name: "failed Check", check: errors.New("no"), status: 500},
	} {
		t.Run(k.name, func(t *testing.T) {
			f := func(_ context.Context, c *pushwire.Conn, _ *handshake.Request) { k.f(c) }
			if k.request == "" {
				k.request = opening("h")
			}
			if k.status == 0 {
				k.status = 101
			}
			gates(t, f, func() *pushwire.AcceptOptions {
				return &pushwire.AcceptOptions{
					Config: pushwire.Config{CloseTimeout: 100 * time.Millisecond},
					Gate:   &pushwire.Gate{MaxPerAddress: 1},
					Check:  func(context.Context, *handshake.Request) error { return k.check },
				}
			}, func(t *testing.T, addr string, g *pushwire.Gate) {
				for range 2 {
					code, nc := knock(t, "", addr, k.request)
					if code != k.status {
						t.Errorf("%d, want %d", code, k.status)
					}
					nc.Close()
					wantLen(t, g, 0)
				}
			})
		})
	}
}

// A panic in a ResponseWriter is survived by net/http, and by the Gate.
func TestGateForgetsAHandshakeThatPanics(t *testing.T) {
	g := &pushwire.Gate{MaxConns: 1}
	h := pushwire.Handler(echoFunc, &pushwire.AcceptOptions{Gate: g})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(panickingHijacker{w}, r)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Start()
	defer srv.Close()
	nc, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, opening("h"))
	if b, err := io.ReadAll(nc); len(b) > 0 || err != nil {
		t.Fatalf("%q, %v, want the end", b, err)
	}
	wantLen(t, g, 0)
}

type panickingHijacker struct{ http.ResponseWriter }

func (panickingHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { panic("no Hijacker") }

func TestGateBoundsEachAddress(t *testing.T) {
	if nc, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).Dial("tcp", "127.0.0.1:1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Logf("left out where 127.0.0.2 is no address of this machine: %v, %v", nc, err)
		return
	}
	gates(t, echoFunc, func() *pushwire.AcceptOptions {
		return &pushwire.AcceptOptions{Gate: &pushwire.Gate{MaxPerAddress: 2}}
	}, func(t *testing.T, addr string, g *pushwire.Gate) {
		var first net.Conn
		for _, k := range []struct {
			from string
			code int
		}{{"127.0.0.1", 101}, {"127.0.0.1", 101}, {"127.0.0.1", 429}, {"127.0.0.2", 101}, {"127.0.0.1", 429}, {"127.0.0.2", 101}, {"127.0.0.2", 429}} {
			code, nc := knock(t, k.from, addr, opening("h"))
			if code != k.code {
				t.Errorf("%d from %s, want %d", code, k.from, k.code)
			}
			if first == nil {
				first = nc
			}
		}
		first.Close()
		wantLen(t, g, 3)
		if code, _ := knock(t, "127.0.0.1", addr, opening("h")); code != 101 {
			t.Errorf("%d once the address has room again, want 101", code)
		}
	})
}

// Address sees what middleware made of the request, and can merge addresses
// or leave them out.
func TestGateAsksForTheAddress(t *testing.T) {
	var asked []string
	o := &pushwire.AcceptOptions{Gate: &pushwire.Gate{MaxPerAddress: 1, Address: func(remote string) string {
		asked = append(asked, remote)
		if remote == "a friend" {
			return ""
		}
		return "everybody else"
	}}}
	h := pushwire.Handler(echoFunc, o)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = r.Header.Get("X-Real-IP")
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	for i, k := range []struct {
		from string
		code int
	}{{"one", 101}, {"another", 429}, {"a friend", 101}, {"a friend", 101}, {"one", 429}} {
		code, _ := knock(t, "", srv.Listener.Addr().String(), opening("h", "X-Real-IP: "+k.from))
		if code != k.code || len(asked) != i+1 || asked[i] != k.from {
			t.Errorf("%d for %s, want %d; asked about %q", code, k.from, k.code, asked)
		}
	}
}

// A flood of connections that send nothing takes the places that there are and
// nothing else: no goroutine and no descriptor stays for those beyond. When it
// has ended the next one gets in at once.
func TestConnectionFloodIsStoppedAtTheGate(t *testing.T) {
	const most, flood = 100, 3000
	g := &pushwire.Gate{MaxConns: most}
	addr := serve(t, listen(t), echoFunc, &pushwire.AcceptOptions{Gate: g})
	before, goroutines := live(), runtime.NumGoroutine()
	var conns []net.Conn
	for range flood {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, nc)
	}
	wantLen(t, g, most)
	shut, b := 0, make([]byte, 4096)
	for _, nc := range conns[most:] { // the first ones got the places, in whatever order
		nc.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := io.ReadAtLeast(nc, b, len(b))
		if errors.Is(err, net.ErrClosed) || isTimeout(err) {
			continue
		}
		if n > 0 && !strings.HasPrefix(string(b[:n]), "HTTP/1.1 503 ") {
			t.Fatalf("%q", b[:n])
		}
		shut++
	}
	if shut < flood-2*most {
		t.Errorf("%d connections of %d were turned away", shut, flood)
	}
	if n := runtime.NumGoroutine() - goroutines; n > most+64+10 {
		t.Errorf("the flood keeps %d goroutines busy", n)
	}
	t.Logf("the heap has %d bytes more, the sockets of the flood included", live()-before)
	for _, nc := range conns {
		nc.Close()
	}
	wantLen(t, g, 0)
	if code, _ := knock(t, "", addr, opening("h")); code != 101 {
		t.Errorf("%d after the flood, want 101", code)
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

func ExampleGate() {
	gate := &pushwire.Gate{MaxConns: 10_000, MaxPerAddress: 20}
	h := pushwire.Handler(func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
		c.Write(ctx, frame.Text, fmt.Appendf(nil, "you are one of %d", gate.Len()))
	}, &pushwire.AcceptOptions{Gate: gate})
	srv := httptest.NewServer(h)
	defer srv.Close()

	c, _, err := pushwire.Dial(context.Background(), strings.Replace(srv.URL, "http", "ws", 1), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	_, p, err := c.Read(context.Background())
	fmt.Println(string(p), err)
	// Output: you are one of 1 <nil>
}
