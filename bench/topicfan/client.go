//go:build linux

package topicfan

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// atOnce is how many connections are opened before their answers are read:
// fewer than the queue of a listening socket holds.
const atOnce = 256

// client holds the far ends of all readers of a server.
type client struct {
	c     Candidate
	epoll int
	conns []conn
	buf   [16 << 10]byte
}

type conn struct {
	fd   int
	at   int    // bytes of the item that have come
	poll []byte // of the answer to a poll
	done bool   // the item has come
}

// receive is the client process.
func receive(c Candidate, addr string, l link) error {
	k := client{c: c}
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
		var a answer
		switch o.Do {
		case "open":
			err = k.open(to, o.Readers)
		case "again":
			for i := range k.conns {
				if _, err = unix.Write(k.conns[i].fd, []byte(c.request)); err != nil {
					break
				}
			}
		case "await":
			for i := range k.conns {
				k.conns[i].at, k.conns[i].done, k.conns[i].poll = 0, false, k.conns[i].poll[:0]
			}
			if err := l.answer(answer{}); err != nil { // from now on it reads
				return err
			}
			err = k.await(o.Want)
			a.At = now()
		}
		if err != nil {
			return fmt.Errorf("%s, %s: %w", c.Name, o.Do, err)
		}
		a.Readers = len(k.conns)
		if err := l.answer(a); err != nil {
			return err
		}
	}
	return nil
}

// open opens n readers more.
func (k *client) open(to netip.AddrPort, n int) error {
	for n > 0 {
		begin, some := len(k.conns), min(n, atOnce)
		n -= some
		for i := begin; i < begin+some; i++ {
			fd, err := k.connect(to)
			if err != nil {
				return fmt.Errorf("reader %d: %w", i+1, err)
			}
			k.conns = append(k.conns, conn{fd: fd})
		}
		for i := begin; i < len(k.conns); i++ {
			if err := k.head(i); err != nil {
				return fmt.Errorf("reader %d: %w", i+1, err)
			}
		}
	}
	return nil
}

func (k *client) connect(to netip.AddrPort) (fd int, err error) {
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
	_, err = unix.Write(fd, []byte(k.c.request))
	return fd, err
}

// head reads the head of the answer and what comes before the first item. To a
// poll nothing comes before it.
func (k *client) head(i int) error {
	fd := k.conns[i].fd
	if !k.c.polls {
		var got []byte
		for {
			head, rest, whole := bytes.Cut(got, []byte("\r\n\r\n"))
			if whole && (k.c.opened == "" || len(rest) > 0 && bytes.HasSuffix(rest, []byte(k.c.opened))) {
				if !strings.HasPrefix(string(head), "HTTP/1.1 200 ") && !strings.HasPrefix(string(head), "HTTP/1.1 101 ") {
					return fmt.Errorf("the server refused: %q", head)
				}
				break
			}
			n, err := unix.Read(fd, k.buf[:])
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return err
			}
			if n == 0 {
				return fmt.Errorf("the server closed within the head: %q", got)
			}
			got = append(got, k.buf[:n]...)
		}
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	return unix.EpollCtl(k.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
}

// await returns when each reader has got exactly the bytes of want.
func (k *client) await(want []byte) error {
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
			return fmt.Errorf("%d of %d readers have not got it within %v", missing, len(k.conns), patience)
		}
		for _, ev := range events[:n] {
			c := &k.conns[ev.Fd]
			n, err := unix.Read(c.fd, k.buf[:])
			if err == unix.EAGAIN || err == unix.EINTR {
				continue
			}
			switch {
			case err != nil:
			case n == 0:
				err = errors.New("the server closed it")
			case c.done:
				err = fmt.Errorf("%q came behind the item", k.buf[:n])
			case k.c.polls:
				err = c.takePoll(k.buf[:n], want)
			default:
				err = c.take(k.buf[:n], want)
			}
			if err != nil {
				return fmt.Errorf("reader %d: %w", ev.Fd+1, err)
			}
			if c.done {
				missing--
			}
		}
	}
	return nil
}

// take compares what has come with what is due.
func (c *conn) take(p, want []byte) error {
	if len(p) > len(want)-c.at || !bytes.Equal(p, want[c.at:c.at+len(p)]) {
		return fmt.Errorf("%q came, and %q is due", p, want[c.at:])
	}
	c.at += len(p)
	c.done = c.at == len(want)
	return nil
}

// takePoll compares the body of an answer.
func (c *conn) takePoll(p, want []byte) error {
	c.poll = append(c.poll, p...)
	head, body, ok := strings.Cut(string(c.poll), "\r\n\r\n")
	if !ok {
		return nil
	}
	_, length, ok := strings.Cut(head, "\r\nContent-Length: ")
	length, _, _ = strings.Cut(length, "\r\n")
	n, err := strconv.Atoi(length)
	if !ok || err != nil || n != len(want) || !strings.HasPrefix(head, "HTTP/1.1 200 ") {
		return fmt.Errorf("%q came, and %q is due", c.poll, want)
	}
	if len(body) < n {
		return nil
	}
	if body != string(want) {
		return fmt.Errorf("%q came, and %q is due", body, want)
	}
	c.done = true
	return nil
}
