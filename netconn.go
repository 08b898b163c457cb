package pushwire

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/pushwire/pushwire/frame"
)

// NetConn makes a byte stream of c, for code that wants a net.Conn: each Write
// is one message of type t, Read returns the bytes of messages one after the
// other. A message of the other type ends the connection with 1003. The peer's
// close frame with 1000 or 1001 is io.EOF.
//
// Deadlines leave the connection usable, with one exception that [Conn.Write]
// names: one that passes in the middle of a message of which more than 64 KiB
// are left, or on TLS. Close begins the closing handshake and does not wait
// for its end.
func NetConn(c *Conn, t Type) net.Conn {
	if t != frame.Text && t != frame.Binary {
		panic(ErrType.Error())
	}
	n := &netConn{c: c, typ: t}
	n.read.init(c)
	n.write.init(c)
	return n
}

type netConn struct {
	c           *Conn
	typ         Type
	read, write deadline

	mu sync.Mutex     // held through a Read
	r  *messageReader // of the message in hand; nil between messages
}

func (n *netConn) LocalAddr() net.Addr  { return n.c.LocalAddr() }
func (n *netConn) RemoteAddr() net.Addr { return n.c.RemoteAddr() }

// Read implements net.Conn.
func (n *netConn) Read(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ctx := n.read.context()
	for {
		if ctx.Err() != nil {
			return 0, n.read.error(nil)
		}
		if n.r == nil {
			t, r, err := n.c.Reader(ctx)
			if err != nil {
				return 0, n.read.error(err)
			}
			if t != n.typ {
				n.c.Close(frame.CodeUnsupportedData, "only "+n.typ.String()+" messages are taken")
				return 0, n.c.Err()
			}
			n.r = r.(*messageReader)
		}
		n.r.ctx = ctx // the deadline may have been moved since the last Read
		if len(p) == 0 {
			return 0, nil
		}
		k, err := n.r.Read(p)
		if err != nil {
			n.r = nil // after a deadline the next Reader goes on in the message
		}
		if k > 0 || err != nil && err != io.EOF {
			if err == nil {
				return k, nil
			}
			return k, n.read.error(err)
		}
	}
}

// Write implements net.Conn.
func (n *netConn) Write(p []byte) (int, error) {
	ctx := n.write.context()
	if ctx.Err() != nil {
		return 0, n.write.error(nil)
	}
	begun, err := n.c.writeMessage(ctx, n.typ, [][]byte{p})
	if err != nil {
		err = n.write.error(err)
	}
	if err == nil || begun { // the rest goes on by itself
		return len(p), err
	}
	return 0, err
}

// Close implements net.Conn.
func (n *netConn) Close() error {
	if !n.read.close() {
		return net.ErrClosed
	}
	n.write.close()
	n.c.out.lock()
	n.c.out.closeSoon(n.c, frame.CodeNormal, "")
	n.c.out.unlock()
	return nil
}

func (n *netConn) SetDeadline(t time.Time) error {
	return errors.Join(n.read.set(t), n.write.set(t))
}
func (n *netConn) SetReadDeadline(t time.Time) error  { return n.read.set(t) }
func (n *netConn) SetWriteDeadline(t time.Time) error { return n.write.set(t) }

// deadline is one of the two deadlines of a net.Conn, as a context that ends
// when it passes.
type deadline struct {
	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
	timer  *time.Timer
	closed bool
	base   context.Context
}

func (d *deadline) init(c *Conn) {
	d.base = context.WithoutCancel(c.Context())
	d.ctx, d.cancel = context.WithCancel(d.base)
}

func (d *deadline) context() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ctx
}

func (d *deadline) set(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return net.ErrClosed
	}
	if d.timer != nil && !d.timer.Stop() {
		d.timer = nil // it has fired, or is about to: ctx is spent
		d.cancel()
	}
	if d.ctx.Err() != nil {
		d.ctx, d.cancel = context.WithCancel(d.base)
	}
	d.timer = nil
	if t.IsZero() {
		return nil
	}
	if wait := time.Until(t); wait > 0 {
		d.timer = time.AfterFunc(wait, d.cancel)
	} else {
		d.cancel()
	}
	return nil
}

// close ends all waits; it reports false when that was done before.
func (d *deadline) close() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.closed = true
	if d.timer != nil {
		d.timer.Stop()
	}
	d.cancel()
	return true
}

// error turns the error of a wait under this deadline into what a net.Conn
// returns.
func (d *deadline) error(err error) error {
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	var ce *CloseError
	switch {
	case closed:
		return net.ErrClosed
	case err == nil || isContext(err) && !errors.As(err, &ce):
		return os.ErrDeadlineExceeded
	case errors.As(err, &ce) && ce.Err == nil && ce.Received != nil &&
		(ce.Code == frame.CodeNormal || ce.Code == frame.CodeGoingAway):
		return io.EOF
	}
	return err
}
