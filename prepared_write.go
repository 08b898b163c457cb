package pushwire

import (
	"context"

	"github.com/pushwire/pushwire/frame"
)

// Two ways to send prepared messages without the queue of Send, for who keeps
// the messages himself and only has to know how far the peer has come.

// TrySend hands the messages ms to the transport, in order, as far as it takes
// them without waiting, and returns how many it has taken. The last of these
// may be taken in part: its rest goes out by itself as the peer reads, and
// until then TrySend takes nothing. It takes nothing, either, while another
// call writes, and on transports that can't say whether a write would wait:
// TLS, and connections that are no plain sockets. [Conn.WritePrepared] then
// sends what is left.
//
// ms is not retained. The error is that of the connection.
func (c *Conn) TrySend(ms ...*Prepared) (n int, err error) {
	o := &c.out
	for _, m := range ms {
		m.variant(o.compression) // compressed before mu is held
	}
	o.lock()
	defer o.unlock()
	if err := o.ready(c); err != nil || c.wire.raw == nil || !o.free(false) {
		return 0, err
	}
	o.busy = true
	for n < len(ms) {
		b, k := o.gather(c, ms[n:])
		o.unlock()
		written, _, err := c.try(b.p)
		c.stats.bytesWritten.Add(uint64(written))
		o.lock()
		if err != nil {
			b.buf.free()
			return n, o.broken(c, err)
		}
		n += k
		c.stats.messagesWritten += uint64(k)
		if written < len(b.p) {
			b.p = b.p[written:]
			o.left = b
			go c.flush()
			return n, nil
		}
		o.done(b)
		if err := o.ready(c); err != nil { // it was closed meanwhile
			o.pass(c)
			return n, err
		}
	}
	o.pass(c)
	return n, nil
}

// Touch reads the memory that TrySend, Send and Write begin with, and does nothing
// else. Who sends to thousands of connections in turn finds little of each in the
// processor's caches, and waits for one line after the other; a loop that touches
// some dozens before it sends to them has them come side by side.
func (c *Conn) Touch() {
	c.full.Load()
	if c.wire.raw != nil {
		c.wire.nc.LocalAddr() // lies behind the lock of the descriptor
	}
	c.out.corked.Load()
	c.life.err.Load()
	c.stats.bytesWritten.Load()
}

// WritePrepared sends the messages ms, in order, and returns when the transport
// has taken them: many go out in few writes. Each write has Config.WriteTimeout.
// With an error it returns how many are on their way, or gone: when ctx ends in
// the middle of a write, what belongs to it goes on being sent, and only on TLS,
// where an interrupted write can't go on, the connection breaks.
//
// ms is not retained.
func (c *Conn) WritePrepared(ctx context.Context, ms ...*Prepared) (n int, err error) {
	if ctx.Err() != nil {
		return 0, c.stopped("write", ctx)
	}
	o := &c.out
	for _, m := range ms {
		m.variant(o.compression)
	}
	if err := o.take(ctx, c, false); err != nil { // it comes back with mu held
		o.unlock()
		return 0, err
	}
	for n < len(ms) {
		b, k := o.gather(c, ms[n:])
		o.unlock()
		written, err := c.writePieces(ctx, b.p)
		o.lock()
		switch {
		case err == nil:
			n += k
			c.stats.messagesWritten += uint64(k)
			o.done(b)
			err = o.ready(c)
		case c.interrupted(ctx, err):
			b.buf.strand()
			n += k
			c.stats.messagesWritten += uint64(k)
			b.p = b.p[written:]
			o.left = b
			err = c.stopped("write", ctx)
		default: // b is left to the garbage collector: see buffer.strand
			err = o.broken(c, brokenOff(ctx, err))
			o.unlock()
			return n, err
		}
		if err != nil {
			o.leave(c)
			return n, err
		}
	}
	o.leave(c)
	return n, nil
}

// gather puts the first k of ms behind what waits for the next flush: one at
// least, then as many as one write takes. A single one that nothing else goes
// out with is not copied. The caller holds mu and busy.
func (o *output) gather(c *Conn, ms []*Prepared) (b batch, k int) {
	z := c.out.compression
	m := ms[0].variant(z)
	if o.pending == nil && c.wire.role == frame.Server && (len(ms) == 1 || len(m.frame) > joinMax) {
		o.leaves(c, m)
		return batch{p: m.frame}, 1
	}
	size := len(m.frame)
	if c.wire.role == frame.Client {
		size += len(m.header.Key)
	}
	buf := o.room(size)
	o.pending, o.pongs = nil, 0
	o.corked.Store(false)
	for k == 0 || k < len(ms) && len(buf.b)+len(m.frame) <= chunkSize {
		o.leaves(c, m)
		buf.b = m.appendTo(buf.b, c.wire.role)
		if k++; k < len(ms) {
			m = ms[k].variant(z)
		}
	}
	return batch{p: buf.b, buf: buf}, k
}

// writePieces is writeWatched with WriteTimeout for each piece of p.
func (c *Conn) writePieces(ctx context.Context, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = c.writeWatched(ctx, p[n:min(len(p), n+pieceSize)])
		n += k
	}
	return n, err
}
