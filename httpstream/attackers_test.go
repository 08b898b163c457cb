package httpstream_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/internal/held"
	"github.com/pushwire/pushwire/topic"
)

// attacked is a server with the defaults of httpstream over a log of 4 MiB in
// items of 4 KiB, all encoded, which net/http lets nobody wait at for long.
type attacked struct {
	log   topic.Log
	group *httpstream.Group
	addr  string
}

func newAttacked(t *testing.T) *attacked {
	t.Helper()
	a := &attacked{group: new(httpstream.Group)}
	for range topic.DefaultMaxBytes / (4 << 10) {
		a.log.Append("", []byte(strings.Repeat("x", 4<<10)))
	}
	h := httpstream.Handler(&a.log, &httpstream.Options{Allow: allowAll, Group: a.group})
	srv := httptest.NewUnstartedServer(h)
	srv.Listener = held.Narrow(srv.Listener)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of those who break off
	srv.Start()
	t.Cleanup(srv.Close)
	a.addr = srv.Listener.Addr().String()
	for _, way := range []string{"Accept: " + acceptLines, "Accept: " + acceptEvents, socketFields} { // what is shared is there before
		nc, err := net.Dial("tcp", a.addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(nc, "GET / HTTP/1.1\r\nHost: h\r\n"+way+"\r\n\r\n")
		nc.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.CopyN(io.Discard, nc, topic.DefaultMaxBytes); err != nil {
			t.Fatal(err)
		}
		nc.Close()
	}
	a.left(t, 0)
	return a
}

const (
	socketFields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
)

// left waits until n requests are held open.
func (a *attacked) left(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); a.group.Len() != n; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("%d requests are held open, want %d", a.group.Len(), n)
		}
	}
}

// fields are n fields of about 16 bytes, which differ.
func fields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "X-%06d: v\r\n", i)
	}
	return strings.TrimSuffix(b.String(), "\r\n")
}

// What one attacker of each kind makes a server hold, with its defaults, at
// the worst time: heap and stacks, what net/http has for a connection and the
// attacker's own socket included, because all live in this process.
// docs/SECURITY.md has the figures; run it with -v for those of this machine.
func TestAttackersCostWhatTheLimitsSay(t *testing.T) {
	if !held.Measurable {
		t.Log("stacks and pools are others under the race detector: nothing is measured")
		return
	}
	get := func(query string, fields ...string) string {
		return "GET /" + query + " HTTP/1.1\r\nHost: h\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
	}
	long := "X: " + strings.Repeat("x", 500<<10)
	post := func(length int, body string) string {
		return fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", length, body)
	}
	a := newAttacked(t)
	for _, k := range []struct {
		name    string
		n       int
		most    int64 // bytes each
		request string
		status  int  // 0: no answer comes, or none is read
		open    bool // the request stays, in the group
	}{
		{name: "a long poll that waits", n: 200, most: 32 << 10, request: get("?after=now&wait=30"), open: true},
		{name: "JSON lines that are not read", n: 50, most: 96 << 10, request: get("", "Accept: "+acceptLines), open: true},
		{name: "an event stream that is not read", n: 50, most: 96 << 10, request: get("", "Accept: "+acceptEvents), open: true},
		{name: "a WebSocket that is not read", n: 50, most: 96 << 10, request: get("", socketFields), open: true},
		{name: "an answer of 1 MiB that is not read", n: 50, most: 96 << 10, request: get("")},
		{name: "a cursor of 64 KB", n: 100, most: 96 << 10, request: get("", "Last-Event-ID: "+strings.Repeat("x", 64<<10)), status: 400},
		{name: "a cursor of another epoch", n: 100, most: 32 << 10, request: get("?after=nowhere-18446744073709551615&wait=30"), status: 410},
		{name: "a query of 64 KB", n: 100, most: 96 << 10, request: get("?" + strings.Repeat("a&", 32<<10)), status: 414},
		{name: "40,000 fields", n: 10, most: 64 << 10, request: get("?after=now&wait=30", fields(40000)), status: 431},
		{name: "a field of 500 KB, and a long poll that waits", n: 10, most: 768 << 10, request: get("?after=now&wait=30", long), open: true},
		{name: "a field of 500 KB, and an event stream", n: 10, most: 96 << 10, request: get("?after=now", long, "Accept: "+acceptEvents), open: true},
		{name: "a POST that announces a body and sends none of it", n: 100, most: 32 << 10, request: post(60000, "")},
		{name: "a POST that stops before its last byte", n: 50, most: 192 << 10, request: post(60000, strings.Repeat("x", 59999))},
		{name: "a POST of 100 MB", n: 100, most: 32 << 10, request: post(100e6, "x"), status: 413},
		{name: "a GET that announces a body", n: 100, most: 32 << 10, request: strings.Replace(post(60000, "x"), "POST", "GET", 1), status: 400},
	} {
		t.Run(k.name, func(t *testing.T) {
			before := held.Bytes()
			conns := make([]net.Conn, k.n)
			for i := range conns {
				nc := held.Attack(t, a.addr, k.request)
				defer nc.Close()
				conns[i] = nc
				if k.status != 0 {
					nc.SetReadDeadline(time.Now().Add(10 * time.Second))
					line, err := bufio.NewReaderSize(nc, 16).ReadString('\n')
					if err != nil || !strings.Contains(line, fmt.Sprintf(" %d ", k.status)) {
						t.Fatalf("%q %v, want %d", line, err, k.status)
					}
				}
			}
			if k.open {
				a.left(t, k.n)
			}
			held.Each(t, before, k.n, k.most)
			held.Reset(conns)
			a.left(t, 0)
		})
	}
}

// Who comes and goes without end leaves nothing behind, however he goes.
func TestAttackersThatReconnectLeaveNothing(t *testing.T) {
	if !held.Measurable {
		t.Log("stacks and pools are others under the race detector: nothing is measured")
		return
	}
	const together, rounds = 50, 10
	a := newAttacked(t)
	come := func(rounds int, request string) {
		conns := make([]net.Conn, together)
		for range rounds {
			for i := range conns {
				conns[i] = held.Attack(t, a.addr, request)
			}
			a.left(t, together)
			for i, nc := range conns {
				if i%2 == 0 {
					nc.(*net.TCPConn).SetLinger(0) // a reset
				}
				nc.Close()
			}
			a.left(t, 0)
		}
	}
	for _, k := range []struct{ name, request string }{
		{"long polls", "GET /?after=now&wait=30 HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"JSON lines", "GET /?after=now HTTP/1.1\r\nHost: h\r\nAccept: " + acceptLines + "\r\n\r\n"},
		{"event streams", "GET /?after=now HTTP/1.1\r\nHost: h\r\nAccept: " + acceptEvents + "\r\n\r\n"},
		{"WebSockets", "GET /?after=now HTTP/1.1\r\nHost: h\r\n" + socketFields + "\r\n\r\n"},
	} {
		come(1, k.request) // pools and the like are filled
		before := held.Bytes()
		come(rounds, k.request)
		t.Logf("%s, that have gone:", k.name)
		held.Each(t, before, together*rounds, 1<<10)
		if w := a.log.Waiting(); w != 0 {
			t.Errorf("%s: %d still wait", k.name, w)
		}
	}
}
