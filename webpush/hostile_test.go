package webpush

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// hostile starts a push service that speaks as f does: f gets each connection
// after the head of a request, and the connection is closed when it returns.
func hostile(t *testing.T, f func(nc net.Conn, r *http.Request)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var open []chan struct{}
		for {
			nc, err := l.Accept()
			if err != nil {
				break
			}
			done := make(chan struct{})
			open = append(open, done)
			go func() {
				defer close(done)
				defer nc.Close()
				go func() { // ends what still talks when the test is over
					select {
					case <-stop:
						nc.Close()
					case <-done:
					}
				}()
				r, err := http.ReadRequest(bufio.NewReader(nc))
				if err != nil {
					return
				}
				io.Copy(io.Discard, r.Body)
				f(nc, r)
			}()
		}
		for _, done := range open {
			<-done
		}
	}()
	t.Cleanup(func() { close(stop); l.Close(); <-ended })
	return "http://" + l.Addr().String() + "/push/secret"
}

func hostileClient(t *testing.T) *Client {
	c := &Client{Key: newKey(t), Subject: sampleContact, Guard: Guard{Any: true}, Retry: Retry{Attempts: 1}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// endless writes a body until nobody takes it any more, and says how much that
// was.
func endless(nc net.Conn, chunk []byte, pause time.Duration) (n int) {
	for {
		k, err := nc.Write(chunk)
		n += k
		if err != nil {
			return n
		}
		time.Sleep(pause)
	}
}

// patience is what a machine that is busy with other tests may take longer; what
// is tested would go on for ever.
const patience = 10 * time.Second

// TestHostileBodies: an answer is held against bounds of bytes and of time, and
// what it says before counts.
func TestHostileBodies(t *testing.T) {
	for _, tt := range []struct {
		name, head string
		chunk      []byte
		pause      time.Duration
		status     int           // refused with
		words      int           // bytes kept
		least      time.Duration // that it takes
		most       time.Duration
	}{
		{"a huge body that is announced", "HTTP/1.1 403 Forbidden\r\nContent-Length: 10000000000\r\n\r\n", []byte(strings.Repeat("no ", 1<<12)), 0, 403, maxWords, 0, patience},
		{"a body without end", "HTTP/1.1 500 No\r\nConnection: close\r\n\r\n", []byte(strings.Repeat("no ", 1<<12)), 0, 500, maxWords, 0, patience},
		{"a slow body without end", "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n", []byte("n"), 50 * time.Millisecond, 403, 1, drainTime, drainTime + patience},
		{"a slow body after success", "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n", []byte("y"), 50 * time.Millisecond, 201, 0, drainTime, drainTime + patience},
		{"a huge body after success", "HTTP/1.1 201 Created\r\nContent-Length: 10000000000\r\n\r\n", make([]byte, 1<<12), 0, 201, 0, 0, patience},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wrote := make(chan int, 1)
			at := hostile(t, func(nc net.Conn, _ *http.Request) {
				io.WriteString(nc, tt.head)
				wrote <- endless(nc, tt.chunk, tt.pause)
			})
			begin := time.Now()
			_, err := hostileClient(t).Send(t.Context(), newUserKeys(t).Subscription(at), &Message{})
			took := time.Since(begin)
			var se *StatusError
			if tt.status == 201 && err != nil || tt.status != 201 && (!errors.As(err, &se) || se.StatusCode != tt.status) {
				t.Fatalf("got %v", err)
			}
			if se != nil && (len(se.Body) < tt.words || len(se.Body) > maxWords || len(err.Error()) > 1000) {
				t.Errorf("%d bytes are kept, %d shown", len(se.Body), len(err.Error()))
			}
			if took < tt.least || took > tt.most {
				t.Errorf("took %v, want %v to %v", took, tt.least, tt.most)
			}
			// Sockets buffer on both sides; what counts is that it ends.
			if n := <-wrote; n > 32<<20 {
				t.Errorf("%d bytes were taken", n)
			}
		})
	}
}

