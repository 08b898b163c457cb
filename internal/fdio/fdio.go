//go:build unix

package fdio

import "syscall"

// Read reads into p what is there.
func Read(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	for {
		if n, errno = read(fd, p); errno != syscall.EINTR {
			return n, errno
		}
	}
}

// Write writes what of p fits.
func Write(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	for {
		if n, errno = write(fd, p); errno != syscall.EINTR {
			return n, errno
		}
	}
}
