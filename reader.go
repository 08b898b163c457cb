package pushwire

import (
	"context"
	"errors"
	"io"

	"github.com/pushwire/pushwire/frame"
)

// Reader waits for the next message and returns its type and a reader of its
// bytes, which ends with io.EOF. It is for messages that should not lie in
// memory as a whole; the limits of [Config] hold for it too.
//
// What an earlier Reader left of its message is skipped, unless its last Read
// was ended by its context: then the new Reader goes on in the same message.
// Only the latest Reader of a Conn may be read. ctx bounds the wait of every
// Read.
func (c *Conn) Reader(ctx context.Context) (Type, io.Reader, error) {
	if err := c.beginRead(ctx); err != nil {
		return 0, nil, err
	}
	defer c.reading.give()
	in := &c.in
	if in.open && !in.paused {
		if err := c.skip(ctx); err != nil {
			return 0, nil, err
		}
	}
	if m, ok := in.fromInbox(); ok {
		in.open, in.opened, in.piece, in.end = true, m.Type, m.Data, true
		c.reading.done-- // it was counted when it came, and is once more at its end
	} else if p := in.takeAll(); len(p) > 0 { // a Read was interrupted in it
		in.open, in.opened, in.piece, in.end = true, in.typ, p, false
	}
	if !in.open {
		if err := c.begin(ctx); err != nil {
			return 0, nil, err
		}
	}
	in.paused = false
	in.reader++
	return in.opened, &messageReader{c: c, ctx: ctx, id: in.reader}, nil
}

// begin waits for the first event of a message.
func (c *Conn) begin(ctx context.Context) error {
	if ctx.Err() != nil {
		return c.stopped("read", ctx)
	}
	in := &c.in
	for {
		ev, err := c.nextData(ctx, nil)
		if err != nil {
			return err
		}
		if ev.Kind == frame.Data {
			in.open, in.typ, in.opened, in.piece, in.end = true, ev.Type, ev.Type, ev.Payload, ev.End
			return nil
		}
	}
}

// nextData returns the next event, which may be none. The payload lies in the
// buffer, or in p when the frame has more to come than a buffer is worth.
func (c *Conn) nextData(ctx context.Context, p []byte) (frame.Event, error) {
	in := &c.in
	if in.undecoded() {
		var ev frame.Event
		err := c.decode(&ev)
		return ev, err
	}
	in.release()
	rest := in.dec.Remaining()
	if rest >= directMin && len(p) >= directMin && !in.inflating() {
		return c.direct(ctx, p[:min(int64(len(p)), rest)])
	}
	return frame.Event{}, c.fill(ctx)
}

// skip reads the rest of the message in hand and forgets it. Where ctx ends it,
// the next call that reads goes on with it.
func (c *Conn) skip(ctx context.Context) error {
	in := &c.in
	in.reader++ // who has read a part of it gets an error and no early io.EOF
	in.piece, in.forget = nil, true
	for !in.end {
		ev, err := c.nextData(ctx, nil)
		if err != nil {
			in.open = c.Err() == nil
			in.forget = in.open
			return err
		}
		if ev.Kind == frame.Data {
			in.end = ev.End
		}
	}
	in.open, in.forget = false, false
	in.wakeDrain()
	c.received()
	return nil
}

type messageReader struct {
	c   *Conn
	ctx context.Context
	id  uint32

	ended bool // Read has said so
}

var errReaderStale = errors.New("pushwire: read from a Reader after a later call of Reader, Read, Messages or Discard (only the latest one may be read)")

// Read implements io.Reader for the message in hand.
func (r *messageReader) Read(p []byte) (int, error) {
	c, in := r.c, &r.c.in
	if err := c.takeRead(r.ctx); err != nil {
		return 0, err
	}
	defer c.reading.give()
	if r.id != in.reader {
		c.out.lock()
		err := c.out.ready(c)
		c.out.unlock()
		if err == nil {
			err = errReaderStale
		}
		return 0, err
	}
	if !in.open {
		if err := c.Err(); err != nil && !r.ended {
			return 0, err
		}
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if len(in.piece) > 0 {
			n := copy(p, in.piece)
			in.piece = in.piece[n:]
			return n, nil
		}
		if in.end {
			in.open, r.ended = false, true
			in.wakeDrain()
			c.received()
			return 0, io.EOF
		}
		if r.ctx.Err() != nil {
			in.paused = true
			return 0, c.stopped("read", r.ctx)
		}
		ev, err := c.nextData(r.ctx, p)
		if err != nil {
			in.paused = c.Err() == nil
			in.open = in.paused
			return 0, err
		}
		if ev.Kind != frame.Data {
			continue
		}
		in.end = ev.End
		if n := len(ev.Payload); n > 0 && &ev.Payload[0] == &p[0] {
			return n, nil // read straight into p
		}
		in.piece = ev.Payload
	}
}
