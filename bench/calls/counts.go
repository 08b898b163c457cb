//go:build linux

package calls

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Counts are the system calls of a process.
type Counts struct {
	Reads    int64            // read, readv, recvfrom, recvmsg, recvmmsg of sockets
	Writes   int64            // write, writev, sendto, sendmsg, sendmmsg of sockets
	Waits    int64            // for descriptors: epoll_wait, poll, select and their kin
	ByNumber map[uint64]int64 // all calls, whatever they are of; package unix names the numbers
}

// kind is what a call counts as.
type kind int

const (
	other kind = iota
	read
	write
	wait
)

// kinds are those of the numbers that all architectures have; Linux has more
// names for waiting on the old ones.
var kinds = func() map[uint64]kind {
	m := map[uint64]kind{
		unix.SYS_READ: read, unix.SYS_READV: read, unix.SYS_RECVFROM: read, unix.SYS_RECVMSG: read, unix.SYS_RECVMMSG: read,
		unix.SYS_WRITE: write, unix.SYS_WRITEV: write, unix.SYS_SENDTO: write, unix.SYS_SENDMSG: write, unix.SYS_SENDMMSG: write,
		unix.SYS_EPOLL_PWAIT: wait, unix.SYS_EPOLL_PWAIT2: wait, unix.SYS_PPOLL: wait, unix.SYS_PSELECT6: wait,
	}
	for _, n := range oldWaits {
		m[n] = wait
	}
	return m
}()

// counter counts the calls of one process.
type counter struct {
	Counts
	pid     int
	sockets map[uint64]bool // descriptors that were asked for; whether it is a socket
}

func newCounter(pid int) counter {
	return counter{Counts: Counts{ByNumber: map[uint64]int64{}}, pid: pid, sockets: map[uint64]bool{}}
}

// call counts a call that begins. Its thread is stopped.
func (c *counter) call(n uint64, args [6]uint64) {
	c.ByNumber[n]++
	switch kinds[n] {
	case wait:
		c.Waits++
	case read:
		if c.socket(args[0]) {
			c.Reads++
		}
	case write:
		if c.socket(args[0]) {
			c.Writes++
		}
	}
	switch n {
	case unix.SYS_CLOSE:
		delete(c.sockets, args[0])
	case unix.SYS_DUP3, oldDup2:
		delete(c.sockets, args[1])
	case unix.SYS_CLOSE_RANGE:
		clear(c.sockets)
	}
}

// socket reports whether a descriptor of the process is a socket. What it has
// learned holds until the descriptor is closed.
func (c *counter) socket(fd uint64) bool {
	is, known := c.sockets[fd]
	if !known {
		link, err := os.Readlink("/proc/" + strconv.Itoa(c.pid) + "/fd/" + strconv.Itoa(int(int32(fd))))
		if err != nil {
			return false // it is closed
		}
		is = strings.HasPrefix(link, "socket:")
		c.sockets[fd] = is
	}
	return is
}
