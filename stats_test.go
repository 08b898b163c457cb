package pushwire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
)

// Who asks a quiet connection for its counts all the time costs no memory: it
// borrows nothing. With the race detector, where pools forget at random, every
// fourth borrowing would show.
func TestStatsAllocatesNothing(t *testing.T) {
	p := connect(t, tcp, nil, nil)
	var rtt time.Duration
	n := testing.AllocsPerRun(5, func() {
		for range 1000 {
			rtt += p.server.Stats().RTT
		}
	})
	if n > 10 {
		t.Errorf("%v allocations for 1,000 calls of Stats", n)
	}
	if rtt != 0 {
		t.Errorf("a round trip of %v without a ping", rtt)
	}
}

// A message that a call skips, and then waits for the next one, is counted
// before that comes.
func TestStatsCountAMessageThatWasSkipped(t *testing.T) {
	for _, cut := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			client, server := pushwire.Pipe(nil)
			defer client.CloseNow()
			defer server.CloseNow()
			w, err := client.Writer(t.Context(), frame.Text)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, strings.Repeat("skipped", 1000)) // sent without its end
			_, r, err := server.Reader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			if cut { // the skipping is begun by one call and ended by another
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, _, err := server.Reader(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
			}
			var got string
			done := make(chan error, 1)
			go func() {
				_, r, err := server.Reader(t.Context())
				if err == nil {
					var p []byte
					p, err = io.ReadAll(r)
					got = string(p)
				}
				done <- err
			}()
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := server.Stats().MessagesRead; n != 1 {
				t.Errorf("cut %v: %d messages are counted while the next is waited for, want 1", cut, n)
			}
			if err := client.Write(t.Context(), frame.Text, []byte("next")); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil || got != "next" {
				t.Errorf("%q, %v", got, err)
			}
			if n := server.Stats().MessagesRead; n != 2 {
				t.Errorf("cut %v: %d messages are counted, want 2", cut, n)
			}
		})
	}
}

