package pushwire

import "context"

// Discard is for connections that only send: it reads and forgets messages,
// so that pings are answered and the peer's close is noticed, until the
// connection ends or ctx does. The context that it returns ends with the
// connection, or with ctx. It costs one goroutine until then.
func (c *Conn) Discard(ctx context.Context) context.Context {
	out, cancel := context.WithCancelCause(ctx)
	go func() {
		for {
			err := c.discardOne(ctx)
			if err != nil {
				cancel(err)
				return
			}
		}
	}()
	return out
}

func (c *Conn) discardOne(ctx context.Context) error {
	if err := c.beginRead(ctx); err != nil {
		return err
	}
	defer c.reading.give()
	if _, ok := c.in.fromInbox(); ok {
		return nil
	}
	if in := &c.in; len(in.takeAll()) > 0 { // a Read was interrupted in it
		in.open, in.end = true, false
	}
	if !c.in.open {
		if err := c.begin(ctx); err != nil {
			return err
		}
	}
	return c.skip(ctx)
}
