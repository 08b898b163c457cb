package pushwire

import (
	"context"
	"fmt"

	"github.com/pushwire/pushwire/frame"
)

// fill waits for the peer's next bytes. When ctx ends first, the connection
// stays as it is.
func (c *Conn) fill(ctx context.Context) error {
	if err := c.Err(); err != nil { // what still comes is linger's
		return err
	}
	in := &c.in
	c.beforeWait()
	if ctx == noWait {
		return c.fillNow()
	}
	idle := !in.full && !in.dec.InMessage()
	watched := in.watch.begin(ctx, c)
	in.waiting.Store(true)
	var buf *buffer
	var n int
	var err error
	// A socket is waited for without a buffer: poll borrows one only once
	// there is something to read. This is not a method of wire, because each
	// frame counts in the stack of a goroutine that waits.
	w := &c.wire
	if w.raw == nil {
		in.rest()
		buf, n, err = w.fillBlocked(idle)
		in.borrow(c)
	} else {
		if in.await == nil {
			in.await = c.readable()
		}
		err = w.raw.Read(in.await)
		in.borrow(c) // the wait may have been cut short
		if err == nil {
			buf, n, err = in.res.buf, in.res.n, in.res.err
			in.res.buf = nil
		}
	}
	in.waiting.Store(false)
	if err := c.afterWait(ctx, watched, n, err); err != nil {
		return err
	}
	in.buf, in.b = buf, buf.b[:n]
	in.full = n == cap(buf.b)
	return nil
}

// direct reads payload bytes of the frame in hand into p and decodes them
// there.
func (c *Conn) direct(ctx context.Context, p []byte) (frame.Event, error) {
	if err := c.Err(); err != nil {
		return frame.Event{}, err
	}
	in := &c.in
	c.beforeWait()
	if ctx == noWait {
		return c.directNow(p)
	}
	watched := in.watch.begin(ctx, c)
	in.waiting.Store(true)
	n, err := c.wire.read(p)
	in.waiting.Store(false)
	if err := c.afterWait(ctx, watched, n, err); err != nil {
		return frame.Event{}, err
	}
	return c.decodeThere(p[:n])
}

// decodeThere makes an event of payload bytes that lie where they belong.
func (c *Conn) decodeThere(p []byte) (frame.Event, error) {
	ev, _, err := c.in.dec.Next(p)
	if err != nil {
		return ev, c.refuse(err)
	}
	return ev, nil
}

// beforeWait sends what was held back for company: none comes before the
// peer's next bytes. It counts the message that a call has skipped which now
// waits for the next one.
func (c *Conn) beforeWait() {
	if c.reading.done != 0 {
		c.reading.tell()
	}
	if c.in.more.Load() {
		c.in.more.Store(false)
	}
	if c.out.corked.Load() {
		c.uncork()
	}
}

// afterWait tells the context's end from the connection's.
func (c *Conn) afterWait(ctx context.Context, watched bool, n int, err error) error {
	if watched && c.in.watch.end() {
		c.wire.resumeRead()
		if n == 0 && isTimeout(err) && c.Err() == nil {
			return waitError("read", ctx)
		}
	}
	if n > 0 {
		c.stats.bytesRead.Add(uint64(n))
		return nil
	}
	return c.lost(err)
}

// stopped is the end of a call by its context. One that is derived from the
// connection's own ended with that, and then the connection's end is what the
// caller wants to know.
func (c *Conn) stopped(what string, ctx context.Context) error {
	if err := c.Err(); err != nil {
		return err
	}
	return waitError(what, ctx)
}

// waitError is the end of a wait by its context.
func waitError(what string, ctx context.Context) error {
	return fmt.Errorf("pushwire: %s: %w", what, ctx.Err())
}
