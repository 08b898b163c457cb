package pushwire

import (
	"context"

	"github.com/pushwire/pushwire/frame"
)

// message reads the next message, or what is left of the one in hand, and
// appends it to dst. With a loan, a message that lies whole in the buffer is
// returned where it lies, and others are put together in a borrowed buffer.
// When ctx ends, the bytes so far are returned with the error.
//
// It waits by itself and decodes in a callee: while a connection is idle the
// stack holds what waiting needs and nothing else, and never grows beyond its
// first 2 KiB (bench/ shows 4,096 bytes of stack a connection otherwise).
func (c *Conn) message(ctx context.Context, dst []byte, l *loan) (Type, []byte, error) {
	in := &c.in
	if ctx.Err() != nil && !(in.open && in.end) {
		return 0, dst, c.stopped("read", ctx)
	}
	var whole bool
	var err error
	if in.open {
		if dst, whole = c.resume(dst); whole {
			return in.opened, dst, nil
		}
	}
	for {
		if in.inflation == nil {
			dst, whole, err = c.assemble(dst, l)
		} else {
			dst, whole, err = c.assembleInflated(dst, l)
		}
		if whole || err != nil {
			return in.typ, dst, err
		}
		if z := in.inflation; z != nil && z.ahead() {
			continue
		}
		if rest := in.dec.Remaining(); rest < directMin || in.full && rest <= bulkMax || in.inflating() {
			err = c.fill(ctx)
		} else {
			dst, whole, err = c.readDirect(ctx, dst, l)
		}
		if whole || err != nil {
			return in.typ, dst, err
		}
	}
}

// short makes m the next message, lent to l, if that is a short one and whole:
// what message does with it, in fewer steps.
func (c *Conn) short(m *Message, l *loan) bool {
	in := &c.in
	if in.inflation != nil || in.lent != nil || in.open || len(in.part) > 0 || c.cfg.Trace != nil {
		return false
	}
	typ, p, n := in.dec.Short(in.b)
	if n == 0 {
		return false
	}
	m.Type, m.Data = typ, p
	in.typ, in.b, in.lent = typ, in.b[n:], l
	c.received()
	return true
}

// assemble is message as far as the bytes go that are there; it does not
// wait. Without whole and without an error more are needed, and none are left
// undecoded.
func (c *Conn) assemble(dst []byte, l *loan) (p []byte, whole bool, err error) {
	in := &c.in
	if l != nil && len(dst) == 0 {
		var m Message
		if c.short(&m, l) {
			return m.Data, true, nil
		}
	}
	for len(in.b) > 0 {
		var ev frame.Event
		if err := c.decode(&ev); err != nil {
			return dst, false, err
		}
		if ev.Kind != frame.Data {
			continue
		}
		in.typ = ev.Type
		if l != nil {
			if in.lent == nil && ev.End && ev.Start && ev.Header.Opcode != frame.Continuation {
				in.lent = l
				c.received()
				return ev.Payload, true, nil
			}
			dst = l.room(dst, len(ev.Payload))
		}
		dst = append(dst, ev.Payload...)
		if ev.End {
			c.received()
			return dst, true, nil
		}
	}
	in.release()
	return dst, false, nil
}

// resume moves what a Reader had in hand behind dst. That Reader is stale from
// now on.
func (c *Conn) resume(dst []byte) (p []byte, whole bool) {
	in := &c.in
	in.reader++
	dst = append(dst, in.piece...)
	in.open, in.paused, in.piece = false, false, nil
	if in.end {
		c.received()
	}
	return dst, in.end
}

// readDirect waits for payload bytes of the frame in hand and reads them to
// where they belong.
func (c *Conn) readDirect(ctx context.Context, dst []byte, l *loan) (p []byte, whole bool, err error) {
	rest := c.in.dec.Remaining()
	if l != nil {
		dst = l.room(dst, int(min(rest, growMin)))
	}
	dst = l.grow(dst, rest)
	room := dst[len(dst):cap(dst)]
	if int64(len(room)) > rest {
		room = room[:rest]
	}
	ev, err := c.direct(ctx, room)
	if err != nil {
		return dst, false, err
	}
	dst = dst[:len(dst)+len(ev.Payload)]
	if ev.End {
		c.received()
	}
	return dst, ev.End, nil
}

// received counts a message and leaves the input as the next one wants it.
func (c *Conn) received() {
	in := &c.in
	c.reading.done++
	if in.inflation != nil {
		in.inflation.release()
	}
	in.peek()
	if in.lent == nil {
		in.release()
	}
}
