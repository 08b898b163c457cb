package pushwire_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
)

// Each message says who wrote it, the how manieth of its writer it is, and is
// filled with that number, so that a mix of two would show.
func TestConcurrentWritesArriveWholeAndInOrder(t *testing.T) {
	const writers, each = 100, 40
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		ctx := t.Context()
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					size := 8 + (w*each+i)*37%3000
					if i%13 == 0 {
						size += 70_000 // through the path of large messages
					}
					m := bytes.Repeat([]byte{byte(w ^ i)}, size)
					binary.BigEndian.PutUint32(m, uint32(w))
					binary.BigEndian.PutUint32(m[4:], uint32(i))
					var err error
					switch i % 3 {
					case 0:
						err = p.client.Write(ctx, frame.Binary, m[:5], m[5:])
					case 1:
						err = p.client.Send(ctx, pushwire.Prepare(frame.Binary, m))
					case 2:
						var wr io.WriteCloser
						if wr, err = p.client.Writer(ctx, frame.Binary); err == nil {
							wr.Write(m[:size/2])
							wr.Write(m[size/2:])
							err = wr.Close()
						}
					}
					if err != nil {
						t.Errorf("writer %d, message %d: %v", w, i, err)
						return
					}
				}
			})
		}
		next := make([]int, writers)
		for n := range writers * each {
			_, m, err := p.server.Read(ctx)
			if err != nil {
				t.Fatalf("after %d messages: %v", n, err)
			}
			w, i := int(binary.BigEndian.Uint32(m)), int(binary.BigEndian.Uint32(m[4:]))
			if i != next[w] {
				t.Fatalf("writer %d: message %d came where %d was next", w, i, next[w])
			}
			next[w]++
			if rest := bytes.TrimLeft(m[8:], string([]byte{byte(w ^ i)})); len(rest) > 0 {
				t.Fatalf("writer %d, message %d is mixed up", w, i)
			}
		}
		wg.Wait()
	})
}

func TestWriteRefusesControlTypes(t *testing.T) {
	c, _ := pushwire.Pipe(nil)
	defer c.CloseNow()
	for _, typ := range []pushwire.Type{frame.Continuation, frame.Close, frame.Ping, 3} {
		if err := c.Write(t.Context(), typ, nil); !errors.Is(err, pushwire.ErrType) {
			t.Errorf("Write of %v: %v", typ, err)
		}
		if _, err := c.Writer(t.Context(), typ); !errors.Is(err, pushwire.ErrType) {
			t.Errorf("Writer of %v: %v", typ, err)
		}
	}
}

// A write whose context ends while others hold the line leaves no trace.
func TestWriteCancelledWhileItWaitsLeavesTheConnectionUsable(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		w, err := p.client.Writer(t.Context(), frame.Text)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := p.client.Write(ctx, frame.Text, []byte("never")); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("write behind an open Writer: %v", err)
		}
		if _, err := p.client.Writer(ctx, frame.Text); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Writer behind an open Writer: %v", err)
		}
		io.WriteString(w, "first")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := p.client.Write(t.Context(), frame.Text, []byte("second")); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"first", "second"} {
			if _, m, err := p.server.Read(t.Context()); err != nil || string(m) != want {
				t.Fatalf("got %q, %v; want %q", m, err, want)
			}
		}
	})
}

// The peer reads nothing, so that writes stick in the transport; those that
// their contexts end there are either whole or not there at all.
func TestWriteCancelledInTheTransportSendsWholeMessagesOrNone(t *testing.T) {
	run(t, []mode{mem, tcp, web}, nil, nil, func(t *testing.T, p pair) {
		const size = 10_000
		for n := 0; ; n++ {
			m := bytes.Repeat([]byte{byte(n)}, size)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			err := p.client.Write(ctx, frame.Binary, m)
			cancel()
			if err == nil {
				continue
			}
			if !errors.Is(err, context.DeadlineExceeded) || p.client.Err() != nil {
				t.Fatalf("write %d: %v, connection: %v", n, err, p.client.Err())
			}
			for range 20 { // and again while it sticks
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				if err := p.client.Write(ctx, frame.Binary, m); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
				cancel()
			}
			break
		}
		go p.client.Write(t.Context(), frame.Text, []byte("last"))
		for {
			typ, m, err := p.server.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if typ == frame.Text {
				break
			}
			if len(m) != size || len(bytes.TrimLeft(m, string(m[:1]))) > 0 {
				t.Fatalf("a message of %d bytes is damaged", len(m))
			}
		}
	})
}

