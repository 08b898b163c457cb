package httpstream

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/topic"
)

// memListener hands out connections in memory: no test opens 10,000 sockets.
type memListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newMemListener() *memListener {
	return &memListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *memListener) Addr() net.Addr { return memconn.Addr("mem") }

func (l *memListener) dial(size int) net.Conn {
	client, server := memconn.PipeSize(size)
	l.conns <- server
	return client
}

// Ten thousand event streams that wait have one goroutine each, which watches
// for the client's end (package eventstream), and none of ours; the same after
// all were woken. Sockets in memory have the one that reads.
func TestWaitingReadersHaveNoGoroutine(t *testing.T) {
	overWatched(t, testWaitingReadersHaveNoGoroutine)
}

func testWaitingReadersHaveNoGoroutine(t *testing.T, watch watcher) {
	n := 10_000
	if testing.Short() {
		n = 1_000
	}
	for name, v := range map[string]struct {
		h       func(topic.Source, *Options) http.Handler
		request string
		item    func(topic.Cursor) string
	}{
		"events": {Events, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", func(c topic.Cursor) string {
			return "id: " + string(c) + "\ndata: hello\n\n"
		}},
		"socket": {Socket, upgradeRequest, func(c topic.Cursor) string {
			return `{"cursor":"` + string(c) + `","data":"hello"}`
		}},
	} {
		t.Run(name, func(t *testing.T) {
			src := watch(new(topic.Log))
			defer src.Close()
			var group Group
			l := newMemListener()
			srv := &http.Server{Handler: v.h(src, &Options{Group: &group})}
			served := make(chan struct{})
			go func() { srv.Serve(l); close(served) }()
			before := runtime.NumGoroutine()
			conns := make([]net.Conn, n)
			buf := make([]byte, 4<<10)
			read := func(nc net.Conn, until string) {
				t.Helper()
				nc.SetReadDeadline(time.Now().Add(time.Minute))
				for got := ""; !strings.Contains(got, until); {
					k, err := nc.Read(buf)
					if err != nil {
						t.Fatalf("%q, %v; waited for %q", got, err, until)
					}
					got += string(buf[:k])
				}
			}
			for i := range conns {
				conns[i] = l.dial(2 << 10)
				io.WriteString(conns[i], v.request)
				read(conns[i], "\r\n\r\n")
			}
			const few = 50 // of the runtime, and those that are about to end
			quiet := func(why string) {
				t.Helper()
				waitFor(t, why, func() bool {
					return src.owes() == n && runtime.NumGoroutine() <= before+n+few
				})
				t.Logf("%s: %d goroutines for %d readers", why, runtime.NumGoroutine()-before, n)
			}
			quiet("all wait")
			for range 2 {
				want := v.item(src.Append("", []byte("hello")))
				for _, nc := range conns {
					read(nc, want)
				}
				quiet("all wait again")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			group.Shutdown(ctx)
			waitFor(t, "all have left", func() bool { return group.Len() == 0 && src.owes() == 0 })
			for _, nc := range conns {
				nc.Close()
			}
			srv.Close()
			<-served
		})
	}
}

