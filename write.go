package pushwire

import (
	"context"
	"errors"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/mask"
)

// ErrType is returned for a message that is neither Text nor Binary.
var ErrType = errors.New("pushwire: a message is frame.Text or frame.Binary (control frames have calls of their own: Ping and Close)")

// Write sends one message, put together from the slices p, as one frame.
//
// A nil error means that the message is in order on its way: usually the
// transport has it; where another goroutine is writing, or the next message
// of the peer has arrived already, it joins the next flush, which happens
// without another call. The slices are not retained and not modified.
//
// When ctx ends before the transport took the first byte of the message,
// nothing of it is sent. When it ends in the middle, the rest goes on being
// sent if it is at most 64 KiB, so that the peer gets the message whole; else,
// and always on TLS, where an interrupted write can't go on, the connection
// breaks. The text of a Text message is not checked.
func (c *Conn) Write(ctx context.Context, t Type, p ...[]byte) error {
	_, err := c.writeMessage(ctx, t, p)
	return err
}

// writeMessage is Write; begun is that of writeFrame. It does without a call of
// that: an echo should not need more stack while it writes than while it waits.
func (c *Conn) writeMessage(ctx context.Context, t Type, p [][]byte) (begun bool, err error) {
	if t != frame.Text && t != frame.Binary {
		return false, ErrType
	}
	h := frame.Header{Fin: true, Opcode: t, Length: size(p)}
	var done bool
	if z := c.out.compression; z != nil && h.Length >= z.threshold {
		var buf *buffer
		if z.takeover {
			buf, done, err = c.admitInContext(ctx, &h, p)
		} else {
			buf, done, err = c.admitPacked(ctx, &h, p)
		}
		if !done {
			begun, err = c.writeBusy(ctx, &h, buf.payload(p))
			if err != nil {
				buf.strand() // the transport may have been given it as it is
			}
			c.leavePacked(&h, p, buf, err == nil || begun)
		}
	} else if done, err = c.admit(ctx, &h, p, false); !done {
		begun, err = c.writeBusy(ctx, &h, p)
		c.out.leave(c)
	}
	return begun, err
}

func size(p [][]byte) (n int64) {
	for _, b := range p {
		n += int64(len(b))
	}
	return n
}

// writeFrame sends one frame whose payload is p, of h.Length bytes. stream says
// that it belongs to the open Writer. begun tells, with an error, whether bytes
// of the frame were sent and the rest goes on being sent.
func (c *Conn) writeFrame(ctx context.Context, h *frame.Header, p [][]byte, stream bool) (begun bool, err error) {
	if done, err := c.admit(ctx, h, p, stream); done {
		return false, err
	}
	begun, err = c.writeBusy(ctx, h, p)
	c.out.leave(c)
	return begun, err
}

// admit makes a frame join the next flush, or waits until it is its turn:
// then, done being false, busy is the caller's and mu is held.
func (c *Conn) admit(ctx context.Context, h *frame.Header, p [][]byte, stream bool) (done bool, err error) {
	if ctx.Err() != nil {
		return true, c.stopped("write", ctx)
	}
	o := &c.out
	o.lock()
	if err := o.ready(c); err != nil {
		o.unlock()
		return true, err
	}
	if (stream || h.Opcode.IsControl() || o.inOrder()) && o.joins(h.Length) {
		if o.busy || c.in.more.Load() {
			c.join(h, p)
			o.mu.Unlock() // nothing to give back: pending is there
			return true, nil
		}
		o.busy = true
		return false, nil
	}
	return c.queueUp(ctx, stream)
}

// queueUp is admit for a frame that joins no other. The caller holds mu.
func (c *Conn) queueUp(ctx context.Context, stream bool) (done bool, err error) {
	o := &c.out
	o.unlock()
	if err := o.take(ctx, c, stream); err != nil { // it comes back with mu held
		o.unlock()
		return true, err
	}
	return false, nil
}

// joins reports whether a frame of so many bytes may join others in a flush.
func (o *output) joins(length int64) bool {
	return length <= joinMax && o.fits(frame.MaxHeader+int(length))
}

// leave ends the caller's turn, and its hold of mu.
func (o *output) leave(c *Conn) {
	o.pass(c)
	o.unlock()
}

// join adds a frame to those of the next flush: that of whoever writes, or of
// the reader once it runs out of frames. The caller holds mu.
func (c *Conn) join(h *frame.Header, p [][]byte) {
	b := c.out.room(frame.MaxHeader + int(h.Length))
	b.b = c.appendFrame(b.b, h, p)
	c.stats.counts(h)
	if !c.out.busy {
		c.cork()
	}
}

// writeBusy is writeFrame once it is its turn. The caller has busy and passes
// it on; it holds mu, which is given up meanwhile.
func (c *Conn) writeBusy(ctx context.Context, h *frame.Header, p [][]byte) (begun bool, err error) {
	if h.Length > joinMax {
		return c.writeLarge(ctx, *h, p)
	}
	o := &c.out
	buf := o.room(frame.MaxHeader + int(h.Length))
	o.pending, o.pongs = nil, 0
	o.corked.Store(false)
	own := len(buf.b)
	buf.b = c.appendFrame(buf.b, h, p)
	o.unlock()
	n, err := c.writeWatched(ctx, buf.b)
	o.lock()
	if err == nil {
		c.stats.counts(h)
		o.takeBack(buf)
		return false, nil
	}
	buf.strand()
	if !c.interrupted(ctx, err) {
		return false, o.broken(c, brokenOff(ctx, err))
	}
	rest := buf.b[n:]
	if n <= own { // not begun: it need not be sent
		rest = buf.b[n:own]
	} else {
		c.stats.counts(h)
	}
	o.keep(buf, rest)
	return n > own, c.stopped("write", ctx)
}

