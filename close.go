package pushwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/pushwire/pushwire/frame"
)

// life is how a connection ends.
//
//	          Close                  peer's Close frame
//	open ───────────────> closing ──────────────────────> ended ──> gone
//	  │                      │ CloseTimeout, read error     ^        │
//	  │                      └──────────────────────────────┤   the transport
//	  └── peer's Close frame, breach, read error, CloseNow ─┘   is closed
//
// open: output.stage is closeNone and err nil. closing: our close frame is on
// its way or out, data is still received. ended: err is set, nobody gets data
// any more, the close frame may still be on its way (linger.go).
type life struct {
	err  atomic.Pointer[error] // set once
	sent *CloseFrame           // guarded by output.mu; set once
}

func (l *life) get() error {
	if p := l.err.Load(); p != nil {
		return *p
	}
	return nil
}

// Close closes the connection with the closing handshake of RFC 6455, 7:
// what was accepted by Write and Send goes out, then our close frame; then the
// peer's close frame is awaited. Messages of the peer that come before it are
// delivered to the calls of Read that wait and that follow, all of them while
// the application goes on reading, the first 64 KiB where it does not. What an
// open Writer holds up is not sent. All of it has the time of
// Config.CloseTimeout. The reason is cut to the 123 bytes that a close frame
// holds.
//
// It returns nil when both close frames were exchanged, an error that tells
// what was missing otherwise; the connection has ended in both cases. A code
// that must not be sent (see [frame.Code.Valid]) is refused and nothing
// happens. On a connection that has ended it returns its error.
func (c *Conn) Close(code frame.Code, reason string) error {
	f, err := frame.AppendClose(nil, c.wire.role, code, fitReason(reason))
	if err != nil {
		return fmt.Errorf("pushwire: close: %w", err)
	}
	o := &c.out
	o.lock()
	if err := c.Err(); err != nil {
		o.unlock()
		return err
	}
	if o.stage == closeNone && o.err == nil {
		o.beginClose(c, f, CloseFrame{code, fitReason(reason)})
	}
	deadline := o.deadline.time()
	if o.err != nil { // writing has failed; the peer may still tell why
		deadline = time.Now().Add(c.cfg.closeWithin())
	}
	o.unlock()
	return c.awaitClose(deadline)
}

// CloseNow ends the connection at once, without a closing handshake. It is
// safe to call at any time, as often as one likes; deferred, it is the net
// below a function that returns early. On a connection that has ended already
// it does nothing: a close frame that is still on its way to the peer arrives.
func (c *Conn) CloseNow() error {
	if c.endWith(&closedNow) {
		c.gone()
	}
	return nil
}

// closeSoon begins the closing handshake and leaves its end to a goroutine.
// The caller holds mu.
func (o *output) closeSoon(c *Conn, code frame.Code, reason string) {
	if c.Err() != nil || o.stage != closeNone || o.err != nil {
		return
	}
	f, _ := frame.AppendClose(nil, c.wire.role, code, reason)
	o.beginClose(c, f, CloseFrame{code, reason})
	go c.awaitClose(o.deadline.time())
}

var errClosedNow = errors.New("closed here with CloseNow")

// closedNow is the end of all connections that CloseNow ends.
var closedNow error = &CloseError{Code: frame.CodeAbnormal, Err: errClosedNow}

// fitReason makes s fit into a close frame.
func fitReason(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= frame.MaxReason {
		return s
	}
	s = s[:frame.MaxReason]
	for !utf8.ValidString(s) { // at most the three bytes of a cut character
		s = s[:len(s)-1]
	}
	return s
}

// beginClose puts the close frame f behind all that was accepted. The caller
// holds mu; stage is closeNone.
func (o *output) beginClose(c *Conn, f []byte, content CloseFrame) {
	o.stage, o.closing = closeWaits, &f
	c.life.sent = &content
	o.deadline = now().add(c.cfg.closeWithin())
	o.dismiss()
	o.queue.wake() // of those in Send none gets room any more
	// RFC 6455, 5.5.1: "The application MUST NOT send any more data frames
	// after sending a Close frame."
	c.kick()
}

