//go:build linux

package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// stall is how long the generator waits for any byte before it gives up.
const stall = 20 * time.Second

// fromEach is how many connections one address of the client opens: a part of
// the ports that it has, so that those of an earlier run may still wait for
// their end.
const fromEach = 4096

// Options say what load to make.
type Options struct {
	Addr   string
	Conns  int
	Size   int  // of a message's payload, in bytes
	Window int  // messages that a connection sends in one write; their replies are awaited before the next ones
	Raw    bool // no opening handshake, and the replies are the bytes that were sent
}

// Generator holds the connections. One goroutine uses it, which should be
// locked to its thread.
type Generator struct {
	o        Options
	epoll    int
	conns    []conn
	request  []byte // one burst
	reply    []byte // to it
	frame    int    // bytes of one frame of reply
	buf      []byte
	events   []unix.EpollEvent
	active   int             // connections with a burst under way
	messages int             // answered
	waiting  int             // bursts that RunInTurn has not begun
	next     int             // connection whose turn it is there, modulo their number
	spans    []time.Duration // from the sending of a burst to the end of its replies
}

type conn struct {
	fd      int
	out     []byte // of the burst, not sent yet
	in      int    // bytes of the replies that are missing
	left    int    // bursts to begin after this one
	checked bool   // the replies to the first burst were right, to the byte
	polling bool   // waits for room to write, too

	rest    int  // bytes of the frame whose header has come
	control bool // which is a control frame
	half    bool // the first byte of a control frame has come, and no more
	began   time.Time
}

// Open opens the connections and does the opening handshakes.
func Open(o Options) (*Generator, error) {
	payload := Payload(o.Size)
	g := &Generator{o: o, epoll: -1, buf: make([]byte, 256<<10), events: make([]unix.EpollEvent, 256)}
	g.request = bytes.Repeat(Request(payload), o.Window)
	g.reply = g.request
	if !o.Raw {
		g.reply = bytes.Repeat(Reply(payload), o.Window)
	}
	g.frame = len(g.reply) / o.Window
	var err error
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	for i := range o.Conns {
		fd, err := g.connect(i)
		if err != nil {
			g.Close()
			return nil, fmt.Errorf("connection %d: %w", i+1, err)
		}
		g.conns = append(g.conns, conn{fd: fd})
		if err := unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}); err != nil {
			g.Close()
			return nil, err
		}
	}
	return g, nil
}

func (g *Generator) connect(i int) (fd int, err error) {
	fd, err = connect(g.o.Addr, i)
	if err != nil {
		return -1, err
	}
	if !g.o.Raw {
		if _, err := handshake(fd, g.buf, ""); err != nil {
			unix.Close(fd)
			return -1, err
		}
	}
	return fd, unix.SetNonblock(fd, true)
}

// Source returns the address that connection number i comes from: 127.0.0.2,
// and so on.
func Source(i int) [4]byte { return [4]byte{127, 0, 0, byte(2 + i/fromEach)} }

// latePort has the port of a bound socket chosen when it connects: it need not
// be free for all other ends then.
func latePort(fd int) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
}

// connect returns a socket that blocks, connection number i.
func connect(addr string, i int) (fd int, err error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return -1, err
	}
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if err := latePort(fd); err != nil {
		return -1, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: Source(i)}); err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}); err != nil {
		return -1, err
	}
	return fd, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
}

// openingRequest lacks the empty line at its end.
const openingRequest = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"

// handshake returns the answer's fields, unchecked: the tests of the root
// module do that. more are lines for the request.
func handshake(fd int, buf []byte, more string) (textproto.MIMEHeader, error) {
	if _, err := unix.Write(fd, []byte(openingRequest+more+"\r\n")); err != nil {
		return nil, err
	}
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) { // no server speaks first here
		n, err := unix.Read(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, errors.New("the server closed within the handshake")
		}
		head = append(head, buf[:n]...)
	}
	if !strings.HasPrefix(string(head), "HTTP/1.1 101 ") {
		return nil, fmt.Errorf("the server refused: %q", head)
	}
	fields := textproto.NewReader(bufio.NewReader(bytes.NewReader(head)))
	if _, err := fields.ReadLine(); err != nil {
		return nil, err
	}
	return fields.ReadMIMEHeader()
}

// Close closes the connections, without a closing handshake.
func (g *Generator) Close() {
	for _, c := range g.conns {
		unix.Close(c.fd)
	}
	if g.epoll >= 0 {
		unix.Close(g.epoll)
	}
}

// Result is what one run has done.
type Result struct {
	Messages int
	Elapsed  time.Duration
	P50, P99 time.Duration // from the sending of a burst to the end of its replies
}

// Run keeps every connection busy for d, or, when bursts is not 0, for that
// many bursts each. It returns once all that was sent is answered.
func (g *Generator) Run(d time.Duration, bursts int) (Result, error) {
	g.waiting = 0
	return g.run(d, bursts, len(g.conns))
}

// RunInTurn has connections send one burst after another in turn, at most so
// many at a time, until each has sent that many bursts on average: the same
// load, however many connections there are.
func (g *Generator) RunInTurn(atATime, bursts int) (Result, error) {
	atATime = min(atATime, len(g.conns))
	g.waiting, g.next = bursts*len(g.conns)-atATime, atATime
	return g.run(0, 1, atATime)
}

