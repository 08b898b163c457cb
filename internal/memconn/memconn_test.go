package memconn

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"
)

// sizes are the buffer sizes that tests run over: smaller than any write,
// not a power of two, and the default.
var sizes = []int{1, 7, 1000, DefaultSize}

func TestConnBehavesAsNettestAsks(t *testing.T) {
	for _, size := range sizes[1:] {
		nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
			a, b := PipeSize(size)
			return a, b, func() { a.Close(); b.Close() }, nil
		})
	}
}

func TestConnDeliversEveryByteInOrder(t *testing.T) {
	for _, size := range sizes {
		a, b := PipeSize(size)
		rng := rand.New(rand.NewPCG(1, uint64(size)))
		want := make([]byte, 50_000)
		for i := range want {
			want[i] = byte(rng.Uint32())
		}
		go func() {
			defer a.Close()
			rng := rand.New(rand.NewPCG(2, uint64(size)))
			for rest := want; len(rest) > 0; {
				n := min(len(rest), 1+rng.IntN(3*size))
				if _, err := a.Write(rest[:n]); err != nil {
					t.Errorf("Write: %v", err)
					return
				}
				rest = rest[n:]
			}
		}()
		var got []byte
		for {
			p := make([]byte, 1+rng.IntN(2*size))
			n, err := b.Read(p)
			got = append(got, p[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("Read: %v", err)
			}
			if n == 0 {
				t.Fatal("Read returned nothing and no error")
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("size %d: bytes differ", size)
		}
	}
}

func TestWriteReturnsBeforeAnybodyReads(t *testing.T) {
	a, b := Pipe()
	for _, c := range []*Conn{a, b} { // both ends write first
		if n, err := c.Write(make([]byte, DefaultSize)); n != DefaultSize || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	if a.Buffered() != DefaultSize || b.Buffered() != DefaultSize {
		t.Errorf("Buffered = %d, %d", a.Buffered(), b.Buffered())
	}
}

func TestConcurrentWritesDoNotInterleave(t *testing.T) {
	const writers, each, size = 20, 20, 300
	a, b := PipeSize(64)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for range each {
				a.Write(bytes.Repeat([]byte{byte(w)}, size))
			}
		})
	}
	block := make([]byte, size)
	for range writers * each {
		if _, err := io.ReadFull(b, block); err != nil {
			t.Fatal(err)
		}
		if bytes.Count(block, block[:1]) != size {
			t.Fatal("two writes are mixed")
		}
	}
	wg.Wait()
}

func TestReadAfterPeerCloseDrainsAndThenIsEOF(t *testing.T) {
	a, b := Pipe()
	a.Write([]byte("last words"))
	a.Close()
	got, err := io.ReadAll(b)
	if string(got) != "last words" || err != nil {
		t.Errorf("ReadAll = %q, %v", got, err)
	}
	if n, err := b.Write([]byte("x")); n != 0 || err != io.ErrClosedPipe {
		t.Errorf("Write to a closed peer = %d, %v", n, err)
	}
	for name, f := range map[string]func() error{
		"Read":             func() error { _, err := a.Read(make([]byte, 1)); return err },
		"Write":            func() error { _, err := a.Write(make([]byte, 1)); return err },
		"SetReadDeadline":  func() error { return a.SetReadDeadline(time.Time{}) },
		"SetWriteDeadline": func() error { return a.SetWriteDeadline(time.Time{}) },
		"SetDeadline":      func() error { return a.SetDeadline(time.Time{}) },
	} {
		if err := f(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	if err := a.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestCloseWriteEndsOneDirectionOnly(t *testing.T) {
	a, b := Pipe()
	a.Write([]byte("question"))
	a.CloseWrite()
	if got, err := io.ReadAll(b); string(got) != "question" || err != nil {
		t.Errorf("ReadAll = %q, %v", got, err)
	}
	if _, err := a.Write([]byte("x")); err != io.ErrClosedPipe {
		t.Errorf("Write after CloseWrite: %v", err)
	}
	b.Write([]byte("answer"))
	b.CloseWrite()
	if got, err := io.ReadAll(a); string(got) != "answer" || err != nil {
		t.Errorf("ReadAll = %q, %v", got, err)
	}
	a.Close()
	if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write after CloseWrite and Close: %v", err)
	}
}

// within runs f, which must be blocked at first, in a bubble, with act after
// one minute, and returns f's results and how long it took.
func within(t *testing.T, act func(a, b *Conn), f func(a, b *Conn) (int, error)) (n int, took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a, b := PipeSize(10)
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			n, err = f(a, b)
			took = time.Since(start)
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		select {
		case <-done:
			t.Fatal("the call did not wait")
		default:
		}
		act(a, b)
		<-done
		a.Close()
		b.Close()
	})
	return
}

