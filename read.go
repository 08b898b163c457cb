package pushwire

import (
	"bytes"
	"context"
	"iter"
)

// Read waits for the next message and returns it in a slice of its own.
//
// The context bounds the wait alone: when it ends, nothing is lost, and the
// next call goes on, in the middle of a message too. After a closing handshake
// the messages that came before the peer's close frame are still returned (see
// [Conn.Close]), then the connection's error, a [*CloseError].
func (c *Conn) Read(ctx context.Context) (Type, []byte, error) {
	if err := c.beginRead(ctx); err != nil {
		return 0, nil, err
	}
	defer c.reading.give()
	if m, ok := c.in.fromInbox(); ok {
		return m.Type, m.Data, nil
	}
	t, p, err := c.message(ctx, c.in.takePart(), nil)
	if err != nil {
		c.in.part = p
		return 0, nil, err
	}
	return t, p, nil
}

// ReadAppend is [Conn.Read] into memory of the caller: the message is appended
// to dst, which is returned, longer, and grown where it has to be. On an error
// dst is returned as it was. It allocates nothing when dst has room.
func (c *Conn) ReadAppend(ctx context.Context, dst []byte) (Type, []byte, error) {
	if err := c.beginRead(ctx); err != nil {
		return 0, dst, err
	}
	defer c.reading.give()
	if m, ok := c.in.fromInbox(); ok {
		return m.Type, append(dst, m.Data...), nil
	}
	n := len(dst)
	dst = append(dst, c.in.takePart()...)
	t, p, err := c.message(ctx, dst, nil)
	if err != nil {
		c.in.part = bytes.Clone(p[n:]) // dst is the caller's
		return 0, dst[:n], err
	}
	return t, p, nil
}

// Messages returns the messages as they come. It ends after the pair that
// holds an error: that of the connection's end, or of the context's, after
// which a new call goes on. Data is valid until the next step, or the end of
// the loop, and may be modified. Where a message fits into a borrowed buffer
// (64 KiB, or 1 MiB once one as large has come) nothing is allocated for it.
//
//	for m, err := range c.Messages(ctx) {
//		if err != nil {
//			return err
//		}
//		...
//	}
func (c *Conn) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		var l loan
		for {
			m, whole, err := c.beginLend(ctx, &l)
			if err == nil && !whole {
				m.Type, m.Data, err = c.message(ctx, m.Data, &l)
				err = c.endLend(&l, &m, err)
			}
			if !yield(m, err) || err != nil {
				l.scratch.free()
				return
			}
		}
	}
}

// beginLend begins a Read with a loan that lasts until the next call. Either
// m is whole, or the caller reads the rest of it and calls endLend: what waits
// is called from a frame of the user's, so that the stack stays small.
func (c *Conn) beginLend(ctx context.Context, l *loan) (m Message, whole bool, err error) {
	if err := c.beginRead(ctx); err != nil {
		return m, false, err
	}
	m, whole = c.lend(l, ctx.Err() == nil)
	return m, whole, nil
}

// lend is beginLend for who has begun to read; only with now it may return a
// message that has not been decoded.
func (c *Conn) lend(l *loan, now bool) (m Message, whole bool) {
	in := &c.in
	l.end(in)
	if m, ok := in.fromInbox(); ok {
		c.reading.give()
		return m, true
	}
	if now && c.short(&m, l) {
		c.reading.give()
		return m, true
	}
	m.Data = c.in.takePart()
	c.in.bare = true
	return m, false
}

func (c *Conn) endLend(l *loan, m *Message, err error) error {
	if err != nil {
		if len(m.Data) > 0 {
			c.in.part = bytes.Clone(m.Data) // it may lie in the scratch buffer
		}
		*m = Message{}
	} else if l.scratch != nil && cap(m.Data) > cap(l.scratch.b) {
		l.scratch.b = m.Data[:0] // it grew; the pool may want it
	}
	c.in.bare = false
	c.reading.give()
	return err
}

// takePart returns what an interrupted Read had of the message that is read
// now: nothing where that is one that a Reader has in hand.
func (in *input) takePart() []byte {
	if in.open {
		return nil
	}
	p := in.part
	in.part = nil
	return p
}

// takeAll is takePart with what was inflated and put aside for a Read.
func (in *input) takeAll() []byte {
	p := in.takePart()
	if z := in.inflation; z != nil && z.piled > 0 && !in.open {
		p = z.flatten(p)
	}
	return p
}

// beginRead takes the turn to read. It fails when the connection has ended
// and no message is left to deliver.
func (c *Conn) beginRead(ctx context.Context) error {
	if err := c.takeRead(ctx); err != nil {
		return err
	}
	return c.mayRead(ctx)
}

// mayRead is beginRead for who has the turn, which it gives up with an error.
func (c *Conn) mayRead(ctx context.Context) error {
	in := &c.in
	if err := c.Err(); err != nil && in.inbox.empty() && !(in.open && in.end) {
		c.reading.give()
		return err
	}
	if in.forget { // a call that its context ended left the rest of it
		in.bare = true
		err := c.skip(ctx)
		in.bare = false
		if err != nil {
			c.reading.give()
			return err
		}
	}
	return nil
}