func TestWriteCancelledInTheMiddleOfALargeFrameBreaksTheConnection(t *testing.T) {
	run(t, allModes, nil, &pushwire.Config{MaxMessage: 1 << 30}, func(t *testing.T, p pair) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { // once the first bytes of the frame have come
			if _, _, err := p.server.Reader(t.Context()); err == nil {
				cancel()
			}
		}()
		err := p.client.Write(ctx, frame.Binary, slices.Repeat([][]byte{noise(1 << 20)}, 64)...)
		if !errors.Is(err, context.Canceled) || !errors.Is(err, net.ErrClosed) {
			t.Errorf("write: %v", err)
		}
		<-p.client.Done()
		if err := p.client.Write(t.Context(), frame.Text, nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write afterwards: %v", err)
		}
	})
}

func TestWriteTimeoutEndsAPeerThatTakesNothing(t *testing.T) {
	cfg := &pushwire.Config{WriteTimeout: 50 * time.Millisecond, MaxMessage: 1 << 30}
	run(t, allModes, cfg, nil, func(t *testing.T, p pair) {
		err := p.client.Write(t.Context(), frame.Binary, slices.Repeat([][]byte{noise(1 << 20)}, 64)...)
		var ne net.Error
		if !errors.Is(err, net.ErrClosed) || !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("write: %v", err)
		}
		<-p.client.Done()
	})
}

func TestWriterMakesFragmentsAndFlushSendsAtOnce(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		w, err := p.client.Writer(t.Context(), frame.Text)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "ab")
		if err := w.(interface{ Flush() error }).Flush(); err != nil {
			t.Fatal(err)
		}
		_, r, err := p.server.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 2)
		if _, err := io.ReadFull(r, b); err != nil || string(b) != "ab" {
			t.Fatalf("before the end of the message: %q, %v", b, err)
		}
		big := noise(100_000)
		for i := range big {
			big[i] &= 0x7F
		}
		wrote := make(chan error, 1)
		go func() {
			_, err := w.Write(big)
			wrote <- errors.Join(err, w.Close())
		}()
		rest, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(rest, big) {
			t.Fatalf("%d bytes, %v", len(rest), err)
		}
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if _, err := w.Write([]byte("x")); err == nil {
			t.Error("a write after Close succeeded")
		}
	})
}

// One answer to a burst of pipelined messages, then the application sleeps:
// the answer must not wait for the next call.
func TestAnswerToABurstIsNotHeldBack(t *testing.T) {
	run(t, []mode{tcp, tls_, web}, nil, nil, func(t *testing.T, p pair) {
		ctx := t.Context()
		w := pushwire.Prepare(frame.Text, []byte("burst"))
		for range 50 {
			if err := p.client.Send(ctx, w); err != nil {
				t.Fatal(err)
			}
		}
		block := make(chan struct{})
		defer close(block)
		go func() {
			for m, err := range p.server.Messages(ctx) {
				if err != nil {
					return
				}
				p.server.Write(ctx, m.Type, []byte("answer"))
				<-block // the application does something else for ever
			}
		}()
		rctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if _, m, err := p.client.Read(rctx); err != nil || string(m) != "answer" {
			t.Fatalf("%q, %v", m, err)
		}
	})
}

