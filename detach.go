package pushwire

import (
	"context"
	"errors"
	"net"
)

var errDetachBusy = errors.New("pushwire: detach in the middle of a frame or with writes under way (detach between messages)")

// Detach ends the Conn and gives its transport back with the bytes that were
// read from it and not used, for a protocol of one's own. It fails, with the
// Conn as it was, in the middle of a message and while a write is under way;
// it waits for a read under way no longer than that lasts, so end that first.
func (c *Conn) Detach() (nc net.Conn, unread []byte, err error) {
	if err := c.claimTurn(context.Background(), nil); err != nil {
		return nil, nil, err
	}
	defer c.reading.give()
	o := &c.out
	o.lock()
	err = o.ready(c)
	if err == nil {
		c.kick() // what is corked, or nobody would send it
		err = o.ready(c)
	}
	if err != nil {
		o.unlock()
		return nil, nil, err
	}
	head, inside := c.in.dec.Partial()
	if o.busy || o.stream || o.anything() || inside || c.in.open || len(c.in.part) > 0 {
		o.unlock()
		return nil, nil, errDetachBusy
	}
	o.err = ErrDetached
	o.unlock()
	unread = append(append([]byte(nil), head...), c.in.b...)
	c.in.b = nil
	c.in.release()
	if r := c.polled.Load(); r != nil {
		r.leave()
	}
	if !c.end(ErrDetached) { // it has ended meanwhile, and its transport is closed
		return nil, nil, c.Err()
	}
	c.leaveGate()
	c.wire.resumeRead()
	c.wire.resumeWrite()
	return c.wire.nc, unread, nil
}
