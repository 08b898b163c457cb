//go:build !386 && !s390x && !race && !msan && !asan

package sockio

import (
	"syscall"
	"unsafe"
)

// rawMax is the most bytes that are moved without telling the scheduler, who would
// look after 20 us whether a call lasts: a write of as many to a peer on the same
// machine took 9 us, one of 64 bytes 8 (medians of 2,000, of an idle sender).
const rawMax = 32 << 10

// That a call does not wait is said anew each time: a net.Conn's descriptor does
// not block, but whoever calls Fd on what (*net.TCPConn).File returned makes it
// block, and would stop a processor for good.

func read(fd uintptr, p []byte) (int, syscall.Errno) {
	const flags = syscall.MSG_DONTWAIT
	// The pointers are made in the calls' arguments, so that p stays where it is
	// until they return: rule 4 of package unsafe.
	var n uintptr
	var errno syscall.Errno
	if len(p) <= rawMax {
		n, _, errno = syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	} else {
		n, _, errno = syscall.Syscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

func write(fd uintptr, p []byte) (int, syscall.Errno) {
	const flags = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL
	var n uintptr
	var errno syscall.Errno
	if len(p) <= rawMax {
		n, _, errno = syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	} else {
		n, _, errno = syscall.Syscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