// TestHostileHeads: slow, endless and broken heads end as errors of the network.
func TestHostileHeads(t *testing.T) {
	for _, tt := range []struct {
		name    string
		f       func(nc net.Conn, r *http.Request)
		timeout bool
	}{
		{"silence", func(nc net.Conn, _ *http.Request) { io.Copy(io.Discard, nc) }, true},
		{"slow headers", func(nc net.Conn, _ *http.Request) {
			io.WriteString(nc, "HTTP/1.1 201 Created\r\n")
			endless(nc, []byte("X: y\r\n"), 20*time.Millisecond)
		}, true},
		{"headers without end", func(nc net.Conn, _ *http.Request) {
			io.WriteString(nc, "HTTP/1.1 201 Created\r\n")
			endless(nc, []byte("X: "+strings.Repeat("y", 4000)+"\r\n"), 0)
		}, false},
		{"interim answers without end", func(nc net.Conn, _ *http.Request) { endless(nc, []byte("HTTP/1.1 102 Processing\r\n\r\n"), 0) }, false},
		{"another protocol", func(nc net.Conn, _ *http.Request) { io.WriteString(nc, "SSH-2.0-OpenSSH\r\n") }, false},
		{"nothing", func(nc net.Conn, _ *http.Request) {}, false},
		{"a reset", func(nc net.Conn, _ *http.Request) { nc.(*net.TCPConn).SetLinger(0) }, false},
		{"half an answer", func(nc net.Conn, _ *http.Request) { io.WriteString(nc, "HTTP/1.1 201 Cre") }, false},
		{"a switch of protocols", func(nc net.Conn, _ *http.Request) {
			io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := hostileClient(t)
			c.Timeout = 300 * time.Millisecond
			if !tt.timeout {
				c.Timeout = 20 * time.Second
			}
			begin := time.Now()
			a, err := c.Send(t.Context(), newUserKeys(t).Subscription(hostile(t, tt.f)), &Message{Payload: []byte("x")})
			var ne *NetworkError
			var se *StatusError
			if a != nil || !errors.As(err, &ne) && !(errors.As(err, &se) && se.StatusCode == 101) {
				t.Fatalf("%+v, %v", a, err)
			}
			if ne != nil && ne.Timeout() != tt.timeout {
				t.Errorf("a timeout: %v, %v", ne.Timeout(), err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%v tells the endpoint", err)
			}
			if took := time.Since(begin); took > patience {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestRedirectsAreNotFollowed: neither message nor token goes elsewhere, also
// where the application's own client would follow.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var elsewhere atomic.Int32
	other, _ := local(t, func(w http.ResponseWriter, r *http.Request) { elsewhere.Add(1); created(w, r) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		at, _ := local(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", other)
			w.WriteHeader(status)
		})
		c := hostileClient(t)
		c.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
		_, err := c.Send(t.Context(), newUserKeys(t).Subscription(at), &Message{Payload: []byte("x")})
		var se *StatusError
		if !errors.As(err, &se) || se.StatusCode != status || !strings.Contains(err.Error(), "redirects are not followed") {
			t.Errorf("%d: %v", status, err)
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

// TestConnectionsAreUsedAgain: answers are read to their end, with success and
// without.
func TestConnectionsAreUsedAgain(t *testing.T) {
	n := 0
	at, conns := local(t, func(w http.ResponseWriter, r *http.Request) {
		n++
		io.Copy(io.Discard, r.Body)
		w.WriteHeader([]int{201, 403, 410, 201}[n%4])
		fmt.Fprintf(w, "%s", strings.Repeat("words ", 2000))
	})
	c := hostileClient(t)
	for range 20 {
		c.Send(t.Context(), newUserKeys(t).Subscription(at), &Message{Payload: []byte("x")})
	}
	if got := conns.Load(); got != 1 || n != 20 {
		t.Errorf("%d requests over %d connections", n, got)
	}
}

// Subscriptions at ever new hosts, as pages can make them up, do not leave a
// connection open for each.
func TestManyOriginsLeaveFewConnections(t *testing.T) {
	const origins = maxIdle + 60
	var open atomic.Int32
	s := &http.Server{
		Handler: http.HandlerFunc(created),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				open.Add(1)
			case http.StateClosed:
				open.Add(-1)
			}
		},
	}
	defer s.Close()
	c := &Client{Key: newKey(t), Subject: sampleContact, Guard: Guard{Any: true}}
	defer c.CloseIdleConnections()
	for range origins {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go s.Serve(l)
		if _, err := c.Send(t.Context(), newUserKeys(t).Subscription("http://"+l.Addr().String()+"/push"), &Message{}); err != nil {
			t.Fatal(err)
		}
	}
	for begin := time.Now(); open.Load() > maxIdle && time.Since(begin) < 10*time.Second; {
		time.Sleep(time.Millisecond) // the service sees the ends a little later
	}
	if open.Load() > maxIdle || open.Load() < maxIdle/2 {
		t.Errorf("after %d origins %d connections are open, %d is the limit", origins, open.Load(), maxIdle)
	}
}
