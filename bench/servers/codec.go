package servers

import (
	"io"

	"github.com/pushwire/pushwire/bench/memory"
	"github.com/pushwire/pushwire/frame"
)

// pushwireCodec is package frame alone, as a program uses it that has its own
// connections: a decoder over a buffer, and messages appended to another. It
// does what gobwas/ws does in its row, and answers no control frames.
var pushwireCodec = Candidate{
	Name:   "pushwire frame",
	Module: pushwireModule,
	Note:   "the codec alone: Decoder.NextInto and AppendMessage",
	Ours:   true,
	InMemory: func(nc *memory.Conn, mode Mode, n int, payload []byte) error {
		c := codec{nc: nc, buf: make([]byte, codecBuffer)}
		if mode != Write {
			return c.read(n, mode == Echo)
		}
		for range n {
			if err := c.write(frame.Binary, payload); err != nil {
				return err
			}
		}
		return nil
	},
}

// codecBuffer takes a whole frame of 4 KiB and its header in one read.
const codecBuffer = 8 << 10

type codec struct {
	nc  *memory.Conn
	buf []byte // of what is read
	msg []byte // a message that came in pieces
	out []byte
	d   frame.Decoder
}

func (c *codec) read(n int, echo bool) error {
	var ev frame.Event
	for i := 0; i < n; {
		got, err := c.nc.Read(c.buf)
		if err != nil {
			return err
		}
		for p := c.buf[:got]; ; {
			used, err := c.d.NextInto(p, &ev)
			if err != nil {
				return err
			}
			p = p[used:]
			if ev.Kind == frame.More {
				break
			}
			if ev.Kind != frame.Data {
				return io.ErrUnexpectedEOF // this loop has no answer to control frames
			}
			if !ev.End || len(c.msg) > 0 {
				c.msg = append(c.msg, ev.Payload...)
				if !ev.End {
					continue
				}
				ev.Payload, c.msg = c.msg, c.msg[:0]
			}
			if i++; echo {
				if err := c.write(ev.Type, ev.Payload); err != nil {
					return err
				}
			}
			if len(p) == 0 {
				break
			}
		}
	}
	return nil
}

func (c *codec) write(t frame.Opcode, payload []byte) error {
	c.out = frame.AppendMessage(c.out[:0], frame.Server, t, 0, payload)
	_, err := c.nc.Write(c.out)
	return err
}