func TestBlockedCallEndsWhenDeadlineMovesOrEndsClose(t *testing.T) {
	in := func(d time.Duration) time.Time { return time.Now().Add(d) }
	read := func(a, b *Conn) (int, error) { return a.Read(make([]byte, 1)) }
	write := func(a, b *Conn) (int, error) { return a.Write(make([]byte, 15)) }
	for _, c := range []struct {
		name string
		f    func(a, b *Conn) (int, error)
		act  func(a, b *Conn)
		n    int
		err  error
		took time.Duration
	}{
		{"read, deadline set", read, func(a, b *Conn) { a.SetReadDeadline(in(time.Second)) }, 0, os.ErrDeadlineExceeded, 61 * time.Second},
		{"read, deadline in the past", read, func(a, b *Conn) { a.SetReadDeadline(time.Unix(1, 0)) }, 0, os.ErrDeadlineExceeded, 60 * time.Second},
		{"read, both deadlines", read, func(a, b *Conn) { a.SetDeadline(in(time.Second)) }, 0, os.ErrDeadlineExceeded, 61 * time.Second},
		{"read, deadline moved out", read, func(a, b *Conn) {
			a.SetReadDeadline(in(time.Second))
			time.Sleep(time.Second / 2)
			a.SetReadDeadline(in(time.Hour))
		}, 0, os.ErrDeadlineExceeded, time.Hour + time.Minute + time.Second/2},
		{"read, deadline moved in", read, func(a, b *Conn) {
			a.SetReadDeadline(in(time.Hour))
			a.SetReadDeadline(in(time.Second))
		}, 0, os.ErrDeadlineExceeded, 61 * time.Second},
		{"read, deadline cleared, then data", read, func(a, b *Conn) {
			a.SetReadDeadline(in(time.Second))
			time.Sleep(time.Second / 2)
			a.SetReadDeadline(time.Time{})
			time.Sleep(time.Hour)
			b.Write([]byte("x"))
		}, 1, nil, time.Hour + time.Minute + time.Second/2},
		{"read, the write deadline is another one", read, func(a, b *Conn) {
			a.SetWriteDeadline(in(time.Second))
			time.Sleep(time.Hour)
			b.Write([]byte("x"))
		}, 1, nil, time.Hour + time.Minute},
		{"read, own Close", read, func(a, b *Conn) { a.Close() }, 0, net.ErrClosed, time.Minute},
		{"read, peer's Close", read, func(a, b *Conn) { b.Close() }, 0, io.EOF, time.Minute},
		{"read, peer's CloseWrite", read, func(a, b *Conn) { b.CloseWrite() }, 0, io.EOF, time.Minute},

		{"write, deadline set", write, func(a, b *Conn) { a.SetWriteDeadline(in(time.Second)) }, 10, os.ErrDeadlineExceeded, 61 * time.Second},
		{"write, both deadlines", write, func(a, b *Conn) { a.SetDeadline(in(time.Second)) }, 10, os.ErrDeadlineExceeded, 61 * time.Second},
		{"write, some room, then the deadline", write, func(a, b *Conn) {
			io.ReadFull(b, make([]byte, 3))
			a.SetWriteDeadline(in(time.Second))
		}, 13, os.ErrDeadlineExceeded, 61 * time.Second},
		{"write, room", write, func(a, b *Conn) { io.ReadFull(b, make([]byte, 15)) }, 15, nil, time.Minute},
		{"write, the read deadline is another one", write, func(a, b *Conn) {
			a.SetReadDeadline(in(time.Second))
			time.Sleep(time.Hour)
			io.ReadFull(b, make([]byte, 15))
		}, 15, nil, time.Hour + time.Minute},
		{"write, own Close", write, func(a, b *Conn) { a.Close() }, 10, net.ErrClosed, time.Minute},
		{"write, own CloseWrite", write, func(a, b *Conn) { a.CloseWrite() }, 10, io.ErrClosedPipe, time.Minute},
		{"write, peer's Close", write, func(a, b *Conn) { b.Close() }, 10, io.ErrClosedPipe, time.Minute},
		{"write that waits for another one, deadline set", func(a, b *Conn) (int, error) {
			go a.Write(make([]byte, 15))
			synctest.Wait()
			return a.Write(make([]byte, 1))
		}, func(a, b *Conn) { a.SetWriteDeadline(in(time.Second)) }, 0, os.ErrDeadlineExceeded, 61 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, took, err := within(t, c.act, c.f)
			if n != c.n || !errors.Is(err, c.err) || took != c.took {
				t.Errorf("got %d, %v after %v; want %d, %v after %v", n, err, took, c.n, c.err, c.took)
			}
		})
	}
}

