package httpstream_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/topic"
)

// way is how a request reaches the handler.
type way struct {
	name    string
	tls     bool
	http2   bool
	wrapped bool // the ResponseWriter has nothing but Unwrap
}

var ways = []way{
	{name: "HTTP1"},
	{name: "HTTP1-wrapped", wrapped: true},
	{name: "HTTP1-TLS", tls: true},
	{name: "HTTP2", tls: true, http2: true},
	{name: "HTTP2-wrapped", tls: true, http2: true, wrapped: true},
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

func (w way) wrap(h http.Handler) http.Handler {
	if !w.wrapped {
		return h
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { h.ServeHTTP(wrapper{wrapper{rw}}, r) })
}

// serve starts a server on a real socket. tune may be nil.
func (w way) serve(t *testing.T, h http.Handler, tune func(*http.Server)) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(w.wrap(h))
	srv.EnableHTTP2 = w.http2
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // connections that a client does not need after all
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

// memListener hands out connections in memory, so that a server and its
// clients can live in a bubble of testing/synctest.
type memListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newMemListener() *memListener {
	return &memListener{conns: make(chan net.Conn), done: make(chan struct{})}
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
	a, b := memconn.PipeSize(4 << 10)
	select {
	case l.conns <- b:
		return a, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// bubbled are the ways that need no TLS, whose handshake is slow.
var bubbled = []way{{name: "HTTP1"}, {name: "HTTP1-wrapped", wrapped: true}, {name: "HTTP2", http2: true}}

// bubble is a server in memory and a client for it.
type bubble struct {
	*http.Client
	srv   *http.Server
	l     *memListener
	close func()
}

// inBubble serves h in memory; tune may be nil.
func (w way) inBubble(h http.Handler, tune func(*http.Server)) *bubble {
	l := newMemListener()
	srv := &http.Server{Handler: w.wrap(h)}
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
		close(done)
	}()
	return &bubble{Client: &http.Client{Transport: tr}, srv: srv, l: l, close: func() {
		tr.CloseIdleConnections()
		srv.Close()
		l.Close()
		<-done
		time.Sleep(time.Second) // net/http lingers for half of it where it closes first
	}}
}

// answer is what came back, whole.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask makes one request; fields are name, value pairs. "METHOD url" is the
// first argument after the client.
func ask(t *testing.T, c *http.Client, what, body string, fields ...string) answer {
	t.Helper()
	res := open(t, c, what, body, fields...)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

// open is ask without the body, which the caller has to close.
func open(t *testing.T, c *http.Client, what, body string, fields ...string) *http.Response {
	t.Helper()
	method, url, _ := strings.Cut(what, " ")
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, r)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "Host" {
			req.Host = fields[i+1]
			continue
		}
		req.Header.Add(fields[i], fields[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// filled is a log of n items with the data "1", "2" ..., and what makes E of
// its epoch in what it shows, and the reverse in what it is asked.
func filled(t *testing.T, n int) (log *topic.Log, real, short func(string) string) {
	t.Helper()
	log = &topic.Log{}
	b, err := log.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	epoch, _, err := b.Head.Split()
	if err != nil {
		t.Fatal(err)
	}
	fill(log, 1, n)
	return log, func(s string) string { return strings.ReplaceAll(s, "E-", epoch+"-") },
		func(s string) string { return strings.ReplaceAll(s, epoch+"-", "E-") }
}

func fill(log *topic.Log, from, to int) {
	for i := from; i <= to; i++ {
		log.Append("", []byte(itoa(i)))
	}
}

// bare is a source that can do nothing but read.
type bare struct{ log *topic.Log }

func (b bare) Read(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
	return b.log.Read(ctx, after, buf)
}
