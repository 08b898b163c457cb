//go:build linux

package calls

import "golang.org/x/sys/unix"

// Calls that newer architectures have only with more arguments.
var oldWaits = []uint64{unix.SYS_EPOLL_WAIT, unix.SYS_POLL, unix.SYS_SELECT}

const oldDup2 = unix.SYS_DUP2
