package middlebox

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Kind is what is wrong with a box.
type Kind int

const (
	// DropUpgrade passes requests on without Upgrade and Connection, and
	// answers as they come.
	DropUpgrade Kind = iota + 1
	// Buffer passes an answer on when it has ended, and drops Upgrade.
	Buffer
	// Collect passes an answer on in pieces of 4 KiB, and what is left when it
	// has ended, and drops Upgrade. nginx does that by default.
	Collect
	// CutIdle passes bytes on, both ways, and cuts a connection on which
	// there were none for Options.Idle.
	CutIdle
	// HTTP10 speaks HTTP/1.0 to both sides: one request a connection, no
	// Upgrade, no chunks.
	HTTP10
)

// Options are the settings of a box; nil are the defaults.
type Options struct {
	Idle time.Duration // of CutIdle; 0 is 5 s

	// Listener is where the box listens; nil is a port of the loopback
	// interface.
	Listener net.Listener

	// Dial connects to the server; nil is the network. With a Listener and
	// Dial of memory a box can live in a bubble of testing/synctest.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// DefaultIdle is after how long CutIdle cuts.
const DefaultIdle = 5 * time.Second

// Box is a proxy before one server. It runs until Close.
type Box struct {
	kind   Kind
	server string // host:port
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	idle   time.Duration
	l      net.Listener
	http   *http.Server // of DropUpgrade, Buffer and Collect
	tr     *http.Transport
	wg     sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

// Start starts a box before the server at an address, host:port.
func Start(kind Kind, server string, o *Options) (*Box, error) {
	if o == nil {
		o = &Options{}
	}
	b := &Box{kind: kind, server: server, idle: o.Idle, l: o.Listener, conns: make(map[net.Conn]bool)}
	if b.dial = o.Dial; b.dial == nil {
		b.dial = new(net.Dialer).DialContext
	}
	if b.idle <= 0 {
		b.idle = DefaultIdle
	}
	if b.l == nil {
		var err error
		if b.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
	}
	serve := b.serveConns
	if kind == DropUpgrade || kind == Buffer || kind == Collect {
		b.tr = &http.Transport{DisableCompression: true, DialContext: b.dial}
		b.http = &http.Server{Handler: http.HandlerFunc(b.forward)}
		serve = func() { b.http.Serve(b.l) }
	}
	b.wg.Go(serve)
	return b, nil
}

// Addr is where the box listens, host:port.
func (b *Box) Addr() string { return b.l.Addr().String() }

// Close cuts all connections and waits for what the box has running.
func (b *Box) Close() error {
	b.l.Close()
	if b.http != nil {
		b.http.Close()
		b.tr.CloseIdleConnections()
	}
	b.mu.Lock()
	b.closed = true
	for nc := range b.conns {
		nc.Close()
	}
	b.mu.Unlock()
	b.wg.Wait()
	return nil
}

// hold notes a connection, for Close; false if that was called.
func (b *Box) hold(nc net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		nc.Close()
		return false
	}
	b.conns[nc] = true
	return true
}

func (b *Box) release(nc net.Conn) {
	nc.Close()
	b.mu.Lock()
	delete(b.conns, nc)
	b.mu.Unlock()
}

// hopByHop are the fields that end at a proxy (RFC 9110, 7.6.1).
var hopByHop = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

func withoutHops(h http.Header) http.Header {
	h = h.Clone()
	for _, f := range strings.Split(h.Get("Connection"), ",") {
		h.Del(strings.TrimSpace(f))
	}
	for _, f := range hopByHop {
		h.Del(f)
	}
	return h
}

// forward serves a request of DropUpgrade, Buffer and Collect.
func (b *Box) forward(w http.ResponseWriter, r *http.Request) {
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.URL.Scheme, out.URL.Host = "http", b.server
	out.Header = withoutHops(r.Header)
	// The body first: net/http closes it with the first byte of our answer, and
	// the transport, which may not have seen its end by then, would break off.
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	res, err := b.tr.RoundTrip(out)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer res.Body.Close()
	var all []byte
	if b.kind == Buffer {
		if all, err = io.ReadAll(res.Body); err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
	}
	for name, values := range withoutHops(res.Header) {
		w.Header()[name] = values
	}
	w.WriteHeader(res.StatusCode)
	if b.kind == Buffer {
		w.Write(all)
		return
	}
	piece := 1
	if b.kind == Collect {
		piece = 4 << 10
	}
	flush(w, res.Body, piece)
}

// flush copies what comes as it comes, in pieces of at least a size.
func flush(w http.ResponseWriter, r io.Reader, least int) {
	rc := http.NewResponseController(w)
	rc.Flush()
	buf := make([]byte, 4<<10)
	for {
		n, err := io.ReadAtLeast(r, buf, least)
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		if _, werr := w.Write(buf[:n]); werr != nil {
			return
		}
		rc.Flush()
		if err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // cut here, cut there
		}
	}
}

// serveConns accepts the connections of CutIdle and HTTP10.
func (b *Box) serveConns() {
	for {
		client, err := b.l.Accept()
		if err != nil {
			return
		}
		b.wg.Go(func() {
			if !b.hold(client) {
				return
			}
			defer b.release(client)
			server, err := b.dial(context.Background(), "tcp", b.server)
			if err != nil || !b.hold(server) {
				return
			}
			defer b.release(server)
			if b.kind == HTTP10 {
				exchange10(client, server)
				return
			}
			b.relay(client, server)
		})
	}
}

// relay copies both ways until one side ends, or both are silent.
func (b *Box) relay(client, server net.Conn) {
	cut := func() {
		client.Close()
		server.Close()
	}
	silence := time.AfterFunc(b.idle, cut)
	defer silence.Stop()
	pass := func(to, from net.Conn) {
		defer cut()
		buf := make([]byte, 16<<10)
		for {
			n, err := from.Read(buf)
			if n > 0 {
				silence.Reset(b.idle)
				if _, err := to.Write(buf[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
	var up sync.WaitGroup
	up.Go(func() { pass(server, client) })
	pass(client, server)
	up.Wait()
}

// exchange10 passes one request and its answer on, as HTTP/1.0.
func exchange10(client, server net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(client))
	if err != nil {
		return
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	// A client that goes away is not waited for by the server either.
	go func() {
		io.Copy(io.Discard, client)
		server.Close()
	}()
	h := withoutHops(r.Header)
	h.Set("Host", r.Host)
	if len(data) > 0 {
		h.Set("Content-Length", fmt.Sprint(len(data)))
	}
	fmt.Fprintf(server, "%s %s HTTP/1.0\r\n", r.Method, r.URL.RequestURI())
	h.Write(server)
	io.WriteString(server, "\r\n")
	server.Write(data)

	res, err := http.ReadResponse(bufio.NewReader(server), r)
	if err != nil {
		return
	}
	defer res.Body.Close()
	fmt.Fprintf(client, "HTTP/1.0 %s\r\n", res.Status)
	withoutHops(res.Header).Write(client)
	io.WriteString(client, "\r\n")
	io.Copy(client, res.Body)
}
