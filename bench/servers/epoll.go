//go:build linux

package servers

import (
	"errors"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func init() { All = append(All, epollEcho) }

// epollEcho is the limit for one thread with the kernel alone: bare
// descriptors, one epoll instance and one buffer, no goroutine and no net.Conn
// for a connection.
var epollEcho = Candidate{
	Name: "bare epoll echo",
	Note: "no frames: one loop over epoll_wait, read and write",
	Raw:  true,
	Serve: func(l net.Listener) error {
		t, ok := l.(*net.TCPListener)
		if !ok {
			return errors.ErrUnsupported
		}
		f, err := t.File() // a descriptor of its own
		if err != nil {
			return err
		}
		defer f.Close()
		e := epollLoop{listener: int(f.Fd()), unsent: make(map[int][]byte)}
		return e.run()
	},
}

const (
	epollBuffer = 64 << 10
	epollEvents = 256 // taken from the kernel at a time
)

// epollLoop is used by one goroutine.
type epollLoop struct {
	listener, epoll int

	buf    [epollBuffer]byte
	unsent map[int][]byte // by descriptor; it is not read until they are written
}

func (e *epollLoop) run() (err error) {
	if err := unix.SetNonblock(e.listener, true); err != nil {
		return err
	}
	if e.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	defer unix.Close(e.epoll)
	if err := e.await(unix.EPOLL_CTL_ADD, e.listener, unix.EPOLLIN); err != nil {
		return err
	}
	events := make([]unix.EpollEvent, epollEvents)
	for {
		n, err := unix.EpollWait(e.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			return err
		}
		for _, ev := range events[:max(n, 0)] {
			switch fd := int(ev.Fd); {
			case fd == e.listener:
				err = e.accept()
			case ev.Events&unix.EPOLLOUT != 0:
				err = e.flush(fd)
			default:
				err = e.echo(fd)
			}
			if err != nil && err != unix.EAGAIN {
				return err
			}
		}
	}
}

func (e *epollLoop) await(op, fd int, events uint32) error {
	return unix.EpollCtl(e.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

func (e *epollLoop) accept() error {
	for {
		fd, _, err := unix.Accept4(e.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return err
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return err
		}
		if err := e.await(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN); err != nil {
			return err
		}
	}
}

func (e *epollLoop) echo(fd int) error {
	n, err := transfer(unix.SYS_READ, fd, e.buf[:])
	if err == unix.EAGAIN {
		return nil
	}
	if err != 0 || n == 0 {
		return unix.Close(fd)
	}
	return e.write(fd, e.buf[:n], false)
}

// flush writes what a socket had no room for, and lets it be read again.
func (e *epollLoop) flush(fd int) error {
	p := e.unsent[fd]
	delete(e.unsent, fd)
	return e.write(fd, p, true)
}

// write writes p; what the socket does not take is kept, as a copy unless p is
// one already.
func (e *epollLoop) write(fd int, p []byte, again bool) error {
	n, err := transfer(unix.SYS_WRITE, fd, p)
	if err != 0 && err != unix.EAGAIN {
		return unix.Close(fd)
	}
	if err == unix.EAGAIN {
		n = 0
	}
	switch rest := p[n:]; {
	case len(rest) == 0 && again:
		return e.await(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN)
	case len(rest) == 0:
		return nil
	case again:
		e.unsent[fd] = rest
		return nil
	default:
		e.unsent[fd] = append([]byte(nil), rest...)
		return e.await(unix.EPOLL_CTL_MOD, fd, unix.EPOLLOUT)
	}
}

// transfer reads or writes without a word to Go's scheduler: it can't block.
// p is not empty.
func transfer(trap uintptr, fd int, p []byte) (int, syscall.Errno) {
	n, _, err := unix.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return int(n), err
}
