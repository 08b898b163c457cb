package fuzz

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/pushwire/pushwire/internal/memconn"
)

// listener hands out connections in memory, so that a server and its clients
// can live in a bubble of testing/synctest.
type listener struct {
	size  int // buffer of each direction
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	mu    sync.Mutex
	ours  []*memconn.Conn // the clients' ends
	chunk int             // most that one read of a server gets
}

func newListener(size int) *listener {
	return &listener{size: size, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *listener) Addr() net.Addr { return memconn.Addr("mem") }

// connect makes a connection to whoever accepts; nil if nobody will.
func (l *listener) connect() *memconn.Conn {
	a, b := memconn.PipeSize(l.size)
	l.mu.Lock()
	b.SetReadChunk(l.chunk)
	l.ours = append(l.ours, a)
	l.mu.Unlock()
	select {
	case l.conns <- b:
		return a
	case <-l.done:
		return nil
	}
}

// dial is connect for those who want a dialer.
func (l *listener) dial(context.Context, string, string) (net.Conn, error) {
	if a := l.connect(); a != nil {
		return a, nil
	}
	return nil, net.ErrClosed
}

// cut ends all connections from the outside.
func (l *listener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.ours {
		c.Close()
	}
	l.ours = nil
}

// panics is the error log of a server: it keeps those lines that tell of a
// panic.
type panics struct {
	mu   sync.Mutex
	seen []string
}

func (p *panics) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "panic") {
		p.mu.Lock()
		p.seen = append(p.seen, string(b))
		p.mu.Unlock()
	}
	return len(b), nil
}

// serve runs srv on l until stop, which waits until all has ended that
// net/http owns.
func serve(srv *http.Server, l *listener) (stop func()) {
	done := make(chan struct{})
	go func() {
		srv.Serve(l)
		close(done)
	}()
	return func() {
		srv.Close()
		l.Close()
		<-done
	}
}
