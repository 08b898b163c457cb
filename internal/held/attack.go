package held

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

// Narrow returns a listener of TCP for a server under attack: the kernel takes
// little of what is sent to its clients, so that the rest is the server's to
// hold.
func Narrow(l net.Listener) net.Listener { return narrow{l} }

type narrow struct{ net.Listener }

func (l narrow) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil {
		nc.(*net.TCPConn).SetWriteBuffer(16 << 10)
	}
	return nc, err
}

// Attack connects to a server and sends a request. Little is taken in of the
// answer before it is read.
func Attack(t testing.TB, addr, request string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	nc.(*net.TCPConn).SetReadBuffer(4 << 10)
	if _, err := io.WriteString(nc, request); err != nil {
		t.Fatal(err)
	}
	return nc
}

// Answer starts a server that answers one request on each connection with the
// bytes that answer returns, and is silent then. sent has a value when they are
// on their way.
func Answer(t testing.TB, answer func(*http.Request) []byte) (url string, sent chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	sent = make(chan struct{}, 100)
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				r := bufio.NewReader(nc)
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				nc.Write(answer(req))
				sent <- struct{}{}
				io.Copy(io.Discard, r)
			}()
		}
	}()
	return "http://" + l.Addr().String(), sent
}

// Each says what each of n attackers holds since before, and that it is too much
// where it is more than most.
func Each(t testing.TB, before int64, n int, most int64) {
	t.Helper()
	each := (Bytes() - before) / int64(n)
	t.Logf("%d bytes each", each)
	if each > most {
		t.Errorf("%d bytes for each of %d, want at most %d", each, n, most)
	}
}

// Reset ends connections without waiting for what is still to be read.
func Reset(conns []net.Conn) {
	for _, nc := range conns {
		nc.(*net.TCPConn).SetLinger(0)
		nc.Close()
	}
}
