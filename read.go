package pushwire

import (
	"bytes"
	"context"
	"iter"
)

// Read waits for the next message and returns it in a slice of its own.
//
// The context bounds the wait alone: when it ends, nothing is lost, and the
// next call goes on, in the middle of a message too. Once the connection has
// ended, all messages that came before are still returned, then its error, a
// [*CloseError].
func (c *Conn) Read(ctx context.Context) (Type, []byte, error) {
	if err := c.beginRead(ctx); err != nil {
		return 0, nil, err
	}
	defer c.reading.give()
	if m, ok := c.in.fromInbox(); ok {
		return m.Type, m.Data, nil
	}
	part := c.in.part
	c.in.part = nil
	t, p, err := c.message(ctx, part, nil)
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
	dst = append(dst, c.in.part...)
	c.in.part = nil
	t, p, err := c.message(ctx, dst, nil)
	if err != nil {
		c.in.part = bytes.Clone(p[n:]) // dst is the caller's
		return 0, dst[:n], err
	}
	return t, p, nil
}

// Messages returns the messages as they come. It ends after the pair that
// holds an error: that of the connection's end, or of the context's, after
// which a new call goes on. Data is valid until the next step and may be
// modified. Where a message fits into a borrowed buffer (64 KiB) nothing is
// allocated for it.
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
	l.end(&c.in)
	if m, ok := c.in.fromInbox(); ok {
		c.reading.give()
		return m, true, nil
	}
	m.Data, c.in.part = c.in.part, nil
	return m, false, nil
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
	c.reading.give()
	return err
}

// beginRead takes the turn to read. It fails when the connection has ended
// and no message is left to deliver.
func (c *Conn) beginRead(ctx context.Context) error {
	if err := c.reading.take(ctx); err != nil {
		return waitError("read", ctx)
	}
	if err := c.Err(); err != nil && len(c.in.inbox) == 0 {
		c.reading.give()
		return err
	}
	return nil
}

// inboxMax bounds what Close keeps for later calls of Read, in bytes.
const inboxMax = 64 << 10

// toInbox keeps a message that Close has read; past the bound it is dropped,
// and all that follow, so that no gap opens between kept ones.
func (in *input) toInbox(t Type, p []byte) {
	if in.inboxBytes > inboxMax {
		return
	}
	in.inboxBytes += len(p) + 64 // an empty one costs too
	if in.inboxBytes <= inboxMax {
		in.inbox = append(in.inbox, Message{t, p})
	}
}

func (in *input) fromInbox() (Message, bool) {
	if len(in.inbox) == 0 {
		return Message{}, false
	}
	m := in.inbox[0]
	in.inbox[0] = Message{}
	in.inbox = in.inbox[1:]
	return m, true
}
