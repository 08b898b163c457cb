package pushwire

import (
	"context"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/held"
)

// overTCP returns the server's Conn, and the peer's end of its socket.
func overTCP(t *testing.T) (*Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := NewConn(nc, frame.Server, nil)
	t.Cleanup(func() { c.CloseNow(); peer.Close() })
	return c, peer
}

// What stays with a connection that waits in the middle of a message has no
// buffer with it: a peer that stops there would hold 18 KiB.
func TestReadThatWaitsHoldsNoBuffer(t *testing.T) {
	c, peer := overTCP(t)
	if _, err := peer.Write([]byte{0x81, 0x85, 0, 0, 0, 0, 'h', 'e'}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, p, err := c.Read(ctx); !isContext(err) {
		t.Fatalf("got %q, error %v, of half a message", p, err)
	}
	if !c.reading.try() {
		t.Fatal("nobody reads, and the turn is not free")
	}
	defer c.reading.give()
	switch it := c.in.intake; {
	case it == nil:
		t.Error("what was decoded of the message is gone")
	case it.buf != nil:
		t.Error("a buffer stays with the half of a message")
	}
}

// Nor has what a write leaves behind.
func TestWriteLeavesNoBuffer(t *testing.T) {
	c, _ := overTCP(t)
	o := &c.out
	o.lock()
	o.watch.held.Store(true) // as by a write that has waited under a context
	o.unlock()
	if err := c.Write(context.Background(), frame.Text, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.outgoing == nil:
		t.Error("what a context has a pointer to was given back")
	case o.spare != nil || o.pending != nil:
		t.Error("a buffer stays with a connection that writes nothing")
	}
}

// Nor has a Read of an idle connection that its context ends.
func TestReadThatFoundNothingLeavesNoBuffer(t *testing.T) {
	if !held.Measurable {
		t.Log("pools are others under the race detector: nothing is measured")
		return
	}
	conns := make([]*Conn, 100)
	for i := range conns {
		c, peer := overTCP(t)
		conns[i] = c
		if _, err := peer.Write([]byte{0x81, 0x80, 0, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Read(context.Background()); err != nil { // pools are filled
			t.Fatal(err)
		}
	}
	before := held.Bytes()
	for _, c := range conns {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		if _, p, err := c.Read(ctx); !isContext(err) {
			t.Errorf("got %q, error %v, of nothing", p, err)
		}
		cancel()
	}
	held.Each(t, before, len(conns), 8<<10) // a buffer is 18 KiB
	runtime.KeepAlive(conns)
}