func TestDeadlineFiredDoesNoHarm(t *testing.T) {
	a, b := Pipe()
	b.Write([]byte("x"))
	a.SetDeadline(time.Unix(1, 0))
	p := make([]byte, 1)
	_, rerr := a.Read(p) // although a byte is there, as on TCP
	_, werr := a.Write(p)
	for _, err := range []error{rerr, werr} {
		if ne, ok := err.(net.Error); !ok || !ne.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("error after the deadline: %v", err)
		}
	}
	a.SetDeadline(time.Time{})
	if _, err := a.Read(p); err != nil || p[0] != 'x' {
		t.Errorf("Read = %q, %v", p, err)
	}
	if _, err := a.Write(p); err != nil {
		t.Errorf("Write: %v", err)
	}
}

func TestReadChunkLimitsEachRead(t *testing.T) {
	a, b := Pipe()
	b.SetReadChunk(3)
	a.Write([]byte("abcdefgh"))
	p := make([]byte, 100)
	for _, want := range []string{"abc", "def", "gh"} {
		if n, err := b.Read(p); string(p[:n]) != want || err != nil {
			t.Errorf("Read = %q, %v; want %q", p[:n], err, want)
		}
	}
	b.SetReadChunk(0)
	a.Write([]byte("abcdefgh"))
	if n, _ := b.Read(p); n != 8 {
		t.Errorf("Read without a limit = %d bytes", n)
	}
}

func TestEmptyReadAndWriteDoNotWait(t *testing.T) {
	a, b := PipeSize(1)
	if n, err := a.Read(nil); n != 0 || err != nil {
		t.Errorf("Read(nil) = %d, %v", n, err)
	}
	b.Write([]byte("x"))
	if n, err := b.Write(nil); n != 0 || err != nil {
		t.Errorf("Write(nil) = %d, %v", n, err)
	}
}

func TestAddressesAreOfNetworkMem(t *testing.T) {
	a, b := Pipe()
	if a.LocalAddr() != b.RemoteAddr() || a.RemoteAddr() != b.LocalAddr() || a.LocalAddr() == a.RemoteAddr() {
		t.Error("the two ends' addresses do not match")
	}
	if got := a.LocalAddr().Network(); got != "mem" {
		t.Errorf("network %q", got)
	}
}

func TestNoGoroutineAndNoBufferWhenIdle(t *testing.T) {
	before := runtime.NumGoroutine()
	var pipes []*Conn
	for range 100 {
		a, b := Pipe()
		a.Write(make([]byte, 20_000))
		io.ReadFull(b, make([]byte, 20_000))
		pipes = append(pipes, a)
		if b.rd.ring != nil {
			t.Fatal("an empty direction keeps a large buffer")
		}
	}
	for start := time.Now(); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Since(start) > 10*time.Second { // that of a timer of a test before is gone by then
			t.Fatalf("%d goroutines more", runtime.NumGoroutine()-before)
		}
	}
	runtime.KeepAlive(pipes)
}

func TestPipeSizeRefusesNonPositiveSize(t *testing.T) {
	defer func() {
		if r := recover(); r != "memconn: PipeSize with a size that is not positive" {
			t.Errorf("recovered %v", r)
		}
	}()
	PipeSize(0)
}

func TestRoundTripDoesNotAllocate(t *testing.T) {
	a, b := Pipe()
	p := make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() {
		a.SetDeadline(time.Now().Add(time.Hour))
		a.Write(p)
		b.Read(p)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	x, y := Pipe()
	p := make([]byte, 64)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		x.Write(p)
		y.Read(p)
	}
}