// closingError is what a write gets once our close frame is under way. The
// caller holds output.mu.
func (c *Conn) closingError() error {
	if err := c.Err(); err != nil {
		return err
	}
	return &CloseError{Code: c.life.sent.Code, Reason: c.life.sent.Reason, Sent: c.life.sent}
}

// awaitClose reads until the peer's close frame, in turn with whoever else
// reads, and ends the connection at the deadline.
func (c *Conn) awaitClose(deadline time.Time) error {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	err := c.drain(ctx)
	if c.Err() == nil && isContext(err) {
		c.closeTimedOut()
	}
	var ce *CloseError
	if err := c.Err(); !errors.As(err, &ce) || ce.Received == nil || ce.Err != nil {
		return err
	}
	return nil
}

// closeTimedOut ends the connection because the time of the closing handshake
// is over.
func (c *Conn) closeTimedOut() {
	o := &c.out
	o.lock()
	what := fmt.Sprintf("no close frame came from the peer within %v (Config.CloseTimeout)", c.cfg.closeWithin())
	if o.stage != closeSent {
		what = fmt.Sprintf("our close frame could not be sent within %v, because the peer reads nothing (Config.CloseTimeout)", c.cfg.closeWithin())
	}
	ce := &CloseError{Code: frame.CodeAbnormal, Sent: c.life.sent, Err: &timeoutError{what}}
	o.unlock()
	if c.end(ce) {
		c.gone()
	}
}

// gotClose takes the peer's close frame and answers it. The caller holds
// reading.
func (c *Conn) gotClose(payload []byte) error {
	code, reason, err := frame.ParseClose(payload)
	if err != nil {
		return c.refuse(err)
	}
	ce := &CloseError{Received: &CloseFrame{code, reason}}
	o := &c.out
	o.lock()
	if o.stage == closeNone {
		// RFC 6455, 5.5.1: "If an endpoint receives a Close frame and did not
		// previously send a Close frame, the endpoint MUST send a Close frame
		// in response. (When sending a Close frame in response, the endpoint
		// typically echos the status code it received.)"
		ce.Code, ce.Reason, ce.Remote = code, reason, true
		var f []byte
		if code == frame.CodeNoStatus {
			f = frame.AppendMessage(nil, c.wire.role, frame.Close, 0, nil)
		} else {
			f, _ = frame.AppendClose(nil, c.wire.role, code, "")
		}
		o.queue.clear() // the peer takes no more
		o.beginClose(c, f, CloseFrame{Code: code})
	} else {
		ce.Code, ce.Reason = c.life.sent.Code, c.life.sent.Reason
	}
	ce.Sent = c.life.sent
	o.unlock()
	return c.finish(ce)
}

// refuse fails the connection for a breach of the protocol (RFC 6455, 7.1.7).
// The caller holds reading.
func (c *Conn) refuse(err error) error {
	var fe *frame.Error
	if !errors.As(err, &fe) {
		return c.lost(err)
	}
	if fe.Code == frame.CodeTooBig {
		err = fmt.Errorf("%w: raise Config.MaxMessage (%d bytes) or Config.MaxFragments (%d)", fe, c.cfg.maxMessage(), c.cfg.maxFragments())
	}
	return c.fail(fe.Code, fe.Reason, err)
}

// fail ends the connection for err, with a close frame and without waiting for
// the peer's. The caller holds reading.
func (c *Conn) fail(code frame.Code, reason string, err error) error {
	ce := &CloseError{Code: code, Reason: reason, Err: err}
	o := &c.out
	o.lock()
	if o.stage == closeNone {
		f, _ := frame.AppendClose(nil, c.wire.role, code, reason)
		o.queue.clear()
		o.beginClose(c, f, CloseFrame{code, reason})
	}
	ce.Sent = c.life.sent
	o.unlock()
	return c.finish(ce)
}

