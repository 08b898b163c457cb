package pushwire_test

// One concern, all ways to read, in one file: they are run over the same
// transports, and what one of them leaves another one goes on with.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

// noise returns n bytes that differ from run to run of the pattern.
func noise(n int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

var sizes = []int{0, 1, 2, 125, 126, 127, 255, 256, 257, 4095, 4096, 8191, 8192, 8193, 16383, 16384, 16385, 18419, 18424, 18425, 18432, 65535, 65536, 65537, 200_000, 1 << 20}

func TestMessagesOfEverySizeArriveWholeBothWays(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		ctx := t.Context()
		go echo(ctx, p.server)
		for _, n := range sizes {
			want := noise(n)
			if err := p.client.Write(ctx, frame.Binary, want); err != nil {
				t.Fatalf("write of %d bytes: %v", n, err)
			}
			typ, got, err := p.client.Read(ctx)
			if err != nil || typ != frame.Binary || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes came back as %v of %d bytes, error %v", n, typ, len(got), err)
			}
		}
	})
}

// echo answers each message with itself until the connection ends.
func echo(ctx context.Context, c *pushwire.Conn) {
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return
		}
		if c.Write(ctx, m.Type, m.Data) != nil {
			return
		}
	}
}

func TestReadAppendKeepsWhatTheCallerHad(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		ctx := t.Context()
		if err := p.client.Write(ctx, frame.Text, []byte("be"), nil, []byte("hind")); err != nil {
			t.Fatal(err)
		}
		typ, got, err := p.server.ReadAppend(ctx, []byte("front "))
		if err != nil || typ != frame.Text || string(got) != "front behind" {
			t.Fatalf("got %v %q, error %v", typ, got, err)
		}
	})
}

// A read that its context ends a thousand times in the middle of one message
// goes on each time where it stopped (DESIGN: the context rule).
func TestReadCancelledAThousandTimesInAMessageLosesNothing(t *testing.T) {
	for _, append := range []bool{false, true} {
		t.Run(fmt.Sprintf("append=%v", append), func(t *testing.T) {
			run(t, allModes, nil, nil, func(t *testing.T, p pair) {
				want := noise(100_000)
				sent := make(chan error, 1)
				step := make(chan struct{})
				go func() {
					w, err := p.client.Writer(t.Context(), frame.Binary)
					for i := 0; i < len(want) && err == nil; i += 100 {
						<-step
						if _, err = w.Write(want[i : i+100]); err == nil {
							err = w.(interface{ Flush() error }).Flush()
						}
					}
					if err == nil {
						err = w.Close()
					}
					sent <- err
				}()
				cancelled := 0
				var got []byte
				for got == nil {
					ctx, cancel := context.WithCancel(t.Context())
					done := make(chan struct{})
					go func() {
						select {
						case step <- struct{}{}:
						default:
						}
						runtime.Gosched()
						cancel()
						close(done)
					}()
					var p0 []byte
					var err error
					if append {
						_, p0, err = p.server.ReadAppend(ctx, nil)
					} else {
						_, p0, err = p.server.Read(ctx)
					}
					<-done
					switch {
					case err == nil:
						got = p0
					case errors.Is(err, context.Canceled):
						cancelled++
					default:
						t.Fatalf("after %d cancelled reads: %v", cancelled, err)
					}
					if cancelled > 2_000_000 {
						t.Fatal("the message does not come")
					}
				}
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
				if cancelled < 1000 {
					t.Errorf("only %d reads were cancelled", cancelled)
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("the message differs: %d bytes of %d", len(got), len(want))
				}
			})
		})
	}
}

func TestReaderGoesOnAfterItsContextEnded(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		w, err := p.client.Writer(t.Context(), frame.Text)
		if err != nil {
			t.Fatal(err)
		}
		flush := func(s string) {
			io.WriteString(w, s)
			w.(interface{ Flush() error }).Flush()
		}
		flush("first ")
		ctx, cancel := context.WithCancel(t.Context())
		_, r, err := p.server.Reader(ctx)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		n, err := io.ReadAtLeast(r, buf, len("first "))
		if err != nil || string(buf[:n]) != "first " {
			t.Fatalf("%q, %v", buf[:n], err)
		}
		cancel()
		if _, err := r.Read(buf); !errors.Is(err, context.Canceled) {
			t.Fatalf("read with an ended context: %v", err)
		}
		flush("second")
		w.Close()
		typ, r2, err := p.server.Reader(t.Context())
		if err != nil || typ != frame.Text {
			t.Fatal(typ, err)
		}
		if _, err := r.Read(buf); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("the older Reader still reads: %v", err)
		}
		rest, err := io.ReadAll(r2)
		if err != nil || string(rest) != "second" {
			t.Fatalf("%q, %v", rest, err)
		}
	})
}

