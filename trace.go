package pushwire

import (
	"runtime/debug"

	"github.com/pushwire/pushwire/frame"
)

// Where the hooks of Config.Trace are called:
//
//	FrameRead     by who holds Conn.reading
//	FrameWritten  by who holds output.mu, or has output.busy (writeLarge)
//	Ended         by who ends the connection: often a reader, who holds Conn.reading
//
// Some of these give back what they hold by no defer, and some are goroutines
// of ours, a flush or a timer, whose panic would end the process. So a panic of
// a hook does not get any further than here: what was going on is finished, and
// then the connection is closed.

func (c *Conn) traceRead(h frame.Header) {
	if t := c.cfg.Trace; t != nil && t.FrameRead != nil && !c.pings.muted.Load() {
		defer func() { c.hookBroken("FrameRead", recover()) }()
		t.FrameRead(c, h)
	}
}

// traceWritten is small enough to be inlined, for all that have no Trace.
func (c *Conn) traceWritten(h *frame.Header) {
	if t := c.cfg.Trace; t != nil {
		t.frameWritten(c, *h)
	}
}

func (t *Trace) frameWritten(c *Conn, h frame.Header) {
	if t.FrameWritten != nil && !c.pings.muted.Load() {
		defer func() { c.hookBroken("FrameWritten", recover()) }()
		t.FrameWritten(c, h)
	}
}

func (c *Conn) traceEnded(err error) {
	if t := c.cfg.Trace; t != nil && t.Ended != nil {
		defer func() { c.hookBroken("Ended", recover()) }()
		t.Ended(c, err)
	}
}

// hookBroken takes the panic v of a hook, nil for none. FrameRead and
// FrameWritten are muted from then on: a peer could have each frame that it sends
// until the end logged with a stack. The rest is done by a goroutine: a Logger may
// send what it is told over this very connection, whose locks are held here.
func (c *Conn) hookBroken(name string, v any) {
	if v == nil {
		return
	}
	c.pings.muted.Store(true)
	stack := debug.Stack()
	go func() {
		c.logPanic("hook of Config.Trace, "+name, v, stack)
		o := &c.out
		o.lock()
		o.closeSoon(c, frame.CodeInternal, "")
		o.unlock()
	}()
}
