//go:build unix && (!linux || 386 || s390x || race || msan || asan)

package sockio

import "syscall"

// Package syscall tells the race detector, and the others that watch memory, what
// happens. Not all processors have calls of their own for sockets, and not all
// systems want to be called past their library.

func read(fd uintptr, p []byte) (int, syscall.Errno)  { return outcome(syscall.Read(int(fd), p)) }
func write(fd uintptr, p []byte) (int, syscall.Errno) { return outcome(syscall.Write(int(fd), p)) }

func outcome(n int, err error) (int, syscall.Errno) {
	if err != nil {
		return 0, err.(syscall.Errno) // as all errors of these calls are
	}
	return n, 0
}