// writeWatched writes p to the transport; ctx interrupts. The caller has
// busy.
func (c *Conn) writeWatched(ctx context.Context, p []byte) (int, error) {
	n, _, err := c.try(p)
	if n < len(p) && err == nil {
		var m int
		m, err = c.writeWaiting(ctx, p[n:])
		n += m
	}
	c.stats.bytesWritten.Add(uint64(n))
	return n, err
}

// writeWaiting is writeWatched once the transport did not take p at once, or
// where it can't tell. The deadline is set before ctx is watched, which may
// end at once and then sets its own.
func (c *Conn) writeWaiting(ctx context.Context, p []byte) (int, error) {
	c.wire.arm(c.cfg.writeWithin())
	watched := c.out.watch.begin(ctx, c)
	n, err := c.wire.write(p)
	if watched && c.out.watch.end() {
		c.wire.resumeWrite()
	} else {
		c.wire.disarm()
	}
	return n, err
}

// interrupted reports whether err is the end of ctx, and writing can go on
// where it stopped.
func (c *Conn) interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil && isTimeout(err) && c.wire.resumable()
}

// brokenOff names the end of ctx as the cause of err where it is.
func brokenOff(ctx context.Context, err error) error {
	if ctx.Err() != nil && isTimeout(err) {
		return waitError("a message was broken off in its middle", ctx)
	}
	return err
}

// keep makes rest, which lies in buf, go out first.
func (o *output) keep(buf *buffer, rest []byte) {
	if len(rest) > 0 {
		o.left = batch{p: rest, buf: buf}
	}
}

// writeLarge is writeBusy for a frame that goes through a chunk of memory, or
// straight from the caller's where that needs no masking.
func (c *Conn) writeLarge(ctx context.Context, h frame.Header, p [][]byte) (begun bool, err error) {
	o := &c.out
	buf := chunkBuffers.get()
	if o.pending != nil {
		buf.b = append(buf.b, o.pending.b...)
		o.pending.free()
		o.pending, o.pongs = nil, 0
		o.corked.Store(false)
	}
	o.unlock()
	own := len(buf.b)
	if c.wire.role == frame.Client {
		h.Masked, h.Key = true, mask.NewKey()
	}
	c.traceWritten(&h)
	buf.b = h.Append(buf.b)
	src := source{p: p, left: h.Length, masked: h.Masked, key: h.Key}
	for first := true; ; first = false {
		piece := src.whole(buf.b)
		if piece == nil {
			buf.b = src.appendTo(buf.b)
			piece = buf.b
		}
		n, err := c.writeWatched(ctx, piece)
		if err == nil && src.left == 0 {
			break
		}
		if err == nil {
			buf.b = buf.b[:0]
			continue
		}
		o.lock()
		buf.strand()
		if c.interrupted(ctx, err) {
			if first && n <= own { // not begun: it need not be sent
				o.keep(buf, buf.b[n:own])
				return false, c.stopped("write", ctx)
			}
			if rest := int64(len(piece)-n) + src.left; rest <= pendingMax {
				tail := chunkBuffers.get()
				tail.b = append(tail.b, piece[n:]...)
				tail.b = src.appendTo(tail.b)
				c.stats.counts(&h)
				o.keep(tail, tail.b)
				return true, c.stopped("write", ctx)
			}
		}
		return false, o.broken(c, brokenOff(ctx, err))
	}
	buf.free()
	o.lock()
	c.stats.counts(&h)
	return false, nil
}

// source gives the payload of a large frame piece by piece. The slices are
// the caller's and stay as they are.
type source struct {
	p      [][]byte
	off    int   // bytes of p[0] that are gone
	left   int64 // bytes that are not
	masked bool
	key    [4]byte
	pos    int
}

// whole takes a slice that is worth a write of its own, if it need not be
// masked and nothing waits in buf before it.
func (s *source) whole(buf []byte) []byte {
	if s.masked || len(buf) > 0 || len(s.p) == 0 || len(s.p[0])-s.off < chunkSize {
		return nil
	}
	return s.take(pieceSize)
}

// take returns at most n bytes of the first slice.
func (s *source) take(n int) []byte {
	b := s.p[0][s.off:]
	if len(b) > n {
		b = b[:n]
		s.off += n
	} else {
		s.p, s.off = s.p[1:], 0
	}
	s.left -= int64(len(b))
	return b
}

// appendTo moves bytes to dst until chunkSize is reached or no byte is left.
func (s *source) appendTo(dst []byte) []byte {
	for len(s.p) > 0 && len(dst) < chunkSize {
		n := len(dst)
		dst = append(dst, s.take(chunkSize-n)...)
		if s.masked {
			s.pos = mask.XOR(dst[n:], s.key, s.pos)
		}
	}
	return dst
}
