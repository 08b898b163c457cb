package testpeer

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// Timeout is how long a single call may wait before it fails the test.
const Timeout = 10 * time.Second

// Role is the part that the peer itself plays.
type Role int

const (
	Client Role = iota // masks what it sends; expects unmasked frames
	Server             // does not mask; expects masked frames
)

// Peer is one end of a connection under a test's control.
type Peer struct {
	// AllowRSV are the reserved bits (4, 2, 1) that the other end may set
	// because of an extension that the test negotiated.
	AllowRSV byte

	// Timeout replaces the package's Timeout for this peer.
	Timeout time.Duration

	t    testing.TB
	nc   net.Conn
	r    *bufio.Reader
	role Role
}

// New makes a peer of nc, which is closed at the end of the test.
func New(t testing.TB, nc net.Conn, role Role) *Peer {
	t.Cleanup(func() { nc.Close() })
	return &Peer{Timeout: Timeout, t: t, nc: nc, r: bufio.NewReader(nc), role: role}
}

// Dial connects to a TCP address, as a Client. There is no handshake yet.
func Dial(t testing.TB, addr string) *Peer {
	t.Helper()
	nc, err := net.DialTimeout("tcp", addr, Timeout)
	if err != nil {
		t.Fatalf("testpeer: %v", err)
	}
	return New(t, nc, Client)
}

// Listener takes connections of a client that is to be tested.
type Listener struct {
	t testing.TB
	l *net.TCPListener
}

// Listen listens on a free loopback port until the end of the test.
func Listen(t testing.TB) *Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("testpeer: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	return &Listener{t, l.(*net.TCPListener)}
}

// Addr is the address to dial, as "127.0.0.1:1234".
func (l *Listener) Addr() string { return l.l.Addr().String() }

// Accept waits for the next connection and is its Server.
func (l *Listener) Accept() *Peer {
	l.t.Helper()
	l.l.SetDeadline(time.Now().Add(Timeout))
	nc, err := l.l.Accept()
	if err != nil {
		l.t.Fatalf("testpeer: waiting for a connection: %v", err)
	}
	return New(l.t, nc, Server)
}

// NetConn is the connection below, for what the peer has no method for. Bytes
// that the peer has read ahead are not in it.
func (p *Peer) NetConn() net.Conn { return p.nc }

// Close closes the connection without a word.
func (p *Peer) Close() { p.nc.Close() }

// Reset closes the connection so that the other end sees a reset, where the
// transport has such a thing.
func (p *Peer) Reset() {
	if tc, ok := p.nc.(*net.TCPConn); ok {
		tc.SetLinger(0)
	}
	p.nc.Close()
}

// WriteRaw writes b as it is.
func (p *Peer) WriteRaw(b []byte) error {
	p.t.Helper()
	p.nc.SetWriteDeadline(time.Now().Add(p.Timeout))
	n, err := p.nc.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("testpeer: the other end took only %d of %d bytes in %v", n, len(b), p.Timeout)
	}
	return err
}

// WriteString writes s as it is.
func (p *Peer) WriteString(s string) error {
	p.t.Helper()
	return p.WriteRaw([]byte(s))
}

// WriteChopped writes b in pieces of n bytes, each with a Write of its own.
func (p *Peer) WriteChopped(b []byte, n int) error {
	p.t.Helper()
	for len(b) > n {
		if err := p.WriteRaw(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return p.WriteRaw(b)
}

// WantEOF fails unless the connection ends with no further byte. A reset is
// an end too: TCP makes one of a Close when bytes were left unread.
func (p *Peer) WantEOF(why string) {
	p.t.Helper()
	p.arm()
	got, err := p.r.Peek(1)
	switch {
	case len(got) > 0:
		more, _ := p.r.Peek(min(p.r.Buffered(), 64))
		p.t.Fatalf("%s: wanted the end of the connection, got the bytes % x", why, more)
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.t.Fatalf("%s: wanted the end of the connection, it was still open after %v", why, p.Timeout)
	case !ended(err):
		p.t.Fatalf("%s: wanted the end of the connection, got %v", why, err)
	}
}

// WantSilence fails if a byte or the end of the connection comes within d.
func (p *Peer) WantSilence(why string, d time.Duration) {
	p.t.Helper()
	p.nc.SetReadDeadline(time.Now().Add(d))
	got, err := p.r.Peek(1)
	if len(got) > 0 {
		more, _ := p.r.Peek(min(p.r.Buffered(), 64))
		p.t.Fatalf("%s: wanted silence, got the bytes % x", why, more)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("%s: wanted silence, got %v", why, err)
	}
}

// arm gives the reads to come until now + Timeout.
func (p *Peer) arm() { p.nc.SetReadDeadline(time.Now().Add(p.Timeout)) }

// ended reports whether err is one of the ways in which a connection ends.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