// Every way to send a message counts it once at one end, and every way to read it
// once at the other, when the call returns.
func TestStatsCountEachMessageOnce(t *testing.T) {
	long := noise(200_000)
	text := []byte(strings.Repeat("short and easy to compress ", 10))
	fragments := func(t *testing.T, c *pushwire.Conn, parts ...[]byte) {
		w, err := c.Writer(t.Context(), frame.Text)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range parts {
			if i > 0 {
				err = errors.Join(err, w.(interface{ Flush() error }).Flush())
			}
			_, e := w.Write(p)
			err = errors.Join(err, e)
		}
		if err := errors.Join(err, w.Close(), w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	writes := []struct {
		name string
		n    int
		f    func(t *testing.T, c *pushwire.Conn) error
	}{
		{"Write", 3, func(t *testing.T, c *pushwire.Conn) error {
			return errors.Join(c.Write(t.Context(), frame.Text), c.Write(t.Context(), frame.Binary, text, text), c.Write(t.Context(), frame.Text, text))
		}},
		{"Write, large", 1, func(t *testing.T, c *pushwire.Conn) error { return c.Write(t.Context(), frame.Binary, long) }},
		{"Writer, one frame", 1, func(t *testing.T, c *pushwire.Conn) error { fragments(t, c, text); return nil }},
		{"Writer, no byte", 1, func(t *testing.T, c *pushwire.Conn) error { fragments(t, c); return nil }},
		{"Writer, four frames", 1, func(t *testing.T, c *pushwire.Conn) error { fragments(t, c, text, text, text, text); return nil }},
		{"Writer, the last is empty", 1, func(t *testing.T, c *pushwire.Conn) error { fragments(t, c, text, nil); return nil }},
		{"Send", 2, func(t *testing.T, c *pushwire.Conn) error {
			return errors.Join(c.Send(t.Context(), pushwire.Prepare(frame.Text, text)), c.Send(t.Context(), pushwire.Prepare(frame.Binary, long)))
		}},
		{"WritePrepared", 7, func(t *testing.T, c *pushwire.Conn) error {
			_, err := c.WritePrepared(t.Context(), numbered(7, 100)...)
			return err
		}},
		{"TrySend", 3, func(t *testing.T, c *pushwire.Conn) error {
			ms := numbered(3, 10)
			n, err := c.TrySend(ms...)
			if err == nil {
				_, err = c.WritePrepared(t.Context(), ms[n:]...) // all of them where it can't try
			}
			return err
		}},
		{"Broadcast", 1, func(t *testing.T, c *pushwire.Conn) error {
			var g pushwire.Group
			if err := g.Add(c); err != nil {
				return err
			}
			defer g.Remove(c)
			g.Broadcast(pushwire.Prepare(frame.Text, text))
			return nil
		}},
		{"NetConn", 2, func(t *testing.T, c *pushwire.Conn) error {
			nc := pushwire.NetConn(c, frame.Binary)
			_, e1 := nc.Write(text)
			_, e2 := nc.Write(long)
			return errors.Join(e1, e2)
		}},
		{"Ping", 0, func(t *testing.T, c *pushwire.Conn) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			c.Ping(ctx) // nobody reads the pong
			return nil
		}},
	}
	reads := map[string]func(ctx context.Context, c *pushwire.Conn) error{
		"Read":       func(ctx context.Context, c *pushwire.Conn) error { _, _, err := c.Read(ctx); return err },
		"ReadAppend": func(ctx context.Context, c *pushwire.Conn) error { _, _, err := c.ReadAppend(ctx, nil); return err },
		"Messages": func(ctx context.Context, c *pushwire.Conn) (err error) {
			for _, err = range c.Messages(ctx) {
				break
			}
			return err
		},
		"Reader": func(ctx context.Context, c *pushwire.Conn) error {
			_, r, err := c.Reader(ctx)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			return err
		},
	}
	configs := map[string]*pushwire.Config{
		"plain":      {},
		"takeover":   {Deflate: &pushwire.Deflate{Threshold: -1}},
		"no context": {Deflate: &pushwire.Deflate{Threshold: -1, ServerNoContext: true, ClientNoContext: true}},
	}
	for how, read := range reads {
		for packed, cfg := range configs {
			t.Run(how+", "+packed, func(t *testing.T) {
				run(t, []mode{mem, web}, cfg, cfg, func(t *testing.T, p pair) {
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					defer cancel()
					for _, ends := range [][2]*pushwire.Conn{{p.client, p.server}, {p.server, p.client}} {
						var n uint64
						for _, w := range writes {
							sent := make(chan error, 1)
							go func() { sent <- w.f(t, ends[0]) }()
							for range w.n {
								if err := read(ctx, ends[1]); err != nil {
									t.Fatalf("%s: %v", w.name, err)
								}
								n++
								if got := ends[1].Stats().MessagesRead; got != n {
									t.Fatalf("%s: %d messages read are counted, want %d", w.name, got, n)
								}
							}
							if err := <-sent; err != nil {
								t.Fatalf("%s: %v", w.name, err)
							}
							if got := ends[0].Stats().MessagesWritten; got != n {
								t.Fatalf("%s: %d messages written are counted, want %d", w.name, got, n)
							}
						}
					}
				})
			})
		}
	}
}

// What answers a burst is counted too: it joins what waits and is flushed later.
func TestStatsCountWhatJoins(t *testing.T) {
	for _, cfg := range []*pushwire.Config{nil, {Deflate: &pushwire.Deflate{Threshold: -1}}} {
		run(t, []mode{mem, web}, cfg, cfg, func(t *testing.T, p pair) {
			const n = 50
			if _, err := p.client.WritePrepared(t.Context(), numbered(n, 5)...); err != nil {
				t.Fatal(err)
			}
			done := uint64(0)
			for m, err := range p.server.Messages(t.Context()) {
				if err == nil {
					err = p.server.Write(t.Context(), m.Type, m.Data)
				}
				if err != nil {
					t.Fatal(err)
				}
				done++
				if s := p.server.Stats(); s.MessagesRead != done || s.MessagesWritten != done {
					t.Fatalf("after %d: %+v", done, s)
				}
				if done == n {
					break
				}
			}
			wantNumbered(t, p.client, 0, n, 5)
		})
	}
}

// A message that its context ends in the middle is counted if it goes on being
// sent, and not if none of it is.
func TestStatsCountWhatIsInterrupted(t *testing.T) {
	for name, row := range map[string]struct {
		full bool // no byte of it is taken
		f    func(ctx context.Context, c *pushwire.Conn) error
	}{
		"Write":            {false, func(ctx context.Context, c *pushwire.Conn) error { return c.Write(ctx, frame.Binary, noise(3000)) }},
		"Write, large":     {false, func(ctx context.Context, c *pushwire.Conn) error { return c.Write(ctx, frame.Binary, noise(50_000)) }},
		"not begun":        {true, func(ctx context.Context, c *pushwire.Conn) error { return c.Write(ctx, frame.Binary, noise(3000)) }},
		"large, not begun": {true, func(ctx context.Context, c *pushwire.Conn) error { return c.Write(ctx, frame.Binary, noise(50_000)) }},
		"Writer":           {false, writeByWriter},
		"Writer not begun": {true, writeByWriter},
		"WritePrepared": {false, func(ctx context.Context, c *pushwire.Conn) error {
			_, err := c.WritePrepared(ctx, pushwire.Prepare(frame.Binary, noise(3000)))
			return err
		}},
		"NetConn": {false, func(ctx context.Context, c *pushwire.Conn) error {
			nc := pushwire.NetConn(c, frame.Binary)
			at, _ := ctx.Deadline()
			nc.SetWriteDeadline(at)
			_, err := nc.Write(noise(3000))
			return err
		}},
	} {
		for _, packed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, packed %v", name, packed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const line = 1000
					a, b := memconn.PipeSize(line)
					cfg := &pushwire.Config{Ping: -1, WriteTimeout: -1}
					if packed {
						cfg.Deflate = &pushwire.Deflate{Threshold: 2000}
					}
					c := pushwire.NewConn(a, frame.Client, cfg)
					s := pushwire.NewConn(b, frame.Server, cfg)
					defer s.CloseNow()
					defer c.CloseNow()
					const want = 1 // itself, or what fills the line
					if row.full {
						const header = 8
						if err := c.Write(t.Context(), frame.Binary, make([]byte, line-header)); err != nil {
							t.Fatal(err)
						}
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					if err := row.f(ctx, c); err == nil {
						t.Fatal("it was sent")
					}
					if got := c.Stats().MessagesWritten; got != want {
						t.Errorf("%d are counted as written, want %d", got, want)
					}
					go c.Write(t.Context(), frame.Text, []byte("last"))
					for n := uint64(0); ; n++ {
						typ, p, err := s.Read(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						if typ == frame.Text && string(p) == "last" {
							if n != want {
								t.Errorf("%d came, want %d", n, want)
							}
							return
						}
					}
				})
			})
		}
	}
}

func writeByWriter(ctx context.Context, c *pushwire.Conn) error {
	w, err := c.Writer(ctx, frame.Binary)
	if err != nil {
		return err
	}
	if _, err := w.Write(noise(3000)); err != nil {
		return err
	}
	return w.Close()
}
