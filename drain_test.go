package pushwire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/internal/memconn"
)

// Close of a connection whose application reads on, however slowly: nothing
// that the peer sent before its close frame may be missing.
func TestCloseLosesNothingOfASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := pushwire.Pipe(nil)
		const n = 400
		go func() {
			for i := range n {
				c.Write(t.Context(), frame.Text, fmt.Appendf(nil, "%01000d", i))
			}
			c.Read(t.Context()) // answers the close frame
		}()
		got := make(chan int)
		go func() {
			k := 0
			for m, err := range s.Messages(t.Context()) {
				if err != nil {
					break
				}
				if string(m.Data) != fmt.Sprintf("%01000d", k) {
					t.Errorf("message %d is %.20q", k, m.Data)
					break
				}
				k++
				time.Sleep(time.Millisecond)
			}
			got <- k
		}()
		time.Sleep(10 * time.Millisecond)
		if err := s.Close(1000, ""); err != nil {
			t.Errorf("Close: %v", err)
		}
		if k := <-got; k != n {
			t.Errorf("%d of %d messages were delivered", k, n)
		}
		synctest.Wait()
	})
}

func TestCloseLeavesAnOpenReaderItsMessage(t *testing.T) {
	for _, active := range []bool{false, true} {
		t.Run(fmt.Sprintf("active=%v", active), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := pushwire.Pipe(nil)
				w, err := c.Writer(t.Context(), frame.Text)
				if err != nil {
					t.Fatal(err)
				}
				flush := w.(interface{ Flush() error }).Flush
				io.WriteString(w, "one ")
				flush()
				_, r, err := s.Reader(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				closed := make(chan error, 1)
				go func() { closed <- s.Close(1000, "") }()
				synctest.Wait()
				b := make([]byte, 4)
				io.WriteString(w, "two")
				flush()
				synctest.Wait()
				if active {
					io.ReadFull(r, b)
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				c.Write(t.Context(), frame.Text, []byte("three"))
				go c.Read(t.Context())
				synctest.Wait()
				m, err := io.ReadAll(r)
				if active {
					m = append(b, m...)
				}
				if string(m) != "one two" || err != nil {
					t.Errorf("the open Reader got %q, %v", m, err)
				}
				if _, m, err := s.Read(t.Context()); string(m) != "three" {
					t.Errorf("then: %q, %v", m, err)
				}
				if err := <-closed; err != nil {
					t.Errorf("Close: %v", err)
				}
			})
		})
	}
}

func TestPongTimeoutCountsWhatItSays(t *testing.T) {
	for _, tt := range []struct{ every, within, want time.Duration }{
		{time.Second, 5 * time.Second, 6 * time.Second},
		{5 * time.Second, time.Second, 6 * time.Second},
		{time.Second, time.Second, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, dead := memconn.Pipe()
			defer dead.Close()
			c := pushwire.NewConn(a, frame.Client, &pushwire.Config{Ping: tt.every, PongTimeout: tt.within})
			start := time.Now()
			c.Read(t.Context())
			if got := time.Since(start); got != tt.want {
				t.Errorf("ping every %v, pong within %v: ended after %v, want %v", tt.every, tt.within, got, tt.want)
			}
		})
	}
}

// A peer that takes a long message slowly can't answer the ping behind it.
func TestSlowPeerOfALongMessageIsSpared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memconn.PipeSize(64 << 10)
		c := pushwire.NewConn(a, frame.Server, &pushwire.Config{Ping: time.Second, PongTimeout: time.Second, WriteTimeout: time.Second})
		c.Discard(t.Context())
		var peer sync.WaitGroup
		peer.Go(func() { // 64 KiB each 100 ms
			p := make([]byte, 64<<10)
			for {
				if _, err := b.Read(p); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
		if err := c.Write(t.Context(), frame.Binary, make([]byte, 8<<20)); err != nil {
			t.Errorf("Write: %v", err)
		}
		if err := c.Send(t.Context(), pushwire.Prepare(frame.Binary, make([]byte, 8<<20))); err != nil {
			t.Errorf("Send: %v", err)
		}
		time.Sleep(10 * time.Second)
		if err := c.Err(); err != nil {
			t.Errorf("ended: %v", err)
		}
		c.CloseNow()
		b.Close()
		peer.Wait()
	})
}

func TestPingsGoOnWithoutPongTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, dead := memconn.Pipe()
		defer dead.Close()
		c := pushwire.NewConn(a, frame.Server, &pushwire.Config{Ping: time.Second, PongTimeout: -1})
		c.Discard(t.Context())
		time.Sleep(100*time.Second + time.Millisecond)
		if got := c.Stats().BytesWritten; got != 100*(2+8) {
			t.Errorf("%d bytes of pings in 100 s, want %d", got, 100*(2+8))
		}
		c.CloseNow()
	})
}

