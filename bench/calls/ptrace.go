//go:build linux

package calls

import (
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// options: stops at system calls differ from signals, and new threads are
// traced from their beginning. The process lives on when its tracer ends.
const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE

// syscallStop is the signal that a thread seems to stop with at a system call.
const syscallStop = unix.SIGTRAP | 0x80

// ptrace makes a request that needs no memory of the caller.
func ptrace(request, tid int, data uintptr) error {
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(tid), 0, data, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// syscallInfo is the struct ptrace_syscall_info of Linux as it is at the
// beginning of a call, the same on all architectures.
type syscallInfo struct {
	op   uint8 // unix.PTRACE_SYSCALL_INFO_ENTRY and the others
	_    [3]byte
	_    uint32 // architecture
	_, _ uint64 // instruction and stack pointer
	n    uint64
	args [6]uint64
	_    uint64
}

// syscallAt tells which call a thread has stopped at.
func syscallAt(tid int) (info syscallInfo, err error) {
	// unsafe.Pointer's rule 4: it is converted in the argument list.
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(tid),
		unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return info, errno
	}
	return info, nil
}

// childInfo is a siginfo_t as waitid fills it.
type childInfo struct {
	_, _, code int32
	_          [0]uintptr // what follows is aligned as pointers are
	pid        int32
	_          uint32 // user
	_          int32  // status
	_          [100]byte
}

// waitMine are the options for waiting for what this thread has, its children
// and what it traces, and what no other thread has. Nothing waits for long.
const waitMine = unix.WALL | unix.WNOTHREAD | unix.WNOHANG

// peek looks for a thread that has stopped or ended, and leaves it to be waited
// for. tid is 0 if there is none; the error is unix.ECHILD where nothing is left
// that could.
func peek() (tid int, ended bool, err error) {
	var info childInfo
	// Rule 1: childInfo is not larger than siginfo_t's 128 bytes.
	err = unix.Waitid(unix.P_ALL, 0, (*unix.Siginfo)(unsafe.Pointer(&info)), unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT|waitMine, nil)
	switch info.code {
	case cldExited, cldKilled, cldDumped:
		ended = true
	}
	return int(info.pid), ended, err
}

// Codes of a childInfo that package unix lacks.
const (
	cldExited = 1
	cldKilled = 2
	cldDumped = 3
)

// threads returns those of a process.
func threads(pid int) (tids []int, err error) {
	all, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	for _, t := range all {
		if tid, err := strconv.Atoi(t.Name()); err == nil {
			tids = append(tids, tid)
		}
	}
	return tids, err
}
