//go:build linux

package fanout

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// request names the stream for those that have several.
const request = "GET /?stream=" + r3labsStream + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"

// atOnce is how many connections are opened before their answers are read:
// fewer than the queue of a listening socket holds.
const atOnce = 256

// client holds the far ends of all streams of a server.
type client struct {
	epoll   int
	conns   []conn
	silence []byte
	buf     [16 << 10]byte
}

type conn struct {
	fd     int
	at     int  // bytes of the event that have come, or of the heartbeat
	silent bool // it is a heartbeat
	done   bool // the event has come
}

// receive is the client process.
func receive(c Candidate, addr string, streams int, l link) error {
	k := client{silence: c.silence()}
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return err
	}
	if k.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if err := l.answer(answer{}); err != nil {
		return err
	}
	for o := range l.orders() {
		if o.Do == "open" {
			if err := k.open(to, min(atOnce, streams-len(k.conns))); err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
		} else if err := k.await(c.wire(eventData(o.Number, o.Size))); err != nil {
			return fmt.Errorf("%s, event %d: %w", c.Name, o.Number, err)
		}
		if err := l.answer(answer{Streams: len(k.conns)}); err != nil {
			return err
		}
	}
	return nil
}

// open opens n streams more.
func (k *client) open(to netip.AddrPort, n int) error {
	begin := len(k.conns)
	for i := begin; i < begin+n; i++ {
		fd, err := connect(to)
		if err != nil {
			return fmt.Errorf("stream %d: %w", i+1, err)
		}
		k.conns = append(k.conns, conn{fd: fd})
	}
	for i := begin; i < len(k.conns); i++ {
		if err := k.head(i); err != nil {
			return fmt.Errorf("stream %d: %w", i+1, err)
		}
	}
	return nil
}

func connect(to netip.AddrPort) (fd int, err error) {
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, err
	}
	limit := unix.NsecToTimeval(patience.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
		return -1, err
	}
	_, err = unix.Write(fd, []byte(request))
	return fd, err
}

// head reads the answer's head: no server sends an event before it is told to.
func (k *client) head(i int) error {
	fd := k.conns[i].fd
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		n, err := unix.Read(fd, k.buf[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return errors.New("the server closed within the head")
		}
		head = append(head, k.buf[:n]...)
	}
	if !strings.HasPrefix(string(head), "HTTP/1.1 200 ") {
		return fmt.Errorf("the server refused: %q", head)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	return unix.EpollCtl(k.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
}

// await returns when each stream has got exactly the bytes of want.
func (k *client) await(want []byte) error {
	for i := range k.conns {
		k.conns[i].done = false
	}
	events := make([]unix.EpollEvent, 256)
	for missing := len(k.conns); missing > 0; {
		n, err := unix.EpollWait(k.epoll, events, int(patience.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("%d of %d streams have not got it within %v", missing, len(k.conns), patience)
		}
		for _, ev := range events[:n] {
			c := &k.conns[ev.Fd]
			n, err := unix.Read(c.fd, k.buf[:])
			if err == unix.EAGAIN || err == unix.EINTR {
				continue
			}
			if err == nil && n == 0 {
				err = errors.New("the server closed it")
			}
			was := c.done
			if err == nil {
				err = c.take(k.buf[:n], want, k.silence)
			}
			if err != nil {
				return fmt.Errorf("stream %d: %w", ev.Fd+1, err)
			}
			if c.done && !was {
				missing--
			}
		}
	}
	return nil
}

// take compares what has come with what is due: the event once, and
// heartbeats before and after it.
func (c *conn) take(p, want, silence []byte) error {
	for len(p) > 0 {
		due := want
		if c.silent || c.done {
			due = silence
		}
		n := min(len(p), len(due)-c.at)
		switch {
		case bytes.Equal(p[:n], due[c.at:c.at+n]):
			c.at += n
			p = p[n:]
			if c.at == len(due) {
				c.done = c.done || !c.silent
				c.at, c.silent = 0, false
			}
		case !c.silent && !c.done && c.at < len(silence) && bytes.Equal(silence[:c.at], want[:c.at]):
			// It may be a heartbeat, which begins like this event.
			c.silent = true
		default:
			return fmt.Errorf("%q came, and %q is due", p, due[c.at:])
		}
	}
	return nil
}