// A Reader that has come to the end of its message stays there, also when
// somebody has waited since, and the connection has ended.
func TestReaderStaysAtItsEnd(t *testing.T) {
	ends := map[string]func(c *pushwire.Conn){
		"CloseNow": func(c *pushwire.Conn) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			c.Read(ctx)
			c.CloseNow()
		},
		"Close": func(c *pushwire.Conn) { c.Close(frame.CodeNormal, "") },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			run(t, allModes, nil, nil, func(t *testing.T, p pair) {
				sendMessage(p.client, "message")
				go p.client.Read(context.Background()) // for Close
				_, r, err := p.server.Reader(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if b, err := io.ReadAll(r); string(b) != "message" || err != nil {
					t.Fatalf("%q, %v", b, err)
				}
				end(p.server)
				if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("%d, %v", n, err)
				}
			})
		})
	}
}

func TestReaderSkipsWhatAnEarlierOneLeft(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		ctx := t.Context()
		go func() {
			for i := range 3 {
				p.client.Write(ctx, frame.Text, []byte(strings.Repeat(fmt.Sprint(i), 50_000)))
			}
		}()
		for i := range 3 {
			_, r, err := p.server.Reader(ctx)
			if err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 10)
			if _, err := io.ReadFull(r, b); err != nil || string(b) != strings.Repeat(fmt.Sprint(i), 10) {
				t.Fatalf("message %d begins with %q, %v", i, b, err)
			}
		}
	})
}

func TestReaderThenReadGivesTheRest(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		ctx := t.Context()
		want := noise(100_000)
		go p.client.Write(ctx, frame.Binary, want)
		_, r, err := p.server.Reader(ctx)
		if err != nil {
			t.Fatal(err)
		}
		head := make([]byte, 1234)
		if _, err := io.ReadFull(r, head); err != nil {
			t.Fatal(err)
		}
		_, rest, err := p.server.Read(ctx)
		if err != nil || !bytes.Equal(append(head, rest...), want) {
			t.Fatalf("%d bytes, %v", len(rest), err)
		}
	})
}

func TestFragmentsWithControlFramesBetweenAreOneMessage(t *testing.T) {
	var pings []string
	cfg := &pushwire.Config{OnPing: func(_ *pushwire.Conn, p []byte) { pings = append(pings, string(p)) }}
	a, b := netPair(t, tcp)
	defer a.Close()
	c := pushwire.NewConn(b, frame.Server, cfg)
	defer c.CloseNow()
	key := [4]byte{1, 2, 3, 4}
	var wire []byte
	put := func(fin bool, op frame.Opcode, payload string) {
		h := frame.Header{Fin: fin, Opcode: op, Masked: true, Key: key, Length: int64(len(payload))}
		wire = h.Append(wire)
		for i := range len(payload) {
			wire = append(wire, payload[i]^key[i%4])
		}
	}
	put(false, frame.Text, "one ")
	put(true, frame.Ping, "p1")
	put(false, frame.Continuation, "")
	put(true, frame.Pong, "nobody asked")
	put(true, frame.Ping, "p2")
	put(true, frame.Continuation, "two")
	go a.Write(wire)
	typ, got, err := c.Read(t.Context())
	if err != nil || typ != frame.Text || string(got) != "one two" {
		t.Fatalf("%v %q %v", typ, got, err)
	}
	if want := []string{"p1", "p2"}; fmt.Sprint(pings) != fmt.Sprint(want) {
		t.Errorf("OnPing saw %q, want %q", pings, want)
	}
	answers := make([]byte, len("\x8a\x02p1\x8a\x02p2"))
	if _, err := io.ReadFull(a, answers); err != nil || string(answers) != "\x8a\x02p1\x8a\x02p2" {
		t.Errorf("pongs: %q, %v", answers, err)
	}
}

func TestMessageOverTheLimitIs1009AndNamesTheLimit(t *testing.T) {
	cfg := &pushwire.Config{MaxMessage: 1000}
	run(t, allModes, nil, cfg, func(t *testing.T, p pair) {
		ctx := t.Context()
		go p.client.Write(ctx, frame.Binary, noise(1001))
		_, _, err := p.server.Read(ctx)
		if pushwire.CodeOf(err) != frame.CodeTooBig || !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "MaxMessage") {
			t.Errorf("server: %v", err)
		}
		if _, _, again := p.server.Read(ctx); again != err {
			t.Errorf("the error is not sticky: %v", again)
		}
		_, _, err = p.client.Read(ctx)
		var ce *pushwire.CloseError
		if !errors.As(err, &ce) || ce.Code != frame.CodeTooBig || !ce.Remote {
			t.Errorf("client: %v", err)
		}
	})
}

