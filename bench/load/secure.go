//go:build linux

package load

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Secure holds connections over TLS that had their messages and are idle. Each
// has a goroutine here, which answers pings.
type Secure struct {
	conns []*tls.Conn
}

// OpenSecure opens the connections one after the other, and sends so many
// messages over each, one in flight. Every reply is compared to the byte. The
// server's certificate is not checked.
func OpenSecure(o Options, messages int) (*Secure, error) {
	if o.Window != 1 {
		return nil, errors.New("one message is in flight over TLS")
	}
	payload := Payload(o.Size)
	request := Request(payload)
	reply := request
	if !o.Raw {
		reply = Reply(payload)
	}
	s := &Secure{}
	buf := make([]byte, max(len(reply), 4<<10))
	for i := range o.Conns {
		c, err := s.open(o, i, buf)
		if err == nil {
			s.conns = append(s.conns, c)
			err = exchange(c, request, reply, buf, messages)
		}
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("connection %d: %w", i+1, err)
		}
		go hold(c)
	}
	return s, nil
}

func (s *Secure) open(o Options, i int, buf []byte) (*tls.Conn, error) {
	from := Source(i)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from[:]}, Timeout: stall, Control: func(_, _ string, rc syscall.RawConn) (err error) {
		if e := rc.Control(func(fd uintptr) { err = latePort(int(fd)) }); e != nil {
			return e
		}
		return err
	}}
	nc, err := d.Dial("tcp4", o.Addr)
	if err != nil {
		return nil, err
	}
	c := tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	c.SetDeadline(time.Now().Add(stall))
	if !o.Raw {
		err = upgrade(c, buf)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// upgrade does the opening handshake. The answer's fields are unchecked, as in
// handshake.
func upgrade(c net.Conn, buf []byte) error {
	if _, err := io.WriteString(c, openingRequest+"\r\n"); err != nil {
		return err
	}
	n := 0
	for !bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) { // no server speaks first here
		got, err := c.Read(buf[n:])
		if err != nil {
			return err
		}
		n += got
	}
	if !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 101 ") {
		return fmt.Errorf("the server refused: %q", buf[:n])
	}
	return nil
}

func exchange(c net.Conn, request, reply, buf []byte, messages int) error {
	for range messages {
		if _, err := c.Write(request); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, buf[:len(reply)]); err != nil {
			return err
		}
		if !bytes.Equal(buf[:len(reply)], reply) {
			return errors.New("the reply differs from what was sent")
		}
	}
	return c.SetDeadline(time.Time{})
}

// hold answers what comes, which are pings, until c ends.
func hold(c net.Conn) {
	var buf [16]byte
	for {
		if _, err := c.Read(buf[:]); err != nil {
			return
		}
		if _, err := c.Write(emptyPong); err != nil {
			return
		}
	}
}

// Close closes the connections, without a closing handshake of WebSocket.
func (s *Secure) Close() {
	for _, c := range s.conns {
		c.NetConn().Close()
	}
}
