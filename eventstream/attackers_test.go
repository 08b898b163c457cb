package eventstream_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire/eventstream"
	"github.com/pushwire/pushwire/internal/held"
)

// attacked is a server of event streams with the defaults.
type attacked struct {
	group eventstream.Group
	addr  string
}

func newAttacked(t *testing.T, w way) *attacked {
	t.Helper()
	a := &attacked{}
	srv := httptest.NewUnstartedServer(w.handler(t, &eventstream.Options{Group: &a.group}, func(s *eventstream.Stream, _ *http.Request) {
		<-s.Context().Done()
	}))
	srv.Listener = held.Narrow(srv.Listener)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of those who break off
	srv.Start()
	t.Cleanup(srv.Close)
	a.addr = srv.Listener.Addr().String()
	return a
}

// left waits until n streams are open.
func (a *attacked) left(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); a.group.Len() != n; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("%d streams are open, want %d", a.group.Len(), n)
		}
	}
}

// taken is how many times an event can be sent to a stream that nobody reads,
// until it ends because too much waits for it.
func (a *attacked) taken(t *testing.T, request string, event []byte) (n int) {
	t.Helper()
	defer held.Attack(t, a.addr, request).Close()
	a.left(t, 1)
	for a.group.Len() == 1 {
		a.group.SendRaw(event)
		n++
	}
	a.left(t, 0)
	return n
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
	const get = "GET / HTTP/1.1\r\nHost: h\r\n"
	var fields strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&fields, "X-%06d: v\r\n", i)
	}
	event, err := eventstream.Append(nil, eventstream.Event{Data: bytes.Repeat([]byte("x"), 4<<10)})
	if err != nil {
		t.Fatal(err)
	}
	onHTTP, raw := way{name: "HTTP1"}, way{name: "raw", raw: true}
	for _, k := range []struct {
		name    string
		over    way
		n       int
		most    int64 // bytes each
		request string
		status  int  // 0: none is waited for
		open    bool // a stream is open then
		send    bool // as much is sent to it as may wait
	}{
		// Those that hold least come first: stacks that others leave behind in
		// parts of pages would be taken for theirs.
		{name: "a reader that reads nothing", over: raw, n: 100, most: 16 << 10, request: get + "\r\n", open: true, send: true},
		{name: "a stream that does nothing", over: raw, n: 200, most: 12 << 10, request: get + "\r\n", open: true},
		{name: "a path of 64 KB", over: raw, n: 100, most: 24 << 10, request: strings.Replace(get, "/", "/"+strings.Repeat("p", 64<<10)+"?lastEventId=7", 1) + "\r\n", open: true},
		{name: "a reader that reads nothing", over: onHTTP, n: 100, most: 48 << 10, request: get + "\r\n", open: true, send: true},
		{name: "a stream that does nothing", over: onHTTP, n: 200, most: 40 << 10, request: get + "\r\n", open: true},
		{name: "a last event ID of 500 KB", over: onHTTP, n: 10, most: 768 << 10, request: get + "Last-Event-ID: " + strings.Repeat("x", 500<<10) + "\r\n\r\n", open: true},
		{name: "40,000 fields", over: onHTTP, n: 10, most: 64 << 10, request: get + fields.String() + "\r\n", status: 431},
		{name: "a body that is announced and not sent", over: onHTTP, n: 100, most: 32 << 10, request: strings.Replace(get, "GET", "POST", 1) + "Content-Length: 60000\r\n\r\n", open: true},
	} {
		t.Run(k.name+"/"+k.over.name, func(t *testing.T) {
			a := newAttacked(t, k.over)
			pieces := 0
			if k.send {
				pieces = a.taken(t, k.request, event) - 1
			}
			var before int64
			conns := make([]net.Conn, k.n)
			for {
				before = held.Bytes()
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
				for range pieces {
					a.group.SendRaw(event)
				}
				if !k.open || a.group.Len() >= k.n/2 {
					break
				}
				// They were sent to faster than what writes to their sockets ran: on a
				// slow machine so many get less into them than one does.
				t.Logf("%d of %d streams have ended with %d events, and do not count", k.n-a.group.Len(), k.n, pieces)
				if pieces--; pieces*len(event) < 48<<10 {
					t.Fatal("they ended with less than may wait for them")
				}
				held.Reset(conns)
				a.left(t, 0)
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
	for _, w := range []way{{name: "HTTP1"}, {name: "raw", raw: true}} {
		a := newAttacked(t, w)
		come := func(rounds int) {
			conns := make([]net.Conn, together)
			for range rounds {
				for i := range conns {
					conns[i] = held.Attack(t, a.addr, "GET / HTTP/1.1\r\nHost: h\r\nLast-Event-ID: 7\r\n\r\n")
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
		come(1) // pools and the like are filled
		before := held.Bytes()
		come(rounds)
		t.Logf("%s, that have gone:", w.name)
		held.Each(t, before, together*rounds, 1<<10)
	}
}

// badServer answers any request with bytes, and is silent then.
func badServer(t *testing.T, answer []byte) (url string, sent chan struct{}) {
	t.Helper()
	return held.Answer(t, func(*http.Request) []byte { return answer })
}

// What servers can make a Client hold, with its defaults: what they have sent,
// up to MaxEvent and what a buffer that grows has beside it.
func TestAttackersThatAreListenedTo(t *testing.T) {
	if !held.Measurable {
		t.Log("stacks and pools are others under the race detector: nothing is measured")
		return
	}
	const limit = eventstream.DefaultMaxEvent
	head := func(fields ...string) []byte {
		return []byte("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n")
	}
	bomb := func(s string) []byte {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		io.WriteString(z, s)
		z.Flush()
		return append(head("Content-Encoding: gzip"), b.Bytes()...)
	}
	endless := func(n int) string { return "data: " + strings.Repeat("x", n) }
	cases := []struct {
		name   string
		most   int64
		answer []byte
		lost   bool // the client comes to an end by itself
	}{
		{"an event without end", limit + limit/8, append(head(), endless(limit-100)...), false},
		{"an event that is a bomb, of 15 MiB", 20 << 20, bomb(endless(15 << 20)), false},
		{"an event of 4 MiB of bad bytes, without end", 20 << 20, append(head(), ("data: " + strings.Repeat("\xff", 4<<20))...), false},
		{"a comment that is a bomb, of 15 MiB", 512 << 10, bomb(":" + endless(15<<20)), false},
		{"a head without end, of long lines", 6 << 20, append(head()[:60], strings.Repeat("X: "+strings.Repeat("x", 1<<20)+"\r\n", 2)...), false},
		{"a refusal without end", 512 << 10, []byte("HTTP/1.1 503 No\r\n\r\n" + strings.Repeat("x", 2<<20)), true},
	}
	before := held.Bytes() // with the answers
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			url, sent := badServer(t, k.answer)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			tr := &http.Transport{}
			var over atomic.Bool
			go func() {
				defer close(done)
				c := eventstream.Client{URL: url, HTTP: &http.Client{Transport: tr}, Backoff: func(int, time.Duration) time.Duration { return -1 }}
				for range c.Events(ctx) {
				}
				over.Store(true)
			}()
			if <-sent; k.lost {
				<-done
			}
			n := held.Bytes() - before
			t.Logf("%d bytes, %d sent", n, len(k.answer))
			if n > k.most {
				t.Errorf("%d bytes are held, want at most %d", n, k.most)
			}
			if over.Load() != k.lost {
				t.Errorf("the server was given up: %t, want %t", over.Load(), k.lost)
			}
			cancel()
			<-done
			tr.CloseIdleConnections()
		})
	}
}
