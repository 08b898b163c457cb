package pushwire

import (
	"time"

	"github.com/pushwire/pushwire/frame"
)

// lingerMax bounds what is read and thrown away behind our close frame, in
// bytes.
const lingerMax = 64 << 20

// linger lets our close frame reach the peer before the transport goes: a
// socket that is closed while bytes of the peer lie unread in it resets the
// connection, and the reset overtakes the close frame.
//
// RFC 6455, 7.1.1: "As an example of how to obtain a clean closure in C using
// Berkeley sockets, one would call shutdown() with SHUT_WR on the socket, call
// recv() until obtaining a return value of 0 [...] and finally call close() on
// the socket." A client whose closing handshake went well does not shut down
// itself, because the server is to be the one that closes first.
func (c *Conn) linger(clean bool) {
	o := &c.out
	o.lock()
	deadline := o.deadline.time()
	o.unlock()
	if !c.settle(time.Until(deadline)) {
		// Who writes is stuck, and CloseWrite of a tls.Conn would wait for it.
		c.gone()
		return
	}
	nc := c.wire.nc
	if (c.wire.role == frame.Client && clean) || c.wire.closeWrite() {
		nc.SetReadDeadline(deadline)
		buf := readBuffers.get()
		for n, total := 1, 0; n > 0 && total < lingerMax; total += n {
			n, _ = nc.Read(buf.b[:cap(buf.b)])
		}
		buf.free()
	}
	c.gone()
}

// settle waits until nothing is left to go out of a connection that has ended,
// our close frame included, or the transport has failed. It reports false when
// the time is over before.
func (c *Conn) settle(within time.Duration) bool {
	o := &c.out
	o.lock()
	defer o.unlock()
	c.kick()
	if !o.busy {
		return true
	}
	t := &outTurn{ch: make(chan struct{}), stream: true} // granted once nothing is left
	o.turns.push(t)
	o.unlock()
	late := time.NewTimer(within)
	inTime := true
	select {
	case <-t.ch:
	case <-late.C:
		inTime = false
	}
	late.Stop()
	o.lock()
	if t.granted {
		o.pass(c)
	}
	return inTime
}