// run begins with the first n connections.
func (g *Generator) run(d time.Duration, bursts, n int) (Result, error) {
	g.messages, g.active, g.spans = 0, 0, g.spans[:0]
	start := time.Now()
	end := start.Add(d)
	for i := range g.conns[:n] {
		c := &g.conns[i]
		c.left = bursts - 1
		if err := g.begin(c, i, time.Now()); err != nil {
			return Result{}, err
		}
	}
	for g.active > 0 {
		n, err := g.wait()
		if err != nil {
			return Result{}, err
		}
		for _, ev := range g.events[:n] {
			if err := g.serve(int(ev.Fd), ev.Events, end, bursts); err != nil {
				return Result{}, fmt.Errorf("connection %d: %w", ev.Fd+1, err)
			}
		}
	}
	r := Result{Messages: g.messages, Elapsed: time.Since(start)}
	slices.Sort(g.spans)
	if n := len(g.spans); n > 0 {
		r.P50, r.P99 = g.spans[n/2], g.spans[n*99/100]
	}
	return r, nil
}

// wait returns how many of events there are. It spins: a generator that sleeps
// is woken by a write of the server, which pays for that, and the more often
// the slower the server is.
func (g *Generator) wait() (int, error) {
	var began time.Time
	for {
		n, err := unix.EpollWait(g.epoll, g.events, 0)
		if n > 0 || err != nil && err != unix.EINTR {
			return n, err
		}
		if now := time.Now(); began.IsZero() {
			began = now
		} else if now.Sub(began) > stall {
			return 0, fmt.Errorf("no byte in %v, %d connections wait for replies", stall, g.active)
		}
	}
}

// serve does what one connection is ready for.
func (g *Generator) serve(i int, ready uint32, end time.Time, bursts int) error {
	c := &g.conns[i]
	if ready&unix.EPOLLOUT != 0 {
		if err := g.send(c, i); err != nil {
			return err
		}
	}
	if ready&^unix.EPOLLOUT == 0 {
		return nil
	}
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
	if c.in == 0 && g.o.Raw {
		return fmt.Errorf("%d bytes more than were asked for", n)
	}
	waiting := c.in > 0
	if err := g.take(c, g.buf[:n]); err != nil {
		return err
	}
	if c.in > 0 || !waiting {
		return nil
	}
	c.checked = true
	now := time.Now()
	g.spans = append(g.spans, now.Sub(c.began))
	g.messages += g.o.Window
	g.active--
	if g.waiting > 0 {
		g.waiting--
		c, i = g.turn()
	} else if bursts > 0 {
		if c.left--; c.left < 0 {
			return nil
		}
	} else if now.After(end) {
		return nil
	}
	return g.begin(c, i, now)
}

// turn returns the connection whose turn it is. One whose burst is still under
// way is passed over; there is always another.
func (g *Generator) turn() (*conn, int) {
	for {
		i := g.next % len(g.conns)
		g.next++
		if c := &g.conns[i]; c.in == 0 {
			return c, i
		}
	}
}

// take counts bytes of replies. A server may send pings of its own: they are
// answered by a pong without their payload, which is enough to be heard.
func (g *Generator) take(c *conn, p []byte) error {
	for len(p) > 0 {
		switch {
		case c.rest > 0:
			n := min(c.rest, len(p))
			if !c.control {
				at := len(g.reply) - c.in
				if n > c.in {
					return fmt.Errorf("%d bytes more than were asked for", n-c.in)
				}
				if !c.checked && !bytes.Equal(p[:n], g.reply[at:at+n]) {
					return errors.New("the reply differs from what was sent")
				}
				c.in -= n
			}
			c.rest -= n
			p = p[n:]
		case c.half:
			c.half, c.control = false, true
			c.rest = int(p[0] & 0x7f)
			p = p[1:]
		case !g.o.Raw && p[0]&8 != 0:
			if p[0] != pingByte {
				return fmt.Errorf("a frame that begins with %#x", p[0])
			}
			if len(c.out) == 0 { // no half frame before it
				if _, err := unix.Write(c.fd, emptyPong); err != nil && err != unix.EAGAIN {
					return err
				}
			}
			c.half = true
			p = p[1:]
		default:
			c.control, c.rest = false, g.frame
		}
	}
	return nil
}

const pingByte = 0x89 // FIN and the opcode

var emptyPong = []byte{0x8a, 0x80, 0, 0, 0, 0}

// begin sends the next burst.
func (g *Generator) begin(c *conn, i int, now time.Time) error {
	c.out, c.in, c.began = g.request, len(g.reply), now
	g.active++
	return g.send(c, i)
}

// send sends what the socket takes.
func (g *Generator) send(c *conn, i int) error {
	for len(c.out) > 0 {
		n, err := unix.Write(c.fd, c.out)
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			break
		}
		if err != nil {
			return err
		}
		c.out = c.out[n:]
	}
	if polling := len(c.out) > 0; polling != c.polling {
		c.polling = polling
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if polling {
			ev.Events |= unix.EPOLLOUT
		}
		return unix.EpollCtl(g.epoll, unix.EPOLL_CTL_MOD, c.fd, &ev)
	}
	return nil
}
