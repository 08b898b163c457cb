package pushwire

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/pushwire/pushwire/frame"
)

// drainGrace is how long Close waits for a Read once it can keep no more; if
// none comes, nobody wants the messages.
const drainGrace = 500 * time.Millisecond

var errNobodyReads = errors.New("pushwire: nobody reads")

// drain reads until the connection or ctx ends, to see the peer's close frame,
// but gives way to whoever else reads. What it gets it keeps for them:
// messages in the inbox, the rest of the message that a Reader has in hand
// with that Reader. Where that is full it waits for an application that reads,
// however slowly, and throws away what follows if none does.
func (c *Conn) drain(ctx context.Context) error {
	in := &c.in
	var reads uint32
	for first := true; ; first = false {
		if err := c.takeTurn(ctx, nil); err != nil {
			return err
		}
		if first {
			reads = in.reads
		}
		if err := c.Err(); err != nil {
			c.reading.give()
			return err
		}
		active := in.reads != reads
		held := in.open && !in.end && !in.forget && (active || len(in.piece) > inboxMax)
		if held || in.inbox.size() > inboxMax {
			err := c.waitForRoom(ctx, active)
			if err == errNobodyReads {
				err = c.giveUp(ctx, reads)
			}
			if err != nil {
				return err
			}
			continue
		}
		err := c.drainOne(ctx)
		if err != nil && (!isContext(err) || ctx.Err() != nil || c.Err() != nil) {
			return err
		}
	}
}

// takeRead takes the turn to read for a call that reads.
func (c *Conn) takeRead(ctx context.Context) error {
	in := &c.in
	reader, isReader := ctx.(*readerContext)
	if !c.reading.try() {
		if !isReader && c.polled.Load() != nil {
			return c.readByPoller() // a Poller may have the turn for ever
		}
		if c.claimTurn(ctx, nil) != nil {
			return c.stopped("read", ctx)
		}
	}
	switch r := c.polled.Load(); {
	case isReader && r != reader.r:
		c.reading.give()
		return errRemoved
	case !isReader && r != nil: // it may have come meanwhile
		c.reading.give()
		return c.readByPoller()
	}
	in.borrow(c)
	in.reads++
	return nil
}

// claimTurn takes the turn to read for the application: Close, which may have
// it, gives way. Where it has to wait it calls waits, if there is one, once its
// place is sure.
func (c *Conn) claimTurn(ctx context.Context, waits func()) error {
	in := &c.in
	waited := false
	err := c.takeTurn(ctx, func() {
		waited = true
		in.wanted.Add(1)
		if giveWay := in.giveWay.Load(); giveWay != nil {
			(*giveWay)()
		}
		if waits != nil {
			waits()
		}
	})
	if waited {
		in.wanted.Add(-1)
	}
	return err
}

// waitForRoom gives the turn to read up until a message has left the inbox or
// a Reader has come to the end of its own; not for long, unless active says
// that the application reads.
func (c *Conn) waitForRoom(ctx context.Context, active bool) error {
	room := c.in.box().wait()
	c.reading.give()
	var late <-chan time.Time
	if !active {
		t := time.NewTimer(drainGrace)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-room:
		return nil
	case <-late:
		return errNobodyReads
	case <-c.Done():
		return c.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// giveUp throws away what is more than may be kept, and all that follows,
// unless the application has begun to read since there were so many reads.
func (c *Conn) giveUp(ctx context.Context, reads uint32) error {
	in := &c.in
	if err := c.takeTurn(ctx, nil); err != nil {
		return err
	}
	defer c.reading.give()
	if in.reads != reads {
		return nil
	}
	box := in.box()
	box.shrink()
	if in.open && !in.end && len(in.piece) > inboxMax {
		in.reader++ // its Reader gets an error, not a message that was cut
		box.lost = true
		in.piece, in.forget = nil, true // drainOne skips the rest
	}
	return nil
}

// drainOne reads one message, or one more piece of the one that a Reader has
// in hand. The caller holds reading, which is given up. It ends early when the
// application wants to read.
func (c *Conn) drainOne(ctx context.Context) error {
	defer c.reading.give()
	in := &c.in
	ctx, cancel := context.WithCancel(ctx)
	in.giveWay.Store(&cancel)
	defer cancel()
	defer in.giveWay.Store(nil)
	if in.wanted.Load() > 0 { // it came too early to see giveWay, and is next
		return nil
	}
	if in.forget {
		return c.skip(ctx)
	}
	if in.open && !in.end {
		kept := bytes.Clone(in.piece) // it may lie in the buffer
		in.piece = kept
		ev, err := c.nextData(ctx, nil)
		if err == nil && ev.Kind == frame.Data {
			in.end = ev.End
			in.piece = append(kept, ev.Payload...)
		}
		return err
	}
	// What a Reader has not read of its message stays where it is.
	open, opened, paused, piece := in.open, in.opened, in.paused, bytes.Clone(in.piece)
	in.open = false
	t, p, err := c.message(ctx, in.takePart(), nil)
	if err == nil {
		in.box().add(t, p)
	} else {
		in.part = p
	}
	if open {
		in.open, in.opened, in.paused, in.piece, in.end = open, opened, paused, piece, true
	}
	return err
}
