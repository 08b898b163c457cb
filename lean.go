package pushwire

import (
	"context"
	"sync"
)

// A Conn is to be small while nothing is going on, so the parts of it that are
// only needed for reading and for writing are borrowed: 640 bytes. They are at
// hand for whoever has the turn to read, but not while that one waits between
// messages, and for whoever holds output.mu or is busy. What was borrowed last is
// what the processor still has in its caches. That for writing comes with a buffer:
// borrowing it apart is 0.06 of a write in memory.
//
// Two things stay: what reading needs, after a call that its context has ended,
// until the next one waits; and what writing needs, while a context is registered
// that a write has waited under.

var (
	intakes   = sync.Pool{New: func() any { it := new(intake); it.bind(); return it }}
	outgoings = sync.Pool{New: func() any { b := new(outgoing); b.bind(); return b }}
)

// takeTurn takes the turn to read, and sees to what reading needs. Where it has
// to wait it calls waits, as turn.take.
func (c *Conn) takeTurn(ctx context.Context, waits func()) error {
	err := c.reading.take(ctx, waits)
	if err == nil {
		c.in.borrow(c)
	}
	return err
}

// tryTurn is takeTurn if the turn is free.
func (c *Conn) tryTurn() bool {
	ok := c.reading.try()
	if ok {
		c.in.borrow(c)
	}
	return ok
}

// borrow sees to what reading needs. The caller holds Conn.reading.
func (in *input) borrow(c *Conn) {
	if in.intake == nil {
		in.intake = intakes.Get().(*intake)
		in.init(c)
	}
}

// readable returns what RawConn.Read is to call with the descriptor, to wait for
// the peer's bytes and read them.
func (c *Conn) readable() func(fd uintptr) bool {
	return func(fd uintptr) bool {
		in := &c.in
		in.borrow(c)
		in.bulk = in.full
		ok := in.poll(fd)
		if !ok {
			in.rest()
		}
		return ok
	}
}

// rest gives back what reading needs if nothing is in it. The caller holds
// Conn.reading, and gives it up at once or borrows before it goes on.
func (in *input) rest() {
	it := in.intake
	head, inside := it.dec.Partial()
	if len(head) > 0 || inside || it.buf != nil || len(it.b) > 0 || it.lent != nil ||
		len(it.part) > 0 || it.open || it.forget || it.inbox != nil || in.inflating() {
		return
	}
	*it = intake{poll: it.poll}
	in.intake = nil
	intakes.Put(it)
}

// lock takes mu, and sees to what writing needs.
func (o *output) lock() {
	o.mu.Lock()
	if o.outgoing == nil {
		o.borrow()
	}
}

func (o *output) borrow() { o.outgoing = outgoings.Get().(*outgoing) }

// lockBorrowed is lock for the end of a connection, which concerns what is being
// written and nothing else. It reports false, and mu is not held, where that is
// nothing: whoever wants to write from now on finds the error of the end.
func (o *output) lockBorrowed() bool {
	o.mu.Lock()
	if o.outgoing == nil {
		o.mu.Unlock()
		return false
	}
	return true
}

// unlock gives mu up.
func (o *output) unlock() {
	o.rest()
	o.mu.Unlock()
}

// rest gives back what writing needs if nothing is in it. The caller holds mu
// and gives it up at once.
func (o *output) rest() {
	b := o.outgoing
	if b.pending != nil || b.busy || b.scheduled || b.stream || b.stage != closeNone || b.err != nil || b.left.p != nil ||
		b.lastPong != nil || !b.queue.empty() || b.queue.room != nil || !b.turns.empty() || b.watch.used() {
		if b.spare != nil {
			b.spare.free()
			b.spare = nil
		}
		return
	}
	*b = outgoing{poll: b.poll, spare: b.spare}
	b.watch.write = true
	o.outgoing = nil
	outgoings.Put(b)
}
