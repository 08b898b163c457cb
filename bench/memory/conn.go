package memory

import (
	"io"
	"net"
	"time"
)

// Conn is a net.Conn whose peer sends the same frame again and again and
// takes whatever it is sent. A Read never goes beyond the end of a frame, as
// with one message in flight; it costs one copy, and a Write costs nothing.
// One goroutine reads and one writes.
type Conn struct {
	frame []byte
	rest  []byte // of the frame that is being read
	left  int    // frames after that one

	Written int64 // bytes that were written
}

// New returns a Conn whose peer sends frame n times and then the end.
func New(frame []byte, n int) *Conn { return &Conn{frame: frame, left: n} }

func (c *Conn) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.left == 0 {
			return 0, io.EOF
		}
		c.left--
		c.rest = c.frame
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *Conn) Write(p []byte) (int, error) {
	c.Written += int64(len(p))
	return len(p), nil
}

func (*Conn) Close() error                     { return nil }
func (*Conn) LocalAddr() net.Addr              { return &addr }
func (*Conn) RemoteAddr() net.Addr             { return &addr }
func (*Conn) SetDeadline(time.Time) error      { return nil }
func (*Conn) SetReadDeadline(time.Time) error  { return nil }
func (*Conn) SetWriteDeadline(time.Time) error { return nil }

var addr = net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
