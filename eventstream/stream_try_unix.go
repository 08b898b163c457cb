//go:build unix

package eventstream

import "syscall"

// write is called once by RawConn.Write: it writes what the socket takes and
// never asks to wait.
func (a *attempt) write(fd uintptr) bool {
	for a.n < len(a.p) {
		n, err := syscall.Write(int(fd), a.p[a.n:])
		switch err {
		case nil:
			a.n += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return true
		default:
			a.err = err
			return true
		}
	}
	return true
}

// triesSockets says that a socket tells whether a write would wait.
const triesSockets = true
