//go:build unix

package eventstream

import "syscall"

// waitReadable waits until the socket has a byte, its end or an error, without
// taking it.
func waitReadable(raw syscall.RawConn) error {
	var failed error
	err := raw.Read(func(fd uintptr) bool {
		var one [1]byte
		for {
			_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
			switch err {
			case syscall.EINTR:
				continue
			case syscall.EAGAIN:
				return false
			}
			failed = err
			return true
		}
	})
	if err != nil {
		return err
	}
	return failed
}
