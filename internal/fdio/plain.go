//go:build unix && (!linux || !(amd64 || arm64) || race || msan || asan)

package fdio

import "syscall"

func read(fd uintptr, p []byte) (int, syscall.Errno)  { return result(syscall.Read(int(fd), p)) }
func write(fd uintptr, p []byte) (int, syscall.Errno) { return result(syscall.Write(int(fd), p)) }

func result(n int, err error) (int, syscall.Errno) {
	if err == nil {
		return n, 0
	}
	return 0, err.(syscall.Errno)
}