// So it is on a connection that has answered many bursts without stopping, where
// a timer looks and no goroutine is started.
func TestAnswerToALaterBurstIsNotHeldBack(t *testing.T) {
	run(t, []mode{mem, tcp, tls_, web}, nil, nil, func(t *testing.T, p pair) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		stop, goOn := []byte("stop"), make(chan struct{})
		go func() {
			for m, err := range p.server.Messages(ctx) {
				if err != nil {
					return
				}
				stops := bytes.Equal(m.Data, stop)
				if p.server.Write(ctx, m.Type, m.Data) != nil {
					return
				}
				if stops {
					<-goOn // the application does something else
				}
			}
		}()
		burst := slices.Repeat([]*pushwire.Prepared{pushwire.Prepare(frame.Text, []byte("go on"))}, 8)
		halt := slices.Clone(burst)
		halt[2] = pushwire.Prepare(frame.Text, stop)
		for round := range 3 {
			for k := range 40 {
				sent, answers := burst, len(burst)
				if k == 39 {
					sent, answers = halt, 3
				}
				if _, err := p.client.WritePrepared(ctx, sent...); err != nil {
					t.Fatal(err)
				}
				for n := range answers {
					if _, _, err := p.client.Read(ctx); err != nil {
						t.Fatalf("round %d, burst %d, answer %d: %v", round, k, n, err)
					}
				}
			}
			goOn <- struct{}{}
			for range len(halt) - 3 {
				if _, _, err := p.client.Read(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// In a bubble it takes no time: the clock of one in which somebody waits for a
// mutex stands still, and that may be for the answer.
func TestAnswerToALaterBurstTakesNoTimeInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pushwire.Pipe(nil)
		defer client.CloseNow()
		defer server.CloseNow()
		stop, goOn := []byte("stop"), make(chan struct{})
		go func() {
			for m, err := range server.Messages(t.Context()) {
				if err != nil {
					return
				}
				stops := bytes.Equal(m.Data, stop)
				if server.Write(t.Context(), m.Type, m.Data) != nil {
					return
				}
				if stops {
					<-goOn
				}
			}
		}()
		burst := slices.Repeat([]*pushwire.Prepared{pushwire.Prepare(frame.Text, []byte("go on"))}, 4)
		for k := range 41 {
			answers := len(burst)
			if k == 40 {
				burst[1], answers = pushwire.Prepare(frame.Text, stop), 2
			}
			began := time.Now()
			if _, err := client.WritePrepared(t.Context(), burst...); err != nil {
				t.Fatal(err)
			}
			for range answers {
				if _, _, err := client.Read(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if d := time.Since(began); d > 0 {
				t.Fatalf("burst %d: its answers took %v", k, d)
			}
			synctest.Wait() // whoever looks for what is left has looked
		}
		close(goOn)
	})
}

// Once closing has begun no call that waits to send can get its turn, and none
// waits for the end to hear of it.
func TestCloseEndsTheWaitsOfThoseWhoSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := pushwire.Pipe(&pushwire.Config{Ping: -1, WriteTimeout: -1})
		defer c.CloseNow()
		defer s.CloseNow()
		m := pushwire.Prepare(frame.Binary, make([]byte, 60<<10))
		for range 3 { // one fills the line, one the queue, one is under way
			if err := s.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		calls := map[string]func() error{
			"Send":  func() error { return s.Send(t.Context(), m) },
			"Write": func() error { return s.Write(t.Context(), frame.Text, make([]byte, 40<<10)) },
			"Writer": func() error {
				_, err := s.Writer(t.Context(), frame.Text)
				return err
			},
		}
		type end struct {
			what string
			err  error
		}
		ends := make(chan end, len(calls))
		for what, call := range calls {
			go func() { ends <- end{what, call()} }()
		}
		synctest.Wait()
		if len(ends) > 0 {
			t.Fatalf("one did not wait: %v", <-ends)
		}
		began := time.Now()
		go s.Close(1001, "bye")
		for range calls {
			e := <-ends
			if waited := time.Since(began); waited != 0 || pushwire.CodeOf(e.err) != 1001 {
				t.Errorf("%s ended after %v with %v", e.what, waited, e.err)
			}
		}
	})
}

// TLS writes by itself when a peer asks for new keys while we read. A deadline
// that a Write left on the socket would fail that, and all writes after it.
func TestWriteLeavesNoDeadlineBelowTLS(t *testing.T) {
	a, b := netPair(t, tcp)
	_, cert := testCert(t)
	below := &deadlineConn{Conn: b}
	ct := tls.Client(a, &tls.Config{InsecureSkipVerify: true})
	st := tls.Server(below, &tls.Config{Certificates: []tls.Certificate{cert}})
	go ct.Handshake()
	if err := st.Handshake(); err != nil {
		t.Fatal(err)
	}
	c := pushwire.NewConn(st, frame.Server, nil)
	defer c.CloseNow()
	defer a.Close()
	if err := c.Write(t.Context(), frame.Text, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	below.mu.Lock()
	defer below.mu.Unlock()
	if below.sets == 0 || !below.write.IsZero() {
		t.Errorf("after %d deadlines that of %v is left", below.sets, below.write)
	}
}

// deadlineConn notes its write deadline.
type deadlineConn struct {
	net.Conn
	mu    sync.Mutex
	write time.Time
	sets  int
}

func (c *deadlineConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.write, c.sets = t, c.sets+1
	c.mu.Unlock()
	return c.Conn.SetWriteDeadline(t)
}

// A Write whose context ends before the transport took a byte of it was never
// made.
func TestWriteThatDidNotBeginIsNotSent(t *testing.T) {
	for _, size := range []int{10, 10_000, 100_000} {
		synctest.Test(t, func(t *testing.T) {
			const line = 1000
			a, b := memconn.PipeSize(line)
			defer a.Close()
			c := pushwire.NewConn(b, frame.Server, &pushwire.Config{Ping: -1, WriteTimeout: -1})
			defer c.CloseNow()
			const header = 4
			if err := c.Write(t.Context(), frame.Binary, make([]byte, line-header)); err != nil { // fills the line to the byte
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := c.Write(ctx, frame.Binary, make([]byte, size)); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Write of %d bytes on a full line: %v", size, err)
			}
			if _, err := io.ReadFull(a, make([]byte, line)); err != nil {
				t.Fatal(err)
			}
			if err := c.Write(t.Context(), frame.Text, []byte("next")); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 6)
			if _, err := io.ReadFull(a, got); err != nil || string(got) != "\x81\x04next" {
				t.Errorf("behind a Write of %d bytes that did not begin: %q, %v", size, got, err)
			}
		})
	}
}