func TestAHundredPingsAtOnceAreAllAnswered(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		p.client.Discard(t.Context())
		p.server.Discard(t.Context())
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if _, err := p.client.Ping(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestSendDoesNotStarveWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memconn.PipeSize(10_000)
		c := pushwire.NewConn(a, frame.Server, &pushwire.Config{Ping: -1})
		var peer sync.WaitGroup
		peer.Go(func() {
			p := make([]byte, 5000)
			for {
				if _, err := b.Read(p); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		m := pushwire.Prepare(frame.Binary, make([]byte, 20_000))
		for range 3 {
			go func() {
				for c.Send(ctx, m) == nil {
				}
			}()
		}
		synctest.Wait()
		start := time.Now()
		if err := c.Write(t.Context(), frame.Text, []byte("me too")); err != nil {
			t.Fatal(err)
		}
		// What was queued before, at most 64 KiB and one message under way.
		if took := time.Since(start); took > time.Second {
			t.Errorf("Write waited %v", took)
		}
		cancel()
		c.CloseNow()
		b.Close()
		peer.Wait()
	})
}

func TestEmptyMessagesFillTheQueueToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := stuck(t, &pushwire.Config{Ping: -1, WriteTimeout: time.Hour, Queue: pushwire.Queue{Bytes: 1000, Policy: pushwire.DropNewest}})
		empty := pushwire.Prepare(frame.Text, nil)
		n := 0
		for ; n < 1000 && c.Send(t.Context(), empty) == nil; n++ {
		}
		if n > 1000/16 {
			t.Errorf("%d empty messages were queued within 1,000 bytes", n)
		}
		c.CloseNow()
	})
}

// Every call that the end interrupts says so, with an error of its own kind.
func TestWaitingWriteLearnsOfTheEnd(t *testing.T) {
	for range 50 {
		c, s := pushwire.Pipe(nil)
		w, err := c.Writer(t.Context(), frame.Text)
		if err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, 4)
		for range 4 {
			go func() { errs <- c.Write(t.Context(), frame.Text, []byte("x")) }()
		}
		go s.CloseNow()
		go c.Read(t.Context())
		for range 4 {
			if err := <-errs; !errors.Is(err, net.ErrClosed) {
				t.Fatalf("Write: %v", err)
			}
		}
		w.Close()
		c.CloseNow()
	}
}

type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) {
	return nil, &net.OpError{Op: "accept", Err: errors.New("the interface is gone")}
}

func TestServeReturnsWhenItsListenerIsDoneFor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	err = pushwire.Serve(t.Context(), brokenListener{l}, func(context.Context, *pushwire.Conn, *handshake.Request) {}, nil)
	if err == nil {
		t.Error("Serve returned no error")
	}
}

// While Close waits for the peer's close frame, what it has kept is there for
// the application at once.
func TestReadWhileCloseWaitsIsNotHeldUp(t *testing.T) {
	for _, m := range []mode{mem, tcp, tls_} {
		t.Run(string(m), func(t *testing.T) {
			a, b := netPair(t, m)
			defer a.Close()
			c := pushwire.NewConn(a, frame.Client, nil)
			s := pushwire.NewConn(b, frame.Server, &pushwire.Config{CloseTimeout: 20 * time.Second})
			defer s.CloseNow()
			defer c.CloseNow()
			const n = 100
			for range n {
				if err := c.Write(t.Context(), frame.Text, []byte("kept")); err != nil {
					t.Fatal(err)
				}
			}
			go s.Close(1000, "")
			eventually(t, "Close has read all of them", func() bool { return s.Stats().MessagesRead == n })
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			for i := range n {
				_, r, err := s.Reader(ctx)
				if err != nil {
					t.Fatalf("message %d: %v", i, err)
				}
				if p, err := io.ReadAll(r); err != nil || string(p) != "kept" {
					t.Fatalf("message %d: %q, %v", i, p, err)
				}
			}
			if got := s.Stats().MessagesRead; got != n {
				t.Errorf("%d messages are counted for %d", got, n)
			}
		})
	}
}

// An application that reads one message piece by piece, however slowly, gets
// it whole while Close waits.
func TestCloseLosesNothingOfASlowlyReadMessage(t *testing.T) {
	for _, closes := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			c, s := pushwire.Pipe(&pushwire.Config{Ping: -1, WriteTimeout: -1, CloseTimeout: time.Hour})
			defer c.CloseNow()
			defer s.CloseNow()
			want := noise(500_000)
			go c.Write(t.Context(), frame.Binary, want)
			_, r, err := s.Reader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for range closes {
				go s.Close(1001, "")
			}
			go c.Discard(t.Context())
			synctest.Wait()
			var got []byte
			buf := make([]byte, 1000)
			for {
				time.Sleep(300 * time.Millisecond)
				n, err := r.Read(buf)
				got = append(got, buf[:n]...)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("%d Close: after %d of %d bytes: %v", closes, len(got), len(want), err)
				}
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%d Close: %d bytes of %d", closes, len(got), len(want))
			}
		})
	}
}

