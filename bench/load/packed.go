//go:build linux

package load

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/frame"
)

// PackedOptions say what load to make of texts, compressed or not.
type PackedOptions struct {
	Addr     string
	Conns    int
	Messages [][]byte // in a cycle; each connection begins with another one
	Together bool     // no: all begin with the first one
	Offer    bool     // permessage-deflate, in the words of Chromium
}

// Packed is the generator for texts: one message is in flight on a connection.
// It knows nothing of the server but its answer to the offer. One goroutine
// uses it, which should be locked to its thread.
//
// What it sends was compressed and masked beforehand. The first replies on
// each connection, a cycle of them, are inflated by compress/flate and compared
// to the byte; later ones are only counted.
type Packed struct {
	Answer string // the server's Sec-WebSocket-Extensions; "" where it does not compress

	o       PackedOptions
	params  deflate.Params
	epoll   int
	conns   []packedConn
	frames  frames
	check   checker
	buf     []byte
	events  []unix.EpollEvent
	active  int // connections that wait for messages
	done    int // messages that came
	packed  int // of them were compressed
	payload int // bytes of their frames' payload
}

type packedConn struct {
	fd    int
	next  int // messages that were sent
	came  int // messages that came
	left  int // to come in this run; only the last was asked for where there are more
	part  []byte
	typ   frame.Opcode // of the message in hand
	rsv   byte         // of its first frame
	body  []byte       // of the message in hand while replies are checked
	dict  []byte       // what the server's compressor may look back at, while replies are checked
	start int          // in the cycle of messages
}

// OpenPacked opens the connections. All have to get the same answer.
func OpenPacked(o PackedOptions) (*Packed, error) {
	g := &Packed{o: o, epoll: -1, buf: make([]byte, 256<<10), events: make([]unix.EpollEvent, 256)}
	var err error
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	for i := range o.Conns {
		fd, answer, err := g.connect(i)
		if err == nil && i > 0 && answer != g.Answer {
			err = fmt.Errorf("the server answered %q here and %q before", answer, g.Answer)
		}
		if fd >= 0 {
			start := i % len(o.Messages)
			if o.Together {
				start = 0
			}
			g.conns = append(g.conns, packedConn{fd: fd, start: start})
		}
		if err == nil {
			g.Answer = answer
			err = unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
		}
		if err != nil {
			g.Close()
			return nil, fmt.Errorf("connection %d: %w", i+1, err)
		}
	}
	if g.Answer == "" {
		g.frames = plainFrames(o.Messages)
	} else {
		if g.params, err = params(g.Answer); err != nil {
			g.Close()
			return nil, err
		}
		g.frames = packedFrames(o.Messages, g.params)
	}
	return g, nil
}

func (g *Packed) connect(i int) (fd int, answer string, err error) {
	fd, err = connect(g.o.Addr, i)
	if err != nil {
		return -1, "", err
	}
	more := ""
	if g.o.Offer {
		more = "Sec-WebSocket-Extensions: " + offer + "\r\n"
	}
	head, err := handshake(fd, g.buf, more)
	if err != nil {
		return fd, "", err
	}
	return fd, head.Get("Sec-Websocket-Extensions"), unix.SetNonblock(fd, true)
}

// Close closes the connections, without a closing handshake.
func (g *Packed) Close() {
	for _, c := range g.conns {
		unix.Close(c.fd)
	}
	if g.epoll >= 0 {
		unix.Close(g.epoll)
	}
}

// PackedResult is what one run has done.
type PackedResult struct {
	Messages int
	Packed   int // of them came compressed
	Payload  int // bytes of the frames' payload in which they came
}

// Run keeps every connection busy for d, or, when messages is not 0, for that
// many of them each. It returns once all that was sent is answered.
func (g *Packed) Run(d time.Duration, messages int) (PackedResult, error) {
	end := time.Now().Add(d)
	g.active, g.done, g.packed, g.payload = len(g.conns), 0, 0, 0
	for i := range g.conns {
		g.conns[i].left = max(messages, 1)
		if err := g.send(&g.conns[i]); err != nil {
			return PackedResult{}, err
		}
	}
	return g.loop(func(c *packedConn) bool { return messages == 0 && time.Now().Before(end) }, true)
}