// finish ends the connection and lets the transport go once our close frame
// is out.
func (c *Conn) finish(ce *CloseError) error {
	if c.end(ce) {
		go c.linger(ce.Err == nil)
	}
	return c.Err()
}

// lost is the end of the transport without a close frame. The caller holds
// reading.
func (c *Conn) lost(err error) error {
	if err := c.Err(); err != nil {
		return err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	o := &c.out
	o.lock()
	ce := &CloseError{Code: frame.CodeAbnormal, Sent: c.life.sent, Err: fmt.Errorf("the connection ended without a close frame: %w", err)}
	o.unlock()
	switch {
	case !c.end(ce):
	case isEOF(err):
		c.goneOnceWritten()
	default:
		c.gone()
	}
	return c.Err()
}

// goneOnceWritten is gone for a peer that has ended its half of the transport
// and may still read the other: what was ready to go out, pongs above all,
// goes first, within the time of a closing handshake.
func (c *Conn) goneOnceWritten() {
	o := &c.out
	o.lock()
	o.queue.clear()
	c.kick()
	if !o.busy {
		o.unlock()
		c.gone()
		return
	}
	o.unlock()
	go func() {
		c.settle(c.cfg.closeWithin())
		c.gone()
	}()
}

// breakOff ends the connection because we can't go on with it.
func (c *Conn) breakOff(err error) {
	if c.end(&CloseError{Code: frame.CodeAbnormal, Err: err}) {
		c.gone()
	}
}

// writeFailed returns the end that a failed write leads to. Unless it was a
// matter of time, the peer gets the chance to be heard: it may have sent a
// close frame before it went. The caller holds output.mu.
func (c *Conn) writeFailed(err error) error {
	slow := isTimeout(err) && !isContext(err)
	if slow {
		err = fmt.Errorf("the peer took too little within %v (Config.WriteTimeout): %w", c.cfg.writeWithin(), err)
	}
	ce := &CloseError{Code: frame.CodeAbnormal, Sent: c.life.sent, Err: fmt.Errorf("write: %w", err)}
	go func() {
		if !slow && !isContext(err) {
			ctx, cancel := context.WithTimeout(context.Background(), c.cfg.closeWithin())
			c.drain(ctx)
			cancel()
		}
		if c.end(ce) {
			c.gone()
		}
	}()
	return ce
}

// end makes err the end of the connection, once. The transport stays until
// gone or linger.
func (c *Conn) end(err error) bool { return c.endWith(&err) }

// endWith is end with an error that may be shared, and is not changed.
func (c *Conn) endWith(p *error) bool {
	if !c.life.err.CompareAndSwap(nil, p) {
		return false
	}
	err := *p
	c.stopKeepalive()
	c.leaveGroups()
	if e := c.full.Load(); e != nil {
		e.cancel(err)
	}
	o := &c.out
	if o.lockBorrowed() {
		o.dismiss()
		o.queue.wake()
		o.watch.drop()
		o.unlock()
	}
	c.in.watch.drop()
	if r := c.polled.Load(); r != nil {
		r.wake() // for the last call of its function
	}
	c.traceEnded(err)
	if l := c.cfg.Logger; l != nil {
		var ce *CloseError
		if errors.As(err, &ce) && ce.Err != nil && ce.Err != errClosedNow {
			l.Debug("pushwire: connection ended", "remote", c.RemoteAddr(), "code", int(ce.Code), "error", err)
		}
	}
	return true
}

// gone closes the transport of a connection that has ended.
func (c *Conn) gone() {
	c.wire.close()
	c.leaveGate()
	o := &c.out
	if !o.lockBorrowed() {
		return
	}
	if o.err == nil {
		o.err = c.Err()
		if !o.busy {
			o.drop()
		}
	}
	o.unlock()
}
