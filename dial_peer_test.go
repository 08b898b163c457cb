package pushwire

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// The peers of the tests of Dial are written by hand on raw connections, so
// that nothing of the library answers itself.

// dialPeer listens on loopback, and runs f for each connection. At the end of
// the test all connections are closed, and all f must have returned.
func dialPeer(t *testing.T, f func(nc net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, nc)
			mu.Unlock()
			wg.Go(func() {
				defer nc.Close()
				f(nc)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, nc := range open {
			nc.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// dialAnswer runs an f that reads one request and gets what to answer from
// text; then it waits for the other end to close.
func dialAnswer(text func(r *http.Request) string) func(net.Conn) {
	return func(nc net.Conn) {
		br := bufio.NewReader(nc)
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		if _, err := io.WriteString(nc, text(r)); err != nil {
			return
		}
		io.Copy(io.Discard, br)
	}
}

// dialAccept is a good answer to r, with extra lines.
func dialAccept(r *http.Request, lines ...string) string {
	s := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + dialAcceptKey(r) + "\r\n"
	for _, l := range lines {
		s += l + "\r\n"
	}
	return s + "\r\n"
}

func dialAcceptKey(r *http.Request) string {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// dialHello is a good answer with a text frame "hello" in the same segment.
func dialHello(r *http.Request) string { return dialAccept(r) + "\x81\x05hello" }

// direct is DialOptions that do not look at the environment.
func direct() *DialOptions {
	return &DialOptions{Proxy: http.ProxyURL(nil)}
}

// wantHello reads the frame of dialHello.
func wantHello(t *testing.T, c *Conn) {
	t.Helper()
	typ, p, err := c.Read(t.Context())
	if err != nil || string(p) != "hello" || typ != 1 {
		t.Errorf("first message: %v %q, %v; want hello", typ, p, err)
	}
}

// mustDial dials and closes at the end of the test.
func mustDial(t *testing.T, url string, o *DialOptions) (*Conn, *http.Response) {
	t.Helper()
	c, res, err := Dial(t.Context(), url, o)
	if err != nil {
		t.Fatalf("Dial(%s): %v", url, err)
	}
	t.Cleanup(func() { c.CloseNow() })
	return c, res
}

// testTLS is a server configuration with net/http's test certificate, which
// is valid for example.com and 127.0.0.1, and the pool that trusts it.
var testTLS = sync.OnceValues(func() (*tls.Config, *x509.CertPool) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, pool
})

// overTLS runs f behind the server side of TLS.
func overTLS(f func(net.Conn)) func(net.Conn) {
	cfg, _ := testTLS()
	return func(nc net.Conn) {
		tc := tls.Server(nc, cfg)
		if tc.Handshake() != nil {
			return
		}
		f(tc)
	}
}

func trusted() *tls.Config {
	_, pool := testTLS()
	return &tls.Config{RootCAs: pool}
}

// dialTo is a NetDial that connects to addr whatever it is asked for, and
// notes what that was.
type dialTo struct {
	addr string
	mu   sync.Mutex
	got  []string
}

func (d *dialTo) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d.mu.Lock()
	d.got = append(d.got, network+" "+addr)
	d.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, network, d.addr)
}

func (d *dialTo) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.got, ", ")
}

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }
