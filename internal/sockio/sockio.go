//go:build unix

package sockio

import "syscall"

// Read reads into p what is there. It returns 0 and no error at the end of the
// stream, and EAGAIN where nothing is there yet.
func Read(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	for {
		if n, errno = read(fd, p); errno != syscall.EINTR {
			return n, errno
		}
	}
}

// Write writes what of p has room, and returns EAGAIN where nothing has.
func Write(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	for {
		if n, errno = write(fd, p); errno != syscall.EINTR {
			return n, errno
		}
	}
}
