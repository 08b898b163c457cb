package pushwire

import (
	"context"
	"time"
)

// connContext is the context of a Conn, and the Conn itself: few connections
// have anybody who waits for the end in a select statement, or who derives a
// context. For those that have, a context of package context is made then,
// which takes 200 bytes.
type connContext Conn

// endableContext is that one.
type endableContext struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// endable returns the context that ends with c, which it has if c has ended.
func (c *Conn) endable() *endableContext {
	e := c.full.Load()
	if e == nil {
		e = new(endableContext)
		e.ctx, e.cancel = context.WithCancelCause(c.values())
		if !c.full.CompareAndSwap(nil, e) {
			e.cancel(nil)
			e = c.full.Load()
		}
	}
	// Who ends c sets its error first, and then looks for full.
	if err := c.Err(); err != nil {
		e.cancel(err)
	}
	return e
}

// values returns the context that the values come from. It never ends, as that
// of a request does when its handler returns. It is made when somebody asks: kept,
// it would be 16 bytes of every connection.
func (c *Conn) values() context.Context { return context.WithoutCancel(c.base) }

// Deadline implements context.Context.
func (x *connContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context.
func (x *connContext) Done() <-chan struct{} { return (*Conn)(x).Done() }

// Err implements context.Context.
func (x *connContext) Err() error {
	c := (*Conn)(x)
	if c.Err() == nil {
		return nil
	}
	return c.endable().ctx.Err()
}

// Value implements context.Context. It is how package context finds out, too,
// whom it is to tell of the end and what its cause was.
func (x *connContext) Value(key any) any {
	c := (*Conn)(x)
	if c.full.Load() != nil || c.Err() != nil {
		return c.endable().ctx.Value(key)
	}
	return c.values().Value(key)
}

// String names it, as those of package context.
func (x *connContext) String() string { return "pushwire.Conn.Context" }
