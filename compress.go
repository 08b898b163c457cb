package pushwire

import (
	"context"

	"github.com/pushwire/pushwire/frame"
)

// compression is the writing half of permessage-deflate on a connection.
// What the peer's window holds depends on the order in which compressed
// messages go out, so with takeover a message is compressed only once its
// place is certain:
//
//   - with output.mu held, where it joins the next flush;
//   - by who has output.busy, without mu. held says so; nobody else may
//     compress or write a compressed message until that one is out;
//   - by the open Writer, which holds all others up (output.stream).
//
// Messages of the queue were compressed without looking back; they enter the
// window as they leave the queue.
//
// window and held are guarded by output.mu, or belong to these. The other
// fields are fixed.
type compression struct {
	threshold   int64
	level, bits uint8
	takeover    bool

	held   bool
	window history // with takeover
}

// pack appends a piece of a message to dst, compressed. window is what went
// before it.
func (z *compression) pack(dst []byte, window *history, last bool, p ...[]byte) []byte {
	d := compressors.Get().(*compressor)
	d.dst, d.window, d.level, d.bits, d.last, d.settle = dst, window, int(z.level), int(z.bits), last, z.takeover
	d.p = append(d.p[:0], p...) // not p itself, which lies on its owner's stack
	d.run()
	dst = d.dst
	d.free()
	return dst
}

// packMessage compresses a message into a borrowed buffer and makes h its
// header. Where that makes it no smaller, h stays as it came and nil is
// returned.
func (z *compression) packMessage(h *frame.Header, p [][]byte) *buffer {
	buf := chunkBuffers.get()
	buf.b = z.pack(buf.b, &z.window, true, p...)
	if int64(len(buf.b)) >= h.Length {
		buf.free()
		return nil
	}
	h.RSV, h.Length = frame.RSV1, int64(len(buf.b))
	return buf
}

// payload is what goes out for the message p that packMessage made b of.
func (b *buffer) payload(p [][]byte) [][]byte {
	if b == nil {
		return p
	}
	b.one[0] = b.b
	return b.one[:]
}

// commit notes what the peer's window now ends with.
//
// RFC 7692, 7.2.1: messages that go out plain are no part of it.
func (z *compression) commit(h *frame.Header, p ...[]byte) {
	if z.takeover && h.RSV != 0 {
		z.window.add(int(z.bits), p...)
	}
}

// admitPacked compresses a message and makes it join the next flush, or waits
// until it is its turn, like admit. Then leavePacked ends it.
func (c *Conn) admitPacked(ctx context.Context, h *frame.Header, p [][]byte) (buf *buffer, done bool, err error) {
	if ctx.Err() != nil {
		return nil, true, c.stopped("write", ctx)
	}
	buf = c.out.compression.packMessage(h, p)
	if done, err = c.admit(ctx, h, buf.payload(p), false); done {
		buf.free()
	}
	return buf, done, err
}

// admitInContext is admitPacked with context takeover.
func (c *Conn) admitInContext(ctx context.Context, h *frame.Header, p [][]byte) (buf *buffer, done bool, err error) {
	if ctx.Err() != nil {
		return nil, true, c.stopped("write", ctx)
	}
	z, o := c.out.compression, &c.out
	o.lock()
	if err := o.ready(c); err != nil {
		o.unlock()
		return nil, true, err
	}
	if (o.busy || c.in.more.Load()) && !z.held && o.inOrder() && o.joins(h.Length) {
		buf = z.packMessage(h, p)
		c.join(h, buf.payload(p))
		z.commit(h, p...)
		buf.free()
		o.unlock()
		return nil, true, nil
	}
	o.unlock()
	if err := o.take(ctx, c, false); err != nil { // it comes back with mu held
		o.unlock()
		return nil, true, err
	}
	z.held = true
	o.unlock()
	buf = z.packMessage(h, p)
	o.lock()
	return buf, false, nil
}

// leavePacked ends the turn of a message of which sent says whether the peer
// sees it, and the caller's hold of mu.
func (c *Conn) leavePacked(h *frame.Header, p [][]byte, buf *buffer, sent bool) {
	z := c.out.compression
	if sent {
		z.commit(h, p...)
	}
	z.held = false
	buf.free()
	c.out.leave(c)
}

// packs reports whether the message whose first frame is h gets compressed.
func (w *messageWriter) packs(h *frame.Header) bool {
	z := w.c.out.compression
	return z != nil && (h.Length >= z.threshold || !h.Fin)
}

// writePacked sends the next frame of a compressed message. All but the last
// end with a flush, so that the peer gets what was written.
func (w *messageWriter) writePacked(h *frame.Header, p [][]byte) (begun bool, err error) {
	z := w.c.out.compression
	window := &w.window
	if z.takeover {
		window = &z.window
	}
	buf := chunkBuffers.get()
	defer buf.free()
	buf.b = z.pack(buf.b, window, h.Fin, p...)
	if !w.sent {
		if h.Fin && int64(len(buf.b)) >= h.Length {
			return w.c.writeFrame(w.ctx, h, p, true)
		}
		// RFC 7692, 6: "An endpoint MUST NOT set the "Per-Message Compressed"
		// bit of control frames and non-first fragments of a data message."
		h.RSV = frame.RSV1
	}
	h.Length = int64(len(buf.b))
	begun, err = w.c.writeFrame(w.ctx, h, [][]byte{buf.b}, true)
	if err != nil {
		buf.strand() // the transport may have been given it as it is
	}
	if err == nil || begun {
		w.packed = true
		window.add(int(z.bits), p...)
	}
	return begun, err
}