func TestTooManyFragmentsIs1009(t *testing.T) {
	cfg := &pushwire.Config{MaxFragments: 3}
	run(t, allModes, nil, cfg, func(t *testing.T, p pair) {
		ctx := t.Context()
		w, err := p.client.Writer(ctx, frame.Binary)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			w.Write([]byte("x"))
			w.(interface{ Flush() error }).Flush()
		}
		w.Close() // the fourth
		if _, _, err := p.server.Read(ctx); pushwire.CodeOf(err) != frame.CodeTooBig {
			t.Errorf("server: %v", err)
		}
	})
}

// What a header declares must reserve nothing: memory follows the bytes.
func TestDeclaredLengthReservesNoMemory(t *testing.T) {
	a, b := netPair(t, tcp)
	defer a.Close()
	c := pushwire.NewConn(b, frame.Server, &pushwire.Config{MaxMessage: 1 << 40})
	defer c.CloseNow()
	h := frame.Header{Fin: true, Opcode: frame.Binary, Masked: true, Length: 1 << 39}
	ctx, cancel := context.WithCancel(t.Context())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	go func() {
		a.Write(append(h.Append(nil), make([]byte, 100)...))
		for c.Stats().BytesRead < 100 {
			runtime.Gosched()
		}
		cancel()
	}()
	if _, _, err := c.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 256<<10 {
		t.Errorf("%d bytes were allocated for a header that declares 1<<39 and 100 bytes", got)
	}
}

