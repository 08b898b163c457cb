package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

// verbosity prints, with -v, what a connection does beside its messages.
type verbosity struct {
	mu  sync.Mutex // for hooks run in the goroutine that writes, too
	w   io.Writer
	on  bool
	dim bool // on a terminal
}

func (v *verbosity) say(format string, args ...any) {
	if !v.on {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if v.dim {
		text = "\x1b[2m" + text + "\x1b[0m"
	}
	fmt.Fprintln(v.w, text)
}

// options has the connection tell about its control frames.
func (v *verbosity) options(o *pushwire.DialOptions) {
	if !v.on {
		return
	}
	o.OnPing = func(_ *pushwire.Conn, p []byte) { v.say("< ping %q", p) }
	o.Trace = &pushwire.Trace{
		FrameRead: func(_ *pushwire.Conn, h frame.Header) {
			if h.Opcode == frame.Pong {
				v.say("< pong, %d bytes", h.Length)
			}
		},
		FrameWritten: func(_ *pushwire.Conn, h frame.Header) {
			switch h.Opcode {
			case frame.Ping:
				v.say("> ping, %d bytes", h.Length)
			case frame.Pong:
				v.say("> pong, %d bytes", h.Length)
			}
		},
	}
}

// answer prints the answer to the handshake, which may be nil.
func (v *verbosity) answer(res *http.Response) {
	if res == nil {
		return
	}
	v.say("< %s %s", res.Proto, res.Status)
	names := make([]string, 0, len(res.Header))
	for name := range res.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range res.Header[name] {
			v.say("< %s: %s", name, value)
		}
	}
}

// end prints the close frames and what went over the connection.
func (v *verbosity) end(conn *pushwire.Conn) {
	if ce, ok := conn.Err().(*pushwire.CloseError); ok {
		closeFrames := []struct {
			way string
			f   *pushwire.CloseFrame
		}{{">", ce.Sent}, {"<", ce.Received}}
		if ce.Remote {
			slices.Reverse(closeFrames)
		}
		for _, c := range closeFrames {
			if c.f != nil {
				v.say("%s close %d (%v) %q", c.way, c.f.Code, c.f.Code, c.f.Reason)
			}
		}
	}
	s := conn.Stats()
	v.say("sent %d messages in %d bytes, received %d messages in %d bytes", s.MessagesWritten, s.BytesWritten, s.MessagesRead, s.BytesRead)
}
