//go:build linux

package servers

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/mask"
)

// The loops over epoll are the limit for what waits for many sockets in one
// goroutine: it waits in the system call, reads what is there and writes the
// same bytes, and knows nothing else. One of them keeps a net.Conn for each
// connection, as a Poller does, and one has nothing but the descriptor. The
// third is that of net.Conns with as little of WebSocket as an echo can do with:
// whole frames, unmasked, and the answers of one read in one write. It knows no
// fragments, no control frames, no limits, no UTF-8 and no peer that is slow.
var (
	epollConns = Candidate{
		Name:  "epoll loop, net.Conns",
		Note:  "no frames: one goroutine, the bytes that came go back",
		Raw:   true,
		Serve: serveEpoll(acceptConns, echoBytes, 64<<10),
	}
	epollFrames = Candidate{
		Name:  "epoll loop, frames",
		Note:  "one goroutine, the least of WebSocket that an echo needs",
		Serve: serveEpoll(acceptFrames, echoFrames, 2<<20),
	}
	epollDescriptors = Candidate{
		Name:  "epoll loop, descriptors",
		Note:  "the same without net.Conns",
		Raw:   true,
		Serve: serveEpoll(acceptDescriptors, echoBytes, 64<<10),
	}
)

const epollET = 1 << 31 // syscall has it as a negative number

// serveEpoll echoes on all connections that accept gets of a listener. accept
// calls add with each descriptor, and with its net.Conn, if there is one. echo
// makes the answer to the bytes that one read gave, behind dst. room is that of
// the buffer; a frame has to fit into it.
func serveEpoll(accept func(l net.Listener, add func(fd int, nc net.Conn) error) error, echo func(fd int, dst, p []byte) []byte, room int) func(net.Listener) error {
	return func(l net.Listener) error {
		ep, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
		if err != nil {
			return err
		}
		var mu sync.Mutex
		var conns []net.Conn // by descriptor
		failed := make(chan error, 2)
		go func() {
			failed <- accept(l, func(fd int, nc net.Conn) error {
				mu.Lock()
				if n := fd + 1; n > len(conns) {
					conns = append(conns, make([]net.Conn, n-len(conns))...)
				}
				conns[fd] = nc
				mu.Unlock()
				return syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{
					Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | epollET, Fd: int32(fd)})
			})
		}()
		go func() {
			failed <- epollLoop(ep, echo, room, func(fd int) {
				mu.Lock()
				nc := conns[fd]
				conns[fd] = nil
				mu.Unlock()
				if nc != nil {
					nc.Close()
				} else {
					syscall.Close(fd)
				}
			})
		}()
		return <-failed
	}
}

// epollLoop watches edge-triggered: nothing has to be armed again, and a read
// that does not fill the buffer has emptied its socket.
func epollLoop(ep int, echo func(fd int, dst, p []byte) []byte, room int, end func(fd int)) error {
	events := make([]syscall.EpollEvent, 128)
	buf, out := make([]byte, room), make([]byte, 0, 2*room)
	for {
		n, err := syscall.EpollWait(ep, events, -1)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		for _, ev := range events[:n] {
			fd := int(ev.Fd)
			for {
				part := 0
				if len(parts[fd]) > 0 {
					part = copy(buf, parts[fd])
				}
				n, err := syscall.Read(fd, buf[part:])
				if err == syscall.EAGAIN {
					break
				}
				if n <= 0 || writeAll(fd, echo(fd, out, buf[:part+n])) != nil {
					end(fd)
					break
				}
				if n < len(buf)-part && ev.Events&(syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) == 0 {
					break
				}
			}
		}
	}
}

// writeAll tries again until the peer has taken all: the one that measures
// always reads.
func writeAll(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := syscall.Write(fd, p)
		if err != nil && err != syscall.EAGAIN && err != syscall.EINTR {
			return err
		}
		p = p[max(n, 0):]
	}
	return nil
}

func acceptConns(l net.Listener, add func(int, net.Conn) error) error {
	return acceptEach(l, func(nc net.Conn) (net.Conn, error) { return nc, nil }, add)
}

func acceptEach(l net.Listener, open func(net.Conn) (net.Conn, error), add func(int, net.Conn) error) error {
	for {
		nc, err := l.Accept()
		if err != nil {
			return err
		}
		if nc, err = open(nc); err != nil {
			return err
		}
		raw, err := nc.(syscall.Conn).SyscallConn()
		if err != nil {
			return err
		}
		var added error
		if err := raw.Control(func(fd uintptr) { added = add(int(fd), nc) }); err != nil {
			return err
		}
		if added != nil {
			return added
		}
	}
}

func acceptDescriptors(l net.Listener, add func(int, net.Conn) error) error {
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	defer f.Close()
	listener := int(f.Fd()) // it blocks from now on, which is what a thread of its own wants
	for {
		fd, _, err := syscall.Accept4(listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		if err := add(fd, nil); err != nil {
			return err
		}
	}
}

// echoBytes is the echo of what knows no frames.
func echoBytes(_ int, _, p []byte) []byte { return p }

// parts are what came of frames that are not whole, by descriptor. Only the
// goroutine of the loop uses it.
var parts = map[int][]byte{}

func echoFrames(fd int, dst, p []byte) []byte {
	for {
		h, n, err := frame.Parse(p)
		if err != nil || n == 0 || int(h.Length) > len(p)-n {
			if len(p) > 0 || len(parts[fd]) > 0 {
				parts[fd] = append(parts[fd][:0], p...)
			}
			return dst
		}
		end := n + int(h.Length)
		dst = frame.Header{Fin: true, Opcode: h.Opcode, Length: h.Length}.Append(dst)
		from := len(dst)
		dst = dst[:from+int(h.Length)]
		mask.Copy(dst[from:], p[n:end], h.Key, 0)
		p = p[end:]
	}
}

// acceptFrames leaves the opening handshake to pushwire. The one that measures
// sends nothing before it has the answer.
func acceptFrames(l net.Listener, add func(int, net.Conn) error) error {
	return acceptEach(l, func(nc net.Conn) (net.Conn, error) {
		c, _, err := pushwire.AcceptConn(context.Background(), nc, nil)
		if err != nil {
			return nil, err
		}
		nc, unread, err := c.Detach()
		if err == nil && len(unread) > 0 {
			err = errors.New("bytes came before the answer")
		}
		return nc, err
	}, add)
}
