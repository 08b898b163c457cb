//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package pushservice

import (
	"os"
	"syscall"
)

const isWindows = false

// lockFile keeps other processes away from f until it is closed.
func lockFile(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
