package pushservice

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/internal/memconn"
)

// oneConn is a listener with one connection to give.
type oneConn struct {
	conn chan net.Conn
	once sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c, ok := <-l.conn; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l *oneConn) Close() error   { l.once.Do(func() { close(l.conn) }); return nil }
func (l *oneConn) Addr() net.Addr { return memconn.Addr("mem") }

// inMemory has net/http serve the service on one connection, which it returns.
// It is for a bubble of synctest.
func inMemory(t *testing.T, s *Service) net.Conn {
	t.Helper()
	ours, theirs := memconn.Pipe()
	l := &oneConn{conn: make(chan net.Conn, 1)}
	l.conn <- theirs
	srv := &http.Server{Handler: s}
	go srv.Serve(l)
	t.Cleanup(func() { ours.Close(); srv.Close() })
	return ours
}

// A body that does not come is waited for 10 s and no longer, whatever it is
// for; and one that came leaves no deadline behind.
func TestSlowBodies(t *testing.T) {
	for _, row := range []struct {
		name, head string
		status     int // 0: the connection is closed without an answer
	}{
		{"a message", "POST %s HTTP/1.1\r\nHost: push.test\r\nTTL: 5\r\nContent-Length: 4000\r\n\r\n", 400},
		{"a message in chunks", "POST %s HTTP/1.1\r\nHost: push.test\r\nTTL: 5\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n", 400},
		{"options", "POST /subscribe HTTP/1.1\r\nHost: push.test\r\nContent-Type: application/webpush-options+json\r\nContent-Length: 100\r\n\r\n", 400},
		{"what subscribe does not read", "POST /subscribe HTTP/1.1\r\nHost: push.test\r\nContent-Length: 100\r\n\r\n", 201},
		{"a refused message", "POST /push/nobody HTTP/1.1\r\nHost: push.test\r\nTTL: 5\r\nContent-Length: 4000\r\n\r\n", 404},
		{"an acknowledgement", "DELETE /message/nothing HTTP/1.1\r\nHost: push.test\r\nContent-Length: 4000\r\n\r\n", 404},
		{"no such path", "POST /nothing HTTP/1.1\r\nHost: push.test\r\nContent-Length: 4000\r\n\r\n", 404},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, nil)
				_, push, _ := subscribed(t, s)
				head := row.head
				if strings.Contains(head, "%s") {
					head = fmt.Sprintf(head, strings.TrimPrefix(push, testOrigin))
				}
				c := inMemory(t, s)
				begin := time.Now()
				var wg sync.WaitGroup
				defer wg.Wait()
				defer c.Close()
				wg.Go(func() { // a byte now and then, as who wants to hold on to a connection sends them
					for _, err := io.WriteString(c, head); err == nil; _, err = c.Write([]byte("x")) {
						time.Sleep(3 * time.Second)
					}
				})
				r := bufio.NewReader(c)
				res, err := http.ReadResponse(r, nil)
				if err != nil || res.StatusCode != row.status {
					t.Fatalf("%v, %v", res, err)
				}
				io.Copy(io.Discard, res.Body)
				if _, err := r.ReadByte(); err != io.EOF && err != io.ErrClosedPipe {
					t.Errorf("the connection stays: %v", err)
				}
				if d := time.Since(begin); d < bodyTimeout || d > bodyTimeout+time.Second {
					t.Errorf("it took %v", d)
				}
			})
		})
	}
	t.Run("in time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store := &slow{} // whose second would be the end of a request with a deadline left over
			s := newService(t, &Options{Store: store})
			_, push, _ := subscribed(t, s)
			c := inMemory(t, s)
			r := bufio.NewReader(c)
			for range 3 {
				fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: push.test\r\nTTL: 500\r\nContent-Length: 2\r\n\r\nx", strings.TrimPrefix(push, testOrigin))
				time.Sleep(bodyTimeout - time.Second/2)
				io.WriteString(c, "y")
				res, err := http.ReadResponse(r, nil)
				if err != nil || res.StatusCode != 201 {
					t.Fatalf("%v, %v", res, err)
				}
				time.Sleep(time.Minute)
			}
		})
	})
}
