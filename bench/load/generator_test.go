//go:build linux

package load

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// echoWith serves connections after handshakes that nobody checks: it answers
// each request frame with reply.
func echoWith(t *testing.T, request, reply []byte) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	serve := func(nc net.Conn) {
		defer nc.Close()
		br := bufio.NewReader(nc)
		for {
			line, err := br.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
		}
		io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		frame := make([]byte, len(request))
		for {
			if _, err := io.ReadFull(br, frame[:2]); err != nil {
				return
			}
			if bytes.Equal(frame[:2], emptyPong[:2]) {
				if _, err := br.Discard(len(emptyPong) - 2); err != nil {
					return
				}
				continue
			}
			if _, err := io.ReadFull(br, frame[2:]); err != nil {
				return
			}
			for i := range reply { // as many pieces as there can be
				if _, err := nc.Write(reply[i : i+1]); err != nil {
					return
				}
			}
		}
	}
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go serve(nc)
		}
	}()
	return l.Addr().String()
}

func TestGenerator(t *testing.T) {
	const size = 20
	payload := Payload(size)
	good := Reply(payload)
	ping := []byte{pingByte, 3, 'a', 'b', 'c'}
	wrong := bytes.Clone(good)
	wrong[len(wrong)-1]++
	for _, test := range []struct {
		name  string
		reply []byte
		err   string
	}{
		{name: "in pieces", reply: good},
		{name: "ping before", reply: append(bytes.Clone(ping), good...)},
		{name: "ping after", reply: append(bytes.Clone(good), ping...)},
		{name: "empty ping", reply: append(bytes.Clone(good), pingByte, 0)},
		{name: "wrong byte", reply: wrong, err: "differs"},
		{name: "close frame", reply: []byte{0x88, 0}, err: "begins with 0x88"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, err := Open(Options{Addr: echoWith(t, Request(payload), test.reply), Conns: 1, Size: size, Window: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			r, err := g.Run(time.Minute, 3)
			switch {
			case test.err == "" && err != nil, test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Errorf("error %v, want %q", err, test.err)
			case err == nil && r.Messages != 3:
				t.Errorf("%d messages were counted, 3 sent", r.Messages)
			}
		})
	}
}

// TestRunInTurn: the bursts are spread over all connections, and no more than
// asked for are under way.
func TestRunInTurn(t *testing.T) {
	const size, conns = 20, 7
	payload := Payload(size)
	for _, atATime := range []int{1, 3, conns, 100} {
		g, err := Open(Options{Addr: echoWith(t, Request(payload), Reply(payload)), Conns: conns, Size: size, Window: 1})
		if err != nil {
			t.Fatal(err)
		}
		r, err := g.RunInTurn(atATime, 4)
		if err != nil {
			t.Fatal(err)
		}
		if r.Messages != 4*conns {
			t.Errorf("%d at a time: %d messages, want %d", atATime, r.Messages, 4*conns)
		}
		for i := range g.conns {
			if !g.conns[i].checked {
				t.Errorf("%d at a time: connection %d sent nothing", atATime, i+1)
			}
		}
		if r, err := g.Run(0, 2); err != nil || r.Messages != 2*conns {
			t.Errorf("Run after it: %d messages, error %v", r.Messages, err)
		}
		g.Close()
	}
}
