package pushwire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

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
				// In more than a thousand pieces: a Read may get the last one.
				want := noise(101_000)
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
