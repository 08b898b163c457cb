//go:build linux

package pushwire

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// polls says that sockets can be waited for without a goroutine for each.
const polls = true

// hintsMax is how many hints are taken at a time; there may be more.
const hintsMax = 128

// epoll reports each socket once for bytes that come (EPOLLET), not as long as
// some are there: so nothing has to be armed again. EPOLLPRI is urgent data,
// before which a read stops short.
const (
	pollEvents = syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLPRI | 1<<31 // EPOLLET, which syscall has as a negative number
	pollEnds   = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR | syscall.EPOLLPRI
)

// poll is an epoll instance. It is itself waited for by the runtime, so that
// no thread is.
type poll struct {
	f   *os.File
	raw syscall.RawConn
}

func newPoll() (*poll, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("pushwire: poller: %w", os.NewSyscallError("epoll_create1", err))
	}
	syscall.SetNonblock(fd, true) // it has no meaning for epoll, and tells os that it can be waited for
	q := &poll{f: os.NewFile(uintptr(fd), "epoll")}
	// A file that the runtime can't wait for has no deadlines.
	if err := q.f.SetReadDeadline(time.Time{}); err != nil {
		q.f.Close()
		return nil, fmt.Errorf("pushwire: poller: an epoll instance can't be waited for here: %w", err)
	}
	if q.raw, err = q.f.SyscallConn(); err != nil {
		q.f.Close()
		return nil, fmt.Errorf("pushwire: poller: %w", err)
	}
	return q, nil
}

// add has the socket fd reported from now on, and at once if something is
// there. The caller keeps fd open meanwhile.
func (q *poll) add(fd int) error {
	ev := syscall.EpollEvent{Events: pollEvents, Fd: int32(fd)}
	var err error
	if e := q.raw.Control(func(own uintptr) {
		err = os.NewSyscallError("epoll_ctl", syscall.EpollCtl(int(own), syscall.EPOLL_CTL_ADD, fd, &ev))
	}); e != nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("pushwire: poller: %w", err)
	}
	return nil
}

// remove ends that. A socket that is closed needs none of it.
func (q *poll) remove(fd int) {
	q.raw.Control(func(own uintptr) {
		syscall.EpollCtl(int(own), syscall.EPOLL_CTL_DEL, fd, nil)
	})
}

// run gives hints to ready until q is closed.
func (q *poll) run(ready func([]hint)) {
	var events [hintsMax]syscall.EpollEvent
	var hints [hintsMax]hint
	// What follows never returns true: one call of Read is the whole life of
	// this loop. A new one would forget what the runtime was told between the
	// last look and its wait.
	q.raw.Read(func(fd uintptr) bool {
		for {
			n, err := syscall.EpollWait(int(fd), events[:], 0)
			if err == syscall.EINTR {
				continue
			}
			if err != nil || n == 0 {
				return false
			}
			for i, ev := range events[:n] {
				hints[i] = hint{fd: ev.Fd, all: ev.Events&pollEnds != 0}
			}
			ready(hints[:n])
			if n < len(events) {
				return false // all were taken, and who comes now wakes the runtime
			}
		}
	})
}

func (q *poll) close() { q.f.Close() }