// Two calls of Close wait for room side by side, and a reader wakes both.
func TestTwoClosesLoseNothingOfASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := pushwire.Pipe(&pushwire.Config{Ping: -1, WriteTimeout: -1, CloseTimeout: time.Hour})
		defer c.CloseNow()
		defer s.CloseNow()
		const n = 300
		go func() {
			for i := range n {
				c.Write(t.Context(), frame.Text, fmt.Appendf(nil, "%01000d", i))
			}
			c.Close(1000, "")
		}()
		synctest.Wait()
		for range 2 {
			go s.Close(1001, "")
		}
		synctest.Wait()
		for i := range n {
			time.Sleep(300 * time.Millisecond)
			_, p, err := s.Read(t.Context())
			if err != nil || string(p) != fmt.Sprintf("%01000d", i) {
				t.Fatalf("message %d: %.20q, %v", i, p, err)
			}
		}
	})
}

// While Close waits it may hold three things at once: what a Reader has left
// of its message, whole messages behind that, and the beginning of one more.
// The application gets them in this order, each whole and with its own type,
// whichever calls it reads with.
func TestCloseKeepsMessagesApart(t *testing.T) {
	type message struct {
		typ  pushwire.Type
		data string
	}
	type reads func(ctx context.Context, s *pushwire.Conn) (message, error)
	calls := map[string]reads{
		"Read": func(ctx context.Context, s *pushwire.Conn) (message, error) {
			typ, p, err := s.Read(ctx)
			return message{typ, string(p)}, err
		},
		"ReadAppend": func(ctx context.Context, s *pushwire.Conn) (message, error) {
			typ, p, err := s.ReadAppend(ctx, []byte("kept "))
			return message{typ, string(p[5:])}, err
		},
		"Messages": func(ctx context.Context, s *pushwire.Conn) (message, error) {
			for m, err := range s.Messages(ctx) {
				return message{m.Type, string(m.Data)}, err
			}
			return message{}, io.ErrUnexpectedEOF
		},
		"Reader": func(ctx context.Context, s *pushwire.Conn) (message, error) {
			typ, r, err := s.Reader(ctx)
			if err != nil {
				return message{}, err
			}
			p, err := io.ReadAll(r)
			return message{typ, string(p)}, err
		},
	}
	for _, d := range []*pushwire.Deflate{nil, {Threshold: -1}} {
		for name, read := range calls {
			for _, whole := range []int{0, 1} {
				t.Run(fmt.Sprintf("%s, compressed %v, %d whole", name, d != nil, whole), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						ctx := t.Context()
						c, s := pushwire.Pipe(&pushwire.Config{Deflate: d, Ping: -1, CloseTimeout: time.Hour})
						defer c.CloseNow()
						defer s.CloseNow()
						first, _ := c.Writer(ctx, frame.Text)
						io.WriteString(first, "one ")
						first.(interface{ Flush() error }).Flush()
						short, cancel := context.WithTimeout(ctx, time.Second)
						_, r, err := s.Reader(short)
						if err != nil {
							t.Fatal(err)
						}
						p, err := io.ReadAll(r)
						if cancel(); string(p) != "one " || !errors.Is(err, context.DeadlineExceeded) {
							t.Fatalf("%q, %v", p, err)
						}
						closed := make(chan error, 1)
						go func() { closed <- s.Close(1000, "") }()
						synctest.Wait()
						io.WriteString(first, "two")
						first.Close()
						for range whole {
							c.Write(ctx, frame.Text, []byte("three"))
						}
						last, _ := c.Writer(ctx, frame.Binary)
						big := noise(3000)
						last.Write(big)
						last.(interface{ Flush() error }).Flush()
						synctest.Wait() // Close has read all of that

						want := []message{{frame.Text, "two"}}
						for range whole {
							want = append(want, message{frame.Text, "three"})
						}
						want = append(want, message{frame.Binary, string(big) + string(big)})
						for i, want := range want {
							if i == 1+whole {
								last.Write(big)
								last.Close()
								go c.Read(ctx)
							}
							if got, err := read(ctx, s); got != want || err != nil {
								t.Fatalf("message %d: %v of %d bytes (%.10q), %v; want %v of %d bytes", i, got.typ, len(got.data), got.data, err, want.typ, len(want.data))
							}
						}
						if err := <-closed; err != nil {
							t.Error(err)
						}
					})
				})
			}
		}
	}
}