// Await waits until each connection got so many messages, which the server
// sends by itself.
func (g *Packed) Await(messages int) (PackedResult, error) {
	g.active, g.done, g.packed, g.payload = len(g.conns), 0, 0, 0
	for i := range g.conns {
		g.conns[i].left = messages
	}
	return g.loop(func(*packedConn) bool { return false }, false)
}

// loop reads until every connection has what it waits for. more says whether
// one goes on beyond that; ask, whether each message has to be asked for.
func (g *Packed) loop(more func(*packedConn) bool, ask bool) (PackedResult, error) {
	for g.active > 0 {
		n, err := unix.EpollWait(g.epoll, g.events, int(stall.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return PackedResult{}, err
		}
		if n == 0 {
			return PackedResult{}, fmt.Errorf("no byte in %v, %d connections wait for messages", stall, g.active)
		}
		for _, ev := range g.events[:n] {
			if err := g.serve(&g.conns[ev.Fd], more, ask); err != nil {
				return PackedResult{}, fmt.Errorf("connection %d: %w", ev.Fd+1, err)
			}
		}
	}
	return PackedResult{Messages: g.done, Packed: g.packed, Payload: g.payload}, nil
}

func (g *Packed) serve(c *packedConn, more func(*packedConn) bool, ask bool) error {
	n, err := unix.Read(c.fd, g.buf)
	if err == unix.EAGAIN || err == unix.EINTR {
		return nil
	}
	if err != nil {
		return err
	}
	if n == 0 {
		return errors.New("the server closed it")
	}
	p := g.buf[:n]
	if len(c.part) > 0 {
		c.part = append(c.part, p...)
		p = c.part
	}
	for {
		whole, size, err := g.take(c, p)
		if err != nil {
			return err
		}
		if size == 0 {
			break
		}
		p = p[size:]
		if !whole {
			continue
		}
		if c.left == 0 {
			return errors.New("a message more than were due")
		}
		if c.left == 1 && more(c) {
			c.left++
		}
		if c.left--; c.left == 0 {
			g.active--
		} else if ask {
			if err := g.send(c); err != nil {
				return err
			}
		}
	}
	c.part = append(c.part[:0], p...)
	return nil
}

// take takes one frame from the beginning of p, if it is there; whole says that
// it ends a message.
func (g *Packed) take(c *packedConn, p []byte) (whole bool, size int, err error) {
	h, n, err := frame.Parse(p)
	if err != nil || n == 0 || int64(len(p)-n) < h.Length {
		return false, 0, err
	}
	size = n + int(h.Length)
	if h.Opcode == frame.Ping {
		if _, err := unix.Write(c.fd, emptyPong); err != nil && err != unix.EAGAIN {
			return false, 0, err
		}
		return false, size, nil
	}
	if h.Masked || h.Opcode.IsControl() {
		return false, 0, fmt.Errorf("a frame that begins with % x", p[:n])
	}
	if h.Opcode != frame.Continuation {
		c.typ, c.rsv, c.body = h.Opcode, h.RSV, c.body[:0]
	}
	checked := c.came >= len(g.o.Messages)
	if !checked {
		c.body = append(c.body, p[n:size]...)
	}
	g.payload += int(h.Length)
	if !h.Fin {
		return false, size, nil
	}
	if c.rsv != 0 {
		g.packed++
	}
	g.done++
	c.came++
	if !checked {
		err = g.verify(c)
	} else {
		c.dict, c.body = nil, nil
	}
	return true, size, err
}

// verify compares a message with what is due.
func (g *Packed) verify(c *packedConn) error {
	want := g.o.Messages[(c.start+c.came-1)%len(g.o.Messages)]
	if c.typ != frame.Text {
		return fmt.Errorf("a message with opcode %v", c.typ)
	}
	return g.check.message(g.Answer != "", g.params, &c.dict, c.rsv, c.body, want)
}

// send asks for the next message. Requests are short enough for the socket.
func (g *Packed) send(c *packedConn) error {
	p := g.frames.frame(c.start, c.next)
	c.next++
	for {
		n, err := unix.Write(c.fd, p)
		if err == unix.EINTR {
			continue
		}
		if err == nil && n < len(p) {
			err = fmt.Errorf("the socket took %d of %d bytes", n, len(p))
		}
		return err
	}
}
