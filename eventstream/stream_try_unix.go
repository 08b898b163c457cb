//go:build unix

package eventstream

import (
	"syscall"

	"github.com/pushwire/pushwire/internal/sockio"
)

// write is called once by RawConn.Write: it writes what the socket takes and
// never asks to wait.
func (a *attempt) write(fd uintptr) bool {
	for a.n < len(a.p) {
		n, errno := sockio.Write(fd, a.p[a.n:])
		switch errno {
		case 0:
			a.n += n
		case syscall.EAGAIN:
			return true
		default:
			a.err = errno
			return true
		}
	}
	return true
}

// triesSockets says that a socket tells whether a write would wait.
const triesSockets = true
