package pushwire_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/internal/held"
)

// smallSockets keeps what the kernel takes in for a server's peers small, so
// that what follows is the server's to hold.
type smallSockets struct{ net.Listener }

func (l smallSockets) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil {
		nc.(*net.TCPConn).SetWriteBuffer(16 << 10)
	}
	return nc, err
}

// What one attacker of each kind makes a server hold, with its defaults, at
// the worst time: heap and stacks, the attacker's own socket of about 1 KiB
// included, because both live in this process. docs/SECURITY.md has the
// figures; run it with -v for those of this machine.
func TestAttackersCostWhatTheLimitsSay(t *testing.T) {
	if !held.Measurable {
		t.Log("stacks and pools are others under the race detector: nothing is measured")
		return
	}
	const limit = pushwire.DefaultMaxMessage
	client := func(op frame.Opcode, payload string) []byte {
		return frame.AppendMessage(nil, frame.Client, op, 0, []byte(payload))
	}
	unfinished := func(rsv byte, payload string) []byte { // a fragment that others have to follow
		b := frame.AppendMessage(nil, frame.Client, frame.Binary, rsv, []byte(payload))
		b[0] &^= 0x80
		return b
	}
	emptyFragments := append(unfinished(0, ""), []byte(strings.Repeat("\x00\x80abcd", 4000))...)
	pings := []byte(strings.Repeat(string(client(frame.Ping, all125)), 2000))
	offer := "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

	for _, k := range []struct {
		name    string
		n       int
		most    int64 // bytes each
		head    string
		status  int // 0: no answer comes
		then    []byte
		deflate bool
		send    bool // the server sends, and the attackers read nothing
		gate    int
	}{
		{name: "a handshake that drips", n: 200, most: 16 << 10, head: opening("h")[:100]},
		{name: "a head just below the limit", n: 100, most: 80 << 10, head: ofSize(32 << 10)[:32<<10-4]},
		{name: "a head above the limit", n: 100, most: 40 << 10, head: ofSize(64 << 10), status: 431},
		{name: "a page of another origin", n: 100, most: 40 << 10, head: opening("h", "Origin: http://elsewhere"), status: 403},
		{name: "a connection that does nothing", n: 400, most: 8 << 10, head: opening("h"), status: 101},
		{name: "a connection beyond the gate", n: 400, most: 12 << 10, gate: 1},
		{name: "a frame of 1 MiB that stops after 1 KB", n: 200, most: 32 << 10, head: opening("h"), status: 101,
			then: client(frame.Binary, string(noise(limit)))[:1000]},
		{name: "a frame of 1 MiB without its last byte", n: 20, most: limit + limit/2, head: opening("h"), status: 101,
			then: client(frame.Binary, string(noise(limit)))[:limit]},
		{name: "4,000 empty fragments", n: 200, most: 12 << 10, head: opening("h"), status: 101, then: emptyFragments},
		{name: "2,000 pings, no pong read", n: 100, most: 40 << 10, head: opening("h"), status: 101, then: pings},
		{name: "a bomb of 64 MiB", n: 20, most: 80 << 10, head: opening("h", offer), status: 101, deflate: true,
			then: frame.AppendMessage(nil, frame.Client, frame.Binary, frame.RSV1, []byte(packed(strings.Repeat("\x00", 64<<20), "")))},
		{name: "a bomb that stops below the limit", n: 20, most: limit + 512<<10, head: opening("h", offer), status: 101, deflate: true,
			then: unfinished(frame.RSV1, packed(strings.Repeat("\x00", limit-1), ""))},
		{name: "a reader that is sent 512 B each and reads nothing", n: 50, most: 96 << 10, head: opening("h"), status: 101, send: true},
	} {
		t.Run(k.name, func(t *testing.T) {
			g := &pushwire.Group{}
			o := &pushwire.AcceptOptions{Group: g, Gate: &pushwire.Gate{MaxConns: k.gate}}
			if k.deflate {
				o.Deflate = &pushwire.Deflate{}
			}
			addr := serve(t, smallSockets{listen(t)}, func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
				for _, err := range c.Messages(ctx) {
					if err != nil {
						return
					}
				}
			}, o)
			before := held.Bytes()
			conns := make([]net.Conn, k.n)
			for i := range conns {
				nc, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				if k.send {
					nc.(*net.TCPConn).SetReadBuffer(4 << 10)
				}
				conns[i] = nc
				if _, err := io.WriteString(nc, k.head); err != nil && k.status != 431 {
					t.Fatal(err)
				}
				if k.status != 0 {
					nc.SetReadDeadline(time.Now().Add(10 * time.Second))
					if head := readHead(t, bufio.NewReader(nc)); !strings.Contains(head[:20], fmt.Sprintf(" %d ", k.status)) {
						t.Fatalf("%q, want %d", head, k.status)
					}
				}
			}
			for _, nc := range conns {
				nc.Write(k.then)
			}
			if k.send {
				p := pushwire.Prepare(frame.Binary, noise(512))
				for dropped := 0; dropped < k.n; {
					_, dropped = g.Broadcast(p)
				}
			}
			each := (held.Bytes() - before) / int64(k.n)
			t.Logf("%d bytes each", each)
			if each > k.most {
				t.Errorf("%d bytes for each of %d attackers, want at most %d", each, k.n, k.most)
			}
		})
	}
}
