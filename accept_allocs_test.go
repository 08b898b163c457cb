package pushwire_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
)

// What an opening handshake allocates is what a wave of reconnecting clients
// makes the garbage collector do. A Conn that stands alone, its timer and the
// timer's function are three; the elements of list fields, which FromHTTP reads,
// one more. AcceptConn hands the request out, and parses it: the head, the values,
// the map of two and the Request itself instead.
func TestAcceptAllocatesLittle(t *testing.T) {
	if raceOn {
		t.Log("the race detector makes pools forget: allocations are not counted")
		return
	}
	request := opening("example.com", "Sec-WebSocket-Protocol: chat, superchat")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
	if err != nil {
		t.Fatal(err)
	}
	o := &pushwire.AcceptOptions{Protocols: []string{"chat"}}
	client := &askingClient{request: request}
	w := &hijackable{nc: client, rw: bufio.NewReadWriter(bufio.NewReader(client), bufio.NewWriter(client)), header: http.Header{}}
	for _, tt := range []struct {
		name   string
		accept func() (*pushwire.Conn, error)
		want   float64
	}{
		{"Accept", func() (*pushwire.Conn, error) { return pushwire.Accept(w, r, o) }, 4},
		{"AcceptConn", func() (*pushwire.Conn, error) {
			c, _, err := pushwire.AcceptConn(context.Background(), client, o)
			return c, err
		}, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection would empty the pools
			got := testing.AllocsPerRun(100, func() {
				client.unread = client.request
				c, err := tt.accept()
				if err != nil || c.Protocol() != "chat" {
					t.Fatal(err)
				}
				c.CloseNow()
			})
			if got > tt.want {
				t.Errorf("%v allocations, want at most %v", got, tt.want)
			}
		})
	}
}

// askingClient is the connection of a client that has sent its request.
type askingClient struct{ request, unread string }

func (c *askingClient) Read(p []byte) (int, error) {
	n := copy(p, c.unread)
	if c.unread = c.unread[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (*askingClient) Write(p []byte) (int, error)      { return len(p), nil }
func (*askingClient) Close() error                     { return nil }
func (*askingClient) LocalAddr() net.Addr              { return nil }
func (*askingClient) RemoteAddr() net.Addr             { return nil }
func (*askingClient) SetDeadline(time.Time) error      { return nil }
func (*askingClient) SetReadDeadline(time.Time) error  { return nil }
func (*askingClient) SetWriteDeadline(time.Time) error { return nil }

// hijackable is a ResponseWriter that costs nothing to take the connection of.
type hijackable struct {
	nc     net.Conn
	rw     *bufio.ReadWriter
	header http.Header
}

func (w *hijackable) Header() http.Header         { return w.header }
func (w *hijackable) Write(p []byte) (int, error) { return w.nc.Write(p) }
func (w *hijackable) WriteHeader(int)             {}
func (w *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.nc, w.rw, nil
}
