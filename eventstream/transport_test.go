package eventstream_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/pushwire/pushwire/eventstream"
	"github.com/pushwire/pushwire/internal/memconn"
)

// way is how a stream reaches its client.
type way struct {
	name    string
	tls     bool
	http2   bool
	wrapped bool // the ResponseWriter has nothing but Unwrap
	raw     bool // the connection is hijacked
}

var ways = []way{
	{name: "HTTP1"},
	{name: "HTTP1-wrapped", wrapped: true},
	{name: "HTTP1-TLS", tls: true},
	{name: "HTTP2", tls: true, http2: true},
	{name: "HTTP2-wrapped", tls: true, http2: true, wrapped: true},
	{name: "raw", raw: true},
	{name: "raw-TLS", raw: true, tls: true},
}

func overAllWays(t *testing.T, f func(t *testing.T, w way)) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) { f(t, w) })
	}
}

// wrapper is a ResponseWriter as middleware makes it.
type wrapper struct{ w http.ResponseWriter }

func (w wrapper) Header() http.Header         { return w.w.Header() }
func (w wrapper) Write(p []byte) (int, error) { return w.w.Write(p) }
func (w wrapper) WriteHeader(status int)      { w.w.WriteHeader(status) }
func (w wrapper) Unwrap() http.ResponseWriter { return w.w }

// handler serves f in that way.
func (w way) handler(t *testing.T, o *eventstream.Options, f func(*eventstream.Stream, *http.Request)) http.Handler {
	if w.raw {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			nc, _, err := http.NewResponseController(rw).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			s, err := eventstream.AcceptConn(nc, r, o)
			if err != nil {
				return
			}
			go func() {
				defer s.Close()
				f(s, r)
			}()
		})
	}
	h := eventstream.Handler(f, o)
	if w.wrapped {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { h.ServeHTTP(wrapper{wrapper{rw}}, r) })
	}
	return h
}

// serve starts a server on a real socket and returns it with a client for it.
// tune may be nil.
func (w way) serve(t *testing.T, o *eventstream.Options, f func(*eventstream.Stream, *http.Request), tune func(*http.Server)) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(w.handler(t, o, f))
	srv.EnableHTTP2 = w.http2
	if tune != nil {
		tune(srv.Config)
	}
	if w.tls {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv
}

// get asks for the stream at url; fields are name, value pairs.
func get(t *testing.T, c *http.Client, url string, fields ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// wantLine reads one line and its end.
func wantLine(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	got, err := r.ReadString('\n')
	if err != nil || got != want+"\n" {
		t.Fatalf("got line %q, %v; want %q", got, err, want)
	}
}

// memListener hands out connections in memory, so that a server and its
// clients can live in a bubble of testing/synctest.
type memListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	size  int // of the buffers
}

func newMemListener() *memListener {
	return &memListener{conns: make(chan net.Conn), done: make(chan struct{}), size: 4 << 10}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *memListener) Addr() net.Addr { return memconn.Addr("mem") }

func (l *memListener) dial(context.Context, string, string) (net.Conn, error) {
	a, b := memconn.PipeSize(l.size)
	select {
	case l.conns <- b:
		return a, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// bubbled are the ways that need no TLS, whose handshake is slow and whose
// deadlines are those of its connection.
var bubbled = []way{{name: "HTTP1"}, {name: "HTTP2", http2: true}, {name: "raw", raw: true}}

// inBubble serves h in memory; close ends server and client.
func (w way) inBubble(h http.Handler, tune func(*http.Server)) (c *http.Client, srv *http.Server, close func()) {
	l := newMemListener()
	srv = &http.Server{Handler: h}
	tr := &http.Transport{DialContext: l.dial}
	if w.http2 {
		var p http.Protocols
		p.SetUnencryptedHTTP2(true)
		srv.Protocols, tr.Protocols = &p, &p
	}
	if tune != nil {
		tune(srv)
	}
	done := make(chan struct{})
	go func() {
		srv.Serve(l)
		l.Close()
		done <- struct{}{}
	}()
	return &http.Client{Transport: tr}, srv, func() {
		tr.CloseIdleConnections()
		srv.Close()
		l.Close()
		<-done
	}
}
