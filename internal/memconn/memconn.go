package memconn

import (
	"io"
	"net"
	"os"
	"time"
)

// DefaultSize is the capacity of the buffer for each direction of a Pipe, in
// bytes: about what a loopback socket takes before its writer has to wait.
const DefaultSize = 64 << 10

// Addr is the address of one end of a Pipe.
type Addr string

// Network returns "mem".
func (Addr) Network() string { return "mem" }

// String returns the name of the end.
func (a Addr) String() string { return string(a) }

// Conn is one end of a Pipe.
type Conn struct {
	rd, wr *half // fixed; what this end reads is what the other end writes
	local  Addr
	remote Addr
}

var _ net.Conn = (*Conn)(nil)

// Pipe returns the two ends of a connection with DefaultSize bytes of buffer
// for each direction.
func Pipe() (a, b *Conn) { return PipeSize(DefaultSize) }

// PipeSize is Pipe with buffers of n bytes. It panics if n is not positive.
func PipeSize(n int) (a, b *Conn) {
	if n <= 0 {
		panic("memconn: PipeSize with a size that is not positive")
	}
	ab, ba := newHalf(n), newHalf(n)
	a = &Conn{rd: ba, wr: ab, local: "mem:a", remote: "mem:b"}
	b = &Conn{rd: ab, wr: ba, local: "mem:b", remote: "mem:a"}
	return a, b
}

// Read reads what the other end has written, waiting for the first byte.
func (c *Conn) Read(p []byte) (int, error) { return c.rd.read(p) }

// Write writes p into the buffer and waits for room where it is full. When it
// ends early it returns how many bytes the other end will see. p is not
// retained.
func (c *Conn) Write(p []byte) (int, error) { return c.wr.write(p) }

// Close ends both directions. The other end can still read what was written;
// what it wrote and nobody read is dropped. Calls that wait on either end
// return. Closing again does nothing.
func (c *Conn) Close() error {
	c.rd.closeRead()
	c.wr.closeWrite(net.ErrClosed)
	return nil
}

// CloseWrite ends this end's direction: the other end reads what is in the
// buffer and then io.EOF, and can go on writing.
func (c *Conn) CloseWrite() error {
	c.wr.closeWrite(io.ErrClosedPipe)
	return nil
}

// LocalAddr returns the name of this end.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the name of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines; see SetReadDeadline.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets, moves or (with the zero time) clears the moment at
// which Read gives up, for calls that wait already and for later ones. A
// deadline that has fired does no harm to the connection.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.rd.setDeadline(&c.rd.reader, t) }

// SetWriteDeadline is SetReadDeadline for Write.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.wr.setDeadline(&c.wr.writer, t) }

// SetReadChunk lets each Read of this end return n bytes at most, to show
// how a reader copes with bytes that arrive in small pieces. Zero takes the
// limit away.
func (c *Conn) SetReadChunk(n int) {
	c.rd.mu.Lock()
	defer c.rd.mu.Unlock()
	c.rd.chunk = max(n, 0)
}

// Buffered returns how many bytes wait to be read by this end.
func (c *Conn) Buffered() int {
	c.rd.mu.Lock()
	defer c.rd.mu.Unlock()
	return c.rd.n
}

// errTimeout is what a call returns whose deadline has passed: the same value
// as net.Pipe's, which is a net.Error.
var errTimeout error = os.ErrDeadlineExceeded
