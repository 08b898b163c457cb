package pushwire

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/pushwire/pushwire/frame"
)

// Writer begins a message whose length need not be known and returns its
// writer; Close ends the message. What is written is collected into fragments
// of 4 KiB or, where a single Write is longer, of that Write's length. A
// message that fits into one fragment goes out as one frame. The writer also
// has Flush() error, which sends what was collected.
//
// Until Close no other message can be sent: the calls of others wait, control
// frames do not. ctx holds for the whole message; when it ends after a
// fragment was sent, the connection breaks, because the message can't be
// finished. The writer must not be used by two goroutines at once.
func (c *Conn) Writer(ctx context.Context, t Type) (io.WriteCloser, error) {
	if t != frame.Text && t != frame.Binary {
		return nil, ErrType
	}
	if ctx.Err() != nil {
		return nil, c.stopped("write", ctx)
	}
	o := &c.out
	err := o.take(ctx, c, false)
	if err == nil {
		o.stream = true
		o.pass(c)
	}
	o.unlock()
	if err != nil {
		return nil, err
	}
	return &messageWriter{c: c, ctx: ctx, op: t}, nil
}

type messageWriter struct {
	c      *Conn
	ctx    context.Context
	op     frame.Opcode // of the next frame
	buf    *buffer      // collected bytes
	sent   bool         // a frame is out
	packed bool         // the message is compressed
	window history      // the end of what was compressed of it, where no context is taken over
	err    error        // final
}

var errWriterClosed = errors.New("pushwire: write to a message that was closed (ask Conn.Writer for a new one)")

// Write implements io.Writer.
func (w *messageWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.buf == nil {
		w.buf = writeBuffers.get()
	}
	if len(w.buf.b)+len(p) <= cap(w.buf.b) {
		w.buf.b = append(w.buf.b, p...)
		return len(p), nil
	}
	if err := w.frame(false, w.buf.b, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush sends what was collected as a fragment.
func (w *messageWriter) Flush() error {
	if w.err != nil || w.buf == nil || len(w.buf.b) == 0 {
		return w.err
	}
	return w.frame(false, w.buf.b)
}

// Close ends the message.
func (w *messageWriter) Close() error {
	if w.err != nil {
		if w.err == errWriterClosed {
			return nil
		}
		return w.err
	}
	var p []byte
	if w.buf != nil {
		p = w.buf.b
	}
	if err := w.frame(true, p); err != nil {
		return err
	}
	w.finish(errWriterClosed)
	return nil
}

func (w *messageWriter) frame(fin bool, p ...[]byte) error {
	h := &frame.Header{Fin: fin, Opcode: w.op, Length: size(p)}
	var begun bool
	var err error
	if w.packed || !w.sent && w.packs(h) {
		begun, err = w.writePacked(h, p)
	} else {
		begun, err = w.c.writeFrame(w.ctx, h, p, true)
	}
	if err == nil {
		w.op, w.sent = frame.Continuation, true
		if w.buf != nil {
			w.buf.b = w.buf.b[:0]
		}
		return nil
	}
	if (w.sent || begun) && !(begun && fin) && !errors.Is(err, net.ErrClosed) {
		// RFC 6455, 5.4, has no way to give a message up in its middle.
		w.c.breakOff(err)
	}
	w.finish(err)
	return err
}

// finish lets others write again.
func (w *messageWriter) finish(err error) {
	w.err = err
	w.buf.free()
	w.buf = nil
	o := &w.c.out
	o.lock()
	o.stream = false
	if !o.busy {
		o.busy = true
		o.pass(w.c)
	}
	o.unlock()
}