func TestConcurrentReadersGetOneMessageEach(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		const n = 200
		got := make(chan string, n)
		for range 8 {
			go func() {
				for {
					_, m, err := p.server.Read(t.Context())
					if err != nil {
						return
					}
					got <- string(m)
				}
			}()
		}
		for i := range n {
			if err := p.client.Write(t.Context(), frame.Text, fmt.Appendf(nil, "%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		seen := map[string]bool{}
		for range n {
			m := <-got
			if seen[m] {
				t.Fatalf("%s came twice", m)
			}
			seen[m] = true
		}
	})
}

// Messages lends its data: nothing is allocated, whatever else reads later.
func TestMessagesAndWriteAllocateNothing(t *testing.T) {
	if raceOn {
		t.Skip("allocations can't be counted under the race detector; the run without it counts them")
	}
	for _, row := range []struct {
		size int
		d    *pushwire.Deflate
	}{
		{64, nil}, {4096, nil}, {16000, nil}, {1 << 20, nil},
		{4096, &pushwire.Deflate{}}, {40_000, &pushwire.Deflate{}}, {4096, &pushwire.Deflate{ServerNoContext: true, ClientNoContext: true}},
	} {
		cfg, size := &pushwire.Config{Deflate: row.d}, row.size
		run(t, []mode{tcp}, cfg, cfg, func(t *testing.T, p pair) {
			ctx := t.Context()
			go echo(ctx, p.server)
			msg := noise(size)
			if row.d != nil {
				msg = []byte(strings.Repeat(text(size), 1+size/len(text(size)))[:size])
			}
			buf := make([]byte, 0, 2*size)
			round := func() {
				if err := p.client.Write(ctx, frame.Binary, msg); err != nil {
					t.Fatal(err)
				}
				_, b, err := p.client.ReadAppend(ctx, buf[:0])
				if err != nil || len(b) != size {
					t.Fatal(len(b), err)
				}
			}
			for range 100 {
				round()
			}
			// Both ends run here: the figure is that of two messages read and two
			// written. A garbage collection would empty the pools.
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			if n := testing.AllocsPerRun(min(2000, 200<<20/size), round); n >= 1 {
				t.Errorf("%d B, %+v: %v allocations per echo", size, row.d, n)
			}
		})
	}
}

// Large messages share the memory that earlier ones have left: what one loop
// holds is not touched by the others, and a message that a context interrupts
// again and again comes whole.
func TestLargeMessagesOfManyConnectionsKeepApart(t *testing.T) {
	sizes := []int{70 << 10, 1 << 20, 300 << 10, 1200 << 10, 100, 3 << 20, 140 << 10}
	cfg := &pushwire.Config{MaxMessage: 4 << 20, WriteTimeout: time.Minute} // who is interrupted all the time is slow
	var all sync.WaitGroup
	defer all.Wait()
	for k := range 6 {
		p := connect(t, tcp, cfg, cfg)
		message := func(i int) []byte {
			return bytes.Repeat([]byte{byte(31*k + i), byte(k), byte(i)}, sizes[i%len(sizes)]/3)
		}
		const n = 21
		all.Go(func() {
			for i := range n {
				if err := p.client.Write(t.Context(), frame.Binary, message(i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
		all.Go(func() {
			for i := 0; i < n; {
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if k%2 == 0 {
					ctx, cancel = context.WithTimeout(ctx, 300*time.Microsecond)
				}
				for m, err := range p.server.Messages(ctx) {
					if errors.Is(err, context.DeadlineExceeded) {
						break
					}
					if err != nil {
						t.Error(err)
						i = n
						break
					}
					want := message(i) // which takes a while; the others read meanwhile
					if !bytes.Equal(m.Data, want) {
						t.Errorf("connection %d, message %d: %d bytes, want %d, or others", k, i, len(m.Data), len(want))
						i = n
						break
					}
					if i++; i == n {
						break
					}
				}
				cancel()
			}
		})
	}
}

// Discard forgets whole messages: one that it was ended in, and one that a Read
// was ended in before, come to nobody in part.
func TestReadAfterACancelledDiscardBeginsWithAWholeMessage(t *testing.T) {
	for _, readFirst := range []bool{false, true} {
		run(t, allModes, nil, nil, func(t *testing.T, p pair) {
			w, err := p.client.Writer(t.Context(), frame.Text)
			if err != nil {
				t.Fatal(err)
			}
			flush := func(s string) {
				io.WriteString(w, s)
				w.(interface{ Flush() error }).Flush()
			}
			flush("first half, ")
			arrived := func() bool { return p.server.Stats().BytesRead >= uint64(len("first half, ")) }
			if readFirst {
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					for !arrived() {
						runtime.Gosched()
					}
					cancel()
				}()
				if _, _, err := p.server.Read(ctx); !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			gone := p.server.Discard(ctx)
			for !arrived() {
				runtime.Gosched()
			}
			pong, stop := context.WithTimeout(t.Context(), 10*time.Second)
			defer stop()
			go p.client.Read(pong)
			if _, err := p.client.Ping(pong); err != nil { // Discard has come past the first half
				t.Fatal(err)
			}
			cancel()
			<-gone.Done()
			flush("second half")
			w.Close()
			go p.client.Write(t.Context(), frame.Text, []byte("next"))
			_, got, err := p.server.Read(t.Context())
			if err != nil || string(got) != "next" {
				t.Errorf("readFirst=%v: Read after Discard: %q, %v", readFirst, got, err)
			}
		})
	}
}

// A Reader whose message is skipped must not read on behind the gap.
func TestReaderIsStaleOnceALaterOneBeganToSkip(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		w, err := p.client.Writer(t.Context(), frame.Text)
		if err != nil {
			t.Fatal(err)
		}
		flush := func(s string) {
			io.WriteString(w, s)
			w.(interface{ Flush() error }).Flush()
		}
		flush("aaaabbbb")
		_, r, err := p.server.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4)
		io.ReadFull(r, b)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		if _, _, err := p.server.Reader(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		flush("cccc")
		w.Close()
		rest, err := io.ReadAll(r)
		if err == nil && string(rest) != "bbbbcccc" {
			t.Errorf("a Reader whose message was skipped reads %q and io.EOF", rest)
		}
	})
}

func TestReaderWhoseMessageDiscardTookDoesNotEndWell(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		go p.client.Write(t.Context(), frame.Binary, noise(100_000))
		_, r, err := p.server.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := p.server.Discard(ctx)
		for p.server.Stats().MessagesRead == 0 {
			runtime.Gosched()
		}
		cancel()
		<-gone.Done()
		if rest, err := io.ReadAll(r); err == nil {
			t.Errorf("%d of 100000 bytes and io.EOF", len(rest))
		}
	})
}

// io.Reader: "Callers should treat a return of 0 and nil as indicating that
// nothing happened".
func TestReadsThatGiveNothingAreNoEnd(t *testing.T) {
	a, b := netPair(t, mem)
	defer a.Close()
	c := pushwire.NewConn(&stutter{Conn: b}, frame.Server, nil)
	defer c.CloseNow()
	want := noise(100_000)
	go a.Write(frame.AppendMessage(nil, frame.Client, frame.Binary, 0, want))
	if _, got, err := c.Read(t.Context()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// stutter returns nothing every other time.
type stutter struct {
	net.Conn
	reads int
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.reads++; s.reads%2 == 1 {
		return 0, nil
	}
	return s.Conn.Read(p)
}
