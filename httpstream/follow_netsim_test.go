package httpstream

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/pushwire/pushwire/internal/memconn"
)

// netsim is a network in memory with one server. It can fail in the ways that
// networks do.
type netsim struct {
	mu      sync.Mutex
	accept  chan net.Conn
	conns   map[*simConn]bool
	down    error         // dialing fails with it
	silent  bool          // dialing and everything else never ends
	changed chan struct{} // closed when silent changes
	dials   int
	done    chan struct{}
	once    sync.Once
}

func newNetsim() *netsim {
	return &netsim{
		accept: make(chan net.Conn), conns: make(map[*simConn]bool),
		done: make(chan struct{}), changed: make(chan struct{}),
	}
}

func (n *netsim) Accept() (net.Conn, error) {
	select {
	case nc := <-n.accept:
		return nc, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}

func (n *netsim) Close() error   { n.once.Do(func() { close(n.done) }); return nil }
func (n *netsim) Addr() net.Addr { return memconn.Addr("mem") }

// set changes how the network fails: not at all, by an error, by silence.
func (n *netsim) set(down error, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down, n.silent = down, silent
	close(n.changed)
	n.changed = make(chan struct{})
}

// cut resets all connections.
func (n *netsim) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		c.Conn.Close()
		c.peer.Close()
	}
	clear(n.conns)
}

// dead waits while the network is silent, and returns the error that it fails
// with.
func (n *netsim) dead(done <-chan struct{}) error {
	for {
		n.mu.Lock()
		silent, down, changed := n.silent, n.down, n.changed
		n.mu.Unlock()
		if !silent {
			return down
		}
		select {
		case <-changed:
		case <-done:
			return errGivenUp
		}
	}
}

var errGivenUp = errors.New("netsim: given up")

func (n *netsim) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n.mu.Lock()
	n.dials++
	n.mu.Unlock()
	if err := n.dead(ctx.Done()); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	a, b := memconn.Pipe()
	c := &simConn{Conn: a, peer: b, n: n, gone: make(chan struct{})}
	select {
	case n.accept <- b:
	case <-n.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	n.mu.Lock()
	n.conns[c] = true
	n.mu.Unlock()
	return c, nil
}

// simConn is the client's end of a connection.
type simConn struct {
	*memconn.Conn
	peer *memconn.Conn
	n    *netsim
	gone chan struct{}
	once sync.Once
}

// Read gives nothing while the network is silent.
func (c *simConn) Read(p []byte) (int, error) {
	m, err := c.Conn.Read(p)
	if err == nil {
		c.n.dead(c.gone)
	}
	return m, err
}

func (c *simConn) Close() error {
	c.once.Do(func() { close(c.gone) })
	c.n.mu.Lock()
	delete(c.n.conns, c)
	c.n.mu.Unlock()
	return c.Conn.Close()
}
