package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// spent is what one panel of the page has cost so far: whole HTTP, below TLS
// if there is TLS, without the headers of TCP and IP.
type spent struct {
	In       atomic.Int64 // bytes from the browser
	Out      atomic.Int64 // bytes to it
	Requests atomic.Int64
}

// meter is a listener whose connections count their bytes for the panel that
// they are used by. A browser uses one connection for the requests of many
// panels, but of HTTP/1.1 only one at a time.
type meter struct{ net.Listener }

func (m meter) Accept() (net.Conn, error) {
	nc, err := m.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &metered{Conn: nc}, nil
}

type metered struct {
	net.Conn

	mu   sync.Mutex
	use  *spent // nil between requests
	head int64  // bytes of a request whose panel is not known yet
	view *view  // that cuts it when its transport is refused; nil for none
}

func (c *metered) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	if c.use != nil {
		c.use.In.Add(int64(n))
	} else {
		c.head += int64(n)
	}
	c.mu.Unlock()
	return n, err
}

func (c *metered) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.mu.Lock()
	if c.use != nil {
		c.use.Out.Add(int64(n))
	}
	c.mu.Unlock()
	return n, err
}

// CloseWrite ends our half of the connection. Without it a close frame can be
// overtaken by the reset that follows when the browser goes on sending.
func (c *metered) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (c *metered) Close() error {
	c.mu.Lock()
	w := c.view
	c.view = nil
	c.mu.Unlock()
	if w != nil {
		w.end(c)
	}
	return c.Conn.Close()
}

// begin counts a request, and from now on all bytes, for u.
func (c *metered) begin(w *view, u *spent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u.Requests.Add(1)
	u.In.Add(c.head)
	c.view, c.use, c.head = w, u, 0
}

// idle is called when an answer has gone out.
func (c *metered) idle() {
	c.mu.Lock()
	w := c.view
	c.use, c.view, c.head = nil, nil, 0
	c.mu.Unlock()
	if w != nil {
		w.end(c) // not in c's lock, which view.begin takes in its own
	}
}

type meteredKey struct{}

// watch has the handlers of s find their connection, see meteredOf. HTTP/2,
// where panels would share a connection at the same time, is left out.
func (meter) watch(s *http.Server) {
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	s.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
		return context.WithValue(ctx, meteredKey{}, meteredBelow(nc))
	}
	s.ConnState = func(nc net.Conn, state http.ConnState) {
		if c := meteredBelow(nc); c != nil && state == http.StateIdle {
			c.idle()
		}
	}
}

func meteredOf(r *http.Request) *metered {
	c, _ := r.Context().Value(meteredKey{}).(*metered)
	return c
}

func meteredBelow(nc net.Conn) *metered {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	c, _ := nc.(*metered)
	return c
}
