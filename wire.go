package pushwire

import (
	"crypto/tls"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
)

// wire is all that a Conn needs from the transport below: to read, to write,
// to interrupt either from another goroutine, to close, and to half-close.
// For a net.Conn an interruption is a deadline in the past. A transport whose
// deadlines are final (an HTTP/2 stream) can take its place with state of its
// own.
//
// read and the fields for it belong to the holder of Conn.reading; write and
// its fields to the goroutine that made output.busy true; the other methods
// may be called from any goroutine.
type wire struct {
	nc net.Conn

	// raw is set on plain TCP and Unix sockets only. A wrapper that embeds
	// one of these may change Read, and under a tls.Conn the socket can stay
	// silent while a record waits inside.
	raw syscall.RawConn

	deadline moment     // write deadline now set on nc, 0 for none
	role     frame.Role // fixed: which end this is
	lazy     bool       // fixed: the deadline may stay there while nobody writes
	stream   bool       // fixed: a read that was not filled has emptied it
}

// readResult carries the outcome of one read out of the callback of a
// syscall.RawConn.
type readResult struct {
	buf *buffer
	n   int
	err error
}

// writeResult carries p into, and the rest out of, that of a write.
type writeResult struct {
	p   []byte
	n   int
	err error
}

func (w *wire) init(nc net.Conn, role frame.Role) {
	w.nc, w.role = nc, role
	var sc syscall.Conn
	switch nc := nc.(type) {
	case *net.TCPConn:
		sc = nc
		w.stream = true
	case *net.UnixConn:
		sc = nc
	case *memconn.Conn:
		w.lazy = true
	}
	if sc == nil || !rawIO {
		return
	}
	if raw, err := sc.SyscallConn(); err == nil {
		w.raw = raw
	}
}

// fillBlocked waits for bytes on transports that cannot be asked for
// readability, and these block in Read; while no message is under way (idle)
// with a small buffer.
func (w *wire) fillBlocked(idle bool) (*buffer, int, error) {
	pool := &readBuffers
	if idle {
		pool = &idleBuffers
	}
	buf := pool.get()
	n, err := w.read(buf.b[:cap(buf.b)])
	if n == 0 {
		buf.free()
		return nil, 0, err
	}
	return buf, n, nil
}

// emptyReads is how often in a row a transport may return neither bytes nor an
// error, which io.Reader says means that nothing happened.
const emptyReads = 100

// read reads straight into p, which is where the bytes belong. An error that
// came with bytes comes again.
func (w *wire) read(p []byte) (int, error) {
	for range emptyReads {
		if n, err := w.nc.Read(p); n > 0 {
			return n, nil
		} else if err != nil {
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

// write writes all of p, waiting as long as it takes within the time that one
// write has, which must be armed.
func (w *wire) write(p []byte) (int, error) { return w.nc.Write(p) }

// try writes what fits without waiting. ok is false where the transport
// can't say; nothing is written then.
func (c *Conn) try(p []byte) (n int, ok bool, err error) {
	w, res := &c.wire, &c.out.res
	if w.raw == nil {
		return 0, false, nil
	}
	*res = writeResult{p: p}
	if err := w.raw.Write(c.out.poll); err != nil {
		*res = writeResult{}
		return 0, true, err
	}
	n, err = res.n, res.err
	*res = writeResult{}
	return n, true, err
}

// arm gives the next write so much time, and disarm takes it back. Moving a
// deadline costs more than the rest of a small write. Where raw tells whether
// a write would wait, only one that does is armed. In memory the deadline
// stays and is moved only once less than the promised time is left of it. It
// must not stay below TLS, which writes by itself while we read: a peer that
// asks for new keys (RFC 8446, 4.6.3) would meet a deadline long past, and that
// is the end of a tls.Conn for writing.
func (w *wire) arm(within time.Duration) {
	if within >= never {
		return
	}
	if w.deadline == 0 || w.deadline.sub(now()) < within {
		end := time.Now().Add(within).Add(within / 4)
		w.deadline = momentOf(end)
		w.nc.SetWriteDeadline(end)
	}
}

func (w *wire) disarm() {
	if !w.lazy && w.deadline != 0 {
		w.resumeWrite()
	}
}

// past is a deadline that has always passed.
var past = time.Unix(1, 0)

func (w *wire) interruptRead()  { w.nc.SetReadDeadline(past) }
func (w *wire) resumeRead()     { w.nc.SetReadDeadline(time.Time{}) }
func (w *wire) interruptWrite() { w.nc.SetWriteDeadline(past) }

// resumeWrite belongs to the writer, as the deadline that it forgets does.
func (w *wire) resumeWrite() {
	w.deadline = 0
	w.nc.SetWriteDeadline(time.Time{})
}

// resumable reports whether a write that was interrupted can go on with the
// byte after the last one that it reported. A tls.Conn cannot: "After a Write
// has timed out, the TLS state is corrupt and all future writes will return
// the same error."
func (w *wire) resumable() bool {
	_, isTLS := w.nc.(*tls.Conn)
	return !isTLS
}

// goodbyeTime is how long a close may wait for the peer to take the alert
// close_notify of TLS, for which crypto/tls would wait 5 s.
const goodbyeTime = 50 * time.Millisecond

// close closes the transport, at once or nearly so.
func (w *wire) close() {
	if tc, ok := w.nc.(*tls.Conn); ok {
		defer time.AfterFunc(goodbyeTime, func() { tc.NetConn().Close() }).Stop()
	}
	w.nc.Close()
}

// closeWrite tells the peer that no byte follows, where the transport can.
func (w *wire) closeWrite() bool {
	type closeWriter interface{ CloseWrite() error }
	nc := w.nc
	if t, ok := nc.(*tls.Conn); ok {
		// The alert alone leaves the TCP connection open to the eye of a peer
		// that waits for its end.
		if t.CloseWrite() != nil {
			return false
		}
		nc = t.NetConn()
	}
	cw, ok := nc.(closeWriter)
	return ok && cw.CloseWrite() == nil
}
