//go:build unix

package pushwire

import (
	"io"
	"syscall"

	"github.com/pushwire/pushwire/internal/sockio"
)

// rawIO says that a syscall.RawConn gives a descriptor to read from and write
// to without waiting.
const rawIO = true

// readOnce returns what RawConn.Read calls, by way of Conn.readable, until it gets
// true: at once, and then whenever the socket has become readable. It borrows a buffer for the
// system call alone and gives it back where there was nothing to read. It is a
// closure because a method value would put one more frame on the stack of a
// goroutine that waits.
func (it *intake) readOnce() func(fd uintptr) bool {
	return func(fd uintptr) bool {
		buf := it.res.buf
		if buf == nil {
			pool := &readBuffers
			if it.bulk {
				pool = &chunkBuffers
			}
			buf = pool.get()
		}
		switch n, errno := sockio.Read(fd, buf.b[:cap(buf.b)]); {
		case errno == syscall.EAGAIN:
			buf.free()
			if it.now {
				it.res.err = errWouldBlock
			}
			return it.now
		case errno != 0:
			buf.free()
			it.res = readResult{err: errno}
		case n == 0:
			buf.free()
			it.res = readResult{err: io.EOF}
		default:
			it.res = readResult{buf: buf, n: n}
		}
		return true
	}
}

// writable is called once by RawConn.Write: it writes what the socket takes
// and never asks to wait.
func (b *outgoing) writable(fd uintptr) bool {
	res := &b.res
	for res.n < len(res.p) {
		n, errno := sockio.Write(fd, res.p[res.n:])
		switch errno {
		case 0:
		case syscall.EAGAIN:
			return true
		default:
			res.err = errno
			return true
		}
		res.n += n
	}
	return true
}
