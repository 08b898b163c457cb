//go:build unix

package pushwire

import (
	"io"
	"syscall"
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
		for {
			n, err := syscall.Read(int(fd), buf.b[:cap(buf.b)])
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				buf.free()
				if it.now {
					it.res.err = errWouldBlock
				}
				return it.now
			case err != nil:
				buf.free()
				it.res = readResult{err: err}
			case n == 0:
				buf.free()
				it.res = readResult{err: io.EOF}
			default:
				it.res = readResult{buf: buf, n: n}
			}
			return true
		}
	}
}

// writable is called once by RawConn.Write: it writes what the socket takes
// and never asks to wait.
func (b *outgoing) writable(fd uintptr) bool {
	res := &b.res
	for res.n < len(res.p) {
		n, err := syscall.Write(int(fd), res.p[res.n:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return true
		case err != nil:
			res.err = err
			return true
		}
		res.n += n
	}
	return true
}
