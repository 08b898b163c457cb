//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package pushwire

import (
	"fmt"
	"os"
	"syscall"
)

// polls says that sockets can be waited for without a goroutine for each.
const polls = true

// hintsMax is how many hints are taken at a time; there may be more.
const hintsMax = 128

// poll is a kqueue, which a goroutine waits for in the system call: a kqueue
// can't be waited for by the runtime, which asks about writing as well. So a
// Poller takes one thread.
type poll struct {
	kq     int
	stop   [2]int // a pipe: its end at the other side ends the wait
	closed chan struct{}
}

func newPoll() (*poll, error) {
	kq, err := syscall.Kqueue()
	if err != nil {
		return nil, fmt.Errorf("pushwire: poller: %w", os.NewSyscallError("kqueue", err))
	}
	syscall.CloseOnExec(kq)
	q := &poll{kq: kq, closed: make(chan struct{})}
	syscall.ForkLock.RLock()
	err = syscall.Pipe(q.stop[:])
	if err == nil {
		syscall.CloseOnExec(q.stop[0])
		syscall.CloseOnExec(q.stop[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		syscall.Close(kq)
		return nil, fmt.Errorf("pushwire: poller: %w", os.NewSyscallError("pipe", err))
	}
	if err := q.change(q.stop[0], syscall.EV_ADD); err != nil {
		syscall.Close(kq)
		syscall.Close(q.stop[0])
		syscall.Close(q.stop[1])
		return nil, err
	}
	return q, nil
}

func (q *poll) change(fd, flags int) error {
	var ev [1]syscall.Kevent_t
	syscall.SetKevent(&ev[0], fd, syscall.EVFILT_READ, flags)
	for {
		_, err := syscall.Kevent(q.kq, ev[:], nil, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("pushwire: poller: %w", os.NewSyscallError("kevent", err))
		}
		return nil
	}
}

// add has the socket fd reported from now on, once for bytes that come
// (EV_CLEAR), and at once if something is there. The caller keeps fd open
// meanwhile, and Poller.mu keeps q open.
func (q *poll) add(fd int) error { return q.change(fd, syscall.EV_ADD|syscall.EV_CLEAR) }

// remove ends that. A socket that is closed needs none of it.
func (q *poll) remove(fd int) { q.change(fd, syscall.EV_DELETE) }

// run gives hints to ready until q is closed.
func (q *poll) run(ready func([]hint)) {
	defer close(q.closed)
	var events [hintsMax]syscall.Kevent_t
	var hints [hintsMax]hint
	for {
		n, err := syscall.Kevent(q.kq, nil, events[:], nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return
		}
		for i := range events[:n] {
			ev := &events[i]
			if int(ev.Ident) == q.stop[0] {
				return
			}
			hints[i] = hint{fd: int32(ev.Ident), all: ev.Flags&(syscall.EV_EOF|syscall.EV_ERROR) != 0}
		}
		ready(hints[:n])
	}
}

func (q *poll) close() {
	syscall.Close(q.stop[1])
	<-q.closed
	syscall.Close(q.stop[0])
	syscall.Close(q.kq)
}