// On plain TCP sockets not even that.
func TestWaitingSocketsHaveNoGoroutineAtAll(t *testing.T) {
	const n, few = 300, 30
	log := new(topic.Log)
	defer log.Close()
	var group Group
	srv := httptest.NewServer(Socket(log, &Options{Group: &group}))
	defer srv.Close()
	before := runtime.NumGoroutine()
	conns := make([]*bufio.Reader, n)
	for i := range conns {
		nc, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(time.Minute))
		io.WriteString(nc, upgradeRequest)
		conns[i] = bufio.NewReader(nc)
	}
	for range 3 {
		waitFor(t, "all wait", func() bool { return log.Waiting() == n && runtime.NumGoroutine() <= before+few })
		log.Append("", []byte("hello"))
		for i, r := range conns {
			for { // the head of the answer goes before
				line, err := r.ReadString('}')
				if err != nil {
					t.Fatalf("reader %d: %v", i, err)
				}
				if strings.Contains(line, "hello") {
					break
				}
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	group.Shutdown(ctx) // the clients do not answer
	waitFor(t, "all have left", func() bool { return group.Len() == 0 && log.Waiting() == 0 })
}

func goroutinesMade() uint64 {
	s := []metrics.Sample{{Name: "/sched/goroutines-created:goroutines"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// One item for many readers on plain sockets is written by the goroutines of
// the source: no reader that keeps up gets one.
func TestReadersThatKeepUpGetNoGoroutine(t *testing.T) {
	overWatched(t, testReadersThatKeepUpGetNoGoroutine)
}

func testReadersThatKeepUpGetNoGoroutine(t *testing.T, watch watcher) {
	for _, w := range []way{{name: "events"}, {name: "socket", socket: true}, {name: "socket, compressed", socket: true, deflate: true}} {
		t.Run(w.name, func(t *testing.T) {
			const n, items = 200, 20
			src := watch(new(topic.Log))
			defer src.Close()
			s := w.serve(t, src, nil)
			var all []*reader
			for range n {
				all = append(all, s.open(t, ""))
			}
			waitFor(t, "all wait", func() bool { return src.owes() == n })
			before := goroutinesMade()
			for i := range items {
				src.Append("", fmt.Append(nil, i))
				for _, r := range all {
					r.wantTexts(t, fmt.Sprint(i))
				}
				waitFor(t, "all wait", func() bool { return src.owes() == n })
			}
			made := goroutinesMade() - before
			t.Logf("%d goroutines for %d items to %d readers", made, items, n)
			if made > n*items/10 { // those of the source, and of the timers of others
				t.Errorf("%d goroutines were made for %d items to %d readers", made, items, n)
			}
		})
	}
}

// Readers that never read hold nobody up, take a bounded amount of memory, and
// end by their deadline.
func TestStuckReaders(t *testing.T) {
	overWays(t, func(t *testing.T, w way) {
		if w.http2 || w.deflate {
			return // their clients read whatever we do; what compresses does not fill a socket
		}
		w.narrow = true
		const stuck, good, items, size = 100, 10, 300, 20_000
		log := topic.Log{MaxItems: 50}
		defer log.Close()
		var group Group
		s := w.serve(t, &log, &Options{Group: &group, WriteTimeout: 2 * time.Second})
		for range stuck {
			s.open(t, "")
		}
		var readers []*reader
		for range good {
			readers = append(readers, s.open(t, ""))
		}
		waitFor(t, "all are there", func() bool { return group.Len() == stuck+good })
		lag := watchLag(t)
		goroutines, heap := runtime.NumGoroutine(), liveHeap()
		var slowest time.Duration
		for i := range items {
			text := append(fmt.Appendf(nil, "%d ", i), bytes.Repeat([]byte("x"), size)...)
			began, late := time.Now(), lag.Load()
			log.Append("", text)
			for _, r := range readers {
				r.wantTexts(t, string(text))
			}
			slowest = max(slowest, time.Since(began)-time.Duration(lag.Load()-late))
		}
		t.Logf("slowest item %v, %d goroutines and %d KiB of heap for each stuck reader", slowest,
			(runtime.NumGoroutine()-goroutines)/stuck, (int64(liveHeap())-int64(heap))>>10/stuck)
		if slowest > time.Second { // who waits for a stuck one waits for 2 s
			t.Errorf("an item took %v to those who read", slowest)
		}
		if n := runtime.NumGoroutine() - goroutines; n > 2*stuck+50 {
			t.Errorf("%d goroutines more for %d stuck readers", n, stuck)
		}
		// The log has 1 MB twice, as items and as forms; a reader has what one
		// write holds.
		if grown := int64(liveHeap()) - int64(heap); grown > 8<<20+stuck*(128<<10) {
			t.Errorf("the heap grew by %d KiB", grown>>10)
		}
		waitFor(t, "the stuck ones have ended", func() bool { return group.Len() == good })
		log.Append("", []byte("still there"))
		for _, r := range readers {
			r.wantTexts(t, "still there")
		}
	})
}

// watchLag adds up, in nanoseconds, by how much a goroutine that sleeps is woken
// too late: the time that all processors were busy with something else. Who waits
// for a reader does not keep them busy.
func watchLag(t *testing.T) *atomic.Int64 {
	lag, stop, done := new(atomic.Int64), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			began := time.Now()
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				lag.Add(int64(time.Since(began) - time.Millisecond))
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
	})
	return lag
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
