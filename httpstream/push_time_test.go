package httpstream

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/topic"
)

const upgradeRequest = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

// bubble serves h over connections in memory and calls f within the bubble.
func bubble(t *testing.T, h http.Handler, f func(dial func(size int) net.Conn)) {
	l := newMemListener()
	srv := &http.Server{Handler: h}
	var served sync.WaitGroup
	served.Go(func() { srv.Serve(l) })
	f(l.dial)
	srv.Close()
	l.Close()
	served.Wait()
}

// collector reads all that comes.
type collector struct {
	mu sync.Mutex
	b  []byte
}

func collect(nc net.Conn) *collector {
	c := new(collector)
	go func() {
		buf := make([]byte, 4<<10)
		for {
			n, err := nc.Read(buf)
			c.mu.Lock()
			c.b = append(c.b, buf[:n]...)
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return c
}

// take returns what came since the last call.
func (c *collector) take() []byte {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.b
	c.b = nil
	return b
}

// A silent event stream has a comment every Heartbeat, and one on which items
// come has none.
func TestHeartbeatOfEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log topic.Log
		bubble(t, Events(&log, &Options{Heartbeat: 10 * time.Second}), func(dial func(int) net.Conn) {
			nc := dial(4 << 10)
			c := collect(nc)
			io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			c.take()
			time.Sleep(31 * time.Second)
			if got := string(c.take()); got != ":\n:\n:\n" {
				t.Errorf("in 31 s of silence: %q", got)
			}
			for range 8 {
				log.Append("", []byte("x"))
				time.Sleep(4 * time.Second)
			}
			if got := c.take(); bytes.Contains(got, []byte(":\n:")) || bytes.Count(got, []byte("\ndata: x\n\n")) != 8 {
				t.Errorf("while items come: %q", got)
			}
			nc.Close()
			synctest.Wait()
		})
		log.Close()
	})
}

// Sockets that wait are pinged, and those whose client is silent end.
func TestPingsOfSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log topic.Log
		var group Group
		bubble(t, Socket(&log, &Options{Group: &group}), func(dial func(int) net.Conn) {
			const n = 20
			var conns []net.Conn
			var got []*collector
			for range n {
				nc := dial(4 << 10)
				conns, got = append(conns, nc), append(got, collect(nc))
				io.WriteString(nc, upgradeRequest)
			}
			for _, c := range got {
				c.take()
			}
			time.Sleep(31 * time.Second)
			for _, c := range got {
				if b := c.take(); len(b) == 0 || b[0] != 0x89 {
					t.Errorf("after 31 s: % x", b)
				}
			}
			if group.Len() != n {
				t.Errorf("%d are left", group.Len())
			}
			time.Sleep(30 * time.Second)
			synctest.Wait()
			if group.Len() != 0 {
				t.Errorf("%d live without a sign of their clients", group.Len())
			}
			for _, nc := range conns {
				nc.Close()
			}
			time.Sleep(10 * time.Second)
		})
		log.Close()
	})
}

// Who promises a first message and sends none is closed.
func TestFirstMessageThatDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log topic.Log
		var group Group
		bubble(t, Socket(&log, &Options{Group: &group}), func(dial func(int) net.Conn) {
			nc := dial(4 << 10)
			c := collect(nc)
			io.WriteString(nc, "GET /?after=message"+upgradeRequest[len("GET /"):])
			c.take()
			time.Sleep(firstMessageTime - time.Second)
			if b := c.take(); len(b) > 0 {
				t.Errorf("too early: % x", b)
			}
			time.Sleep(2 * time.Second)
			if b := c.take(); !bytes.Contains(b, []byte(reasonFirstLate)) {
				t.Errorf("too late: %q", b)
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if group.Len() != 0 {
				t.Error("it is still there")
			}
			nc.Close()
		})
		log.Close()
	})
}

// In memory, where nothing tells whether a write would wait, a client that is
// stuck ends by the deadline and delays nobody.
func TestStuckReadersInMemory(t *testing.T) {
	for name, v := range map[string]struct {
		h       func(topic.Source, *Options) http.Handler
		request string
	}{
		"events": {Events, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
		"socket": {Socket, upgradeRequest},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log topic.Log
				var group Group
				bubble(t, v.h(&log, &Options{Group: &group}), func(dial func(int) net.Conn) {
					var stuck, good []net.Conn
					var got []*collector
					for range 20 {
						nc := dial(1 << 10)
						io.WriteString(nc, v.request)
						stuck = append(stuck, nc)
						nc = dial(1 << 10)
						io.WriteString(nc, v.request)
						good, got = append(good, nc), append(got, collect(nc))
					}
					synctest.Wait()
					for _, c := range got {
						c.take()
					}
					for range 10 {
						log.Append("", bytes.Repeat([]byte("x"), 900))
						for _, c := range got { // not a moment later
							if b := c.take(); bytes.Count(b, []byte("x")) != 900 {
								t.Fatalf("%d bytes", len(b))
							}
						}
						time.Sleep(time.Second)
					}
					if n := group.Len(); n != 40 {
						t.Errorf("%d members", n)
					}
					time.Sleep(20 * time.Second)
					if n := group.Len(); n != 20 {
						t.Errorf("%d members after the deadline", n)
					}
					for _, nc := range append(stuck, good...) {
						nc.Close()
					}
					time.Sleep(10 * time.Second)
				})
				log.Close()
			})
		})
	}
}
