package pushwire

import (
	"context"
	"sync"

	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/frame"
)

// compressors is where connections borrow one for a message.
var compressors = sync.Pool{New: func() any { return new(deflate.Compressor) }}

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
	level, bits int
	threshold   int64
	takeover    bool

	held   bool
	window []byte // the end of what was compressed, with takeover; nil until there was something
}

// pack appends a piece of a message to dst, compressed. history is what went
// before it.
func (z *compression) pack(dst, history []byte, last bool, p ...[]byte) []byte {
	d := compressors.Get().(*deflate.Compressor)
	dst = d.Append(dst, history, z.level, z.bits, last, p...)
	compressors.Put(d)
	return dst
}

// packMessage compresses a message into a borrowed buffer, to which q then
// points, and which h becomes the header of. Where that makes it no smaller, h
// is as it came and p is returned.
func (z *compression) packMessage(h *frame.Header, p [][]byte, q *[1][]byte) ([][]byte, *buffer) {
	buf := chunkBuffers.get()
	buf.b = z.pack(buf.b, z.window, true, p...)
	if int64(len(buf.b)) >= h.Length {
		return p, buf
	}
	h.RSV, h.Length = frame.RSV1, int64(len(buf.b))
	q[0] = buf.b
	return q[:], buf
}

// commit notes what the peer's window now ends with.
//
// RFC 7692, 7.2.1: messages that go out plain are no part of it.
func (z *compression) commit(h *frame.Header, p ...[]byte) {
	if z.takeover && h.RSV != 0 {
		z.window = deflate.AppendHistory(z.window, z.bits, p...)
	}
}

// writePacked is writeMessage for one that is worth compressing.
func (c *Conn) writePacked(ctx context.Context, h *frame.Header, p [][]byte) (begun bool, err error) {
	z := c.out.compression
	if z.takeover {
		return c.writeInContext(ctx, h, p)
	}
	if ctx.Err() != nil {
		return false, c.stopped("write", ctx)
	}
	var q [1][]byte
	packed, buf := z.packMessage(h, p, &q)
	begun, err = c.writeFrame(ctx, h, packed, false)
	buf.free()
	return begun, err
}

// writeInContext is writePacked with context takeover.
func (c *Conn) writeInContext(ctx context.Context, h *frame.Header, p [][]byte) (begun bool, err error) {
	if ctx.Err() != nil {
		return false, c.stopped("write", ctx)
	}
	z, o := c.out.compression, &c.out
	var q [1][]byte
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.ready(c); err != nil {
		return false, err
	}
	if (o.busy || c.in.more.Load()) && !z.held && o.inOrder() && o.joins(h.Length) {
		packed, buf := z.packMessage(h, p, &q)
		c.join(h, packed)
		z.commit(h, p...)
		buf.free()
		return false, nil
	}
	o.mu.Unlock()
	if err := o.take(ctx, c, false); err != nil { // it comes back with mu held
		return false, err
	}
	z.held = true
	o.mu.Unlock()
	packed, buf := z.packMessage(h, p, &q)
	o.mu.Lock()
	begun, err = c.writeBusy(ctx, h, packed)
	if err == nil || begun { // else the peer never sees it
		z.commit(h, p...)
	}
	z.held = false
	buf.free()
	o.pass(c)
	return begun, err
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
	buf.b = z.pack(buf.b, *window, h.Fin, p...)
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
	if err == nil || begun {
		w.packed = true
		*window = deflate.AppendHistory(*window, z.bits, p...)
	}
	return begun, err
}
