package pushwire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

// The hooks see the frames of both directions in order, and the end once.
func TestTraceSeesFramesAndTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		note := func(what string) func(*pushwire.Conn, frame.Header) {
			return func(_ *pushwire.Conn, h frame.Header) {
				seen = append(seen, fmt.Sprint(what, " ", h.Opcode, " ", h.Fin, " ", h.Masked, " ", h.Length))
			}
		}
		var end error
		trace := &pushwire.Trace{FrameRead: note("read"), FrameWritten: note("wrote"), Ended: func(_ *pushwire.Conn, err error) {
			seen = append(seen, "end")
			end = err
		}}
		a, b := netPair(t, mem)
		c := pushwire.NewConn(a, frame.Client, nil)
		s := pushwire.NewConn(b, frame.Server, &pushwire.Config{Trace: trace})
		ctx := t.Context()
		c.Discard(ctx)
		c.Write(ctx, frame.Text, []byte("one"))
		s.Read(ctx)
		s.Write(ctx, frame.Binary, make([]byte, 100_000))
		s.Send(ctx, pushwire.Prepare(frame.Text, []byte("three")))
		synctest.Wait()
		w, _ := c.Writer(ctx, frame.Text)
		io.WriteString(w, "four")
		w.(interface{ Flush() error }).Flush()
		w.Close()
		s.Read(ctx)
		go c.Ping(ctx)
		synctest.Wait()
		go c.Close(1000, "")
		s.Read(ctx)
		synctest.Wait()
		want := []string{
			"read text true true 3", "wrote binary true false 100000", "wrote text true false 5",
			"read text false true 4", "read continuation true true 0",
			"read ping true true 8", "wrote pong true false 8", "read close true true 2", "end",
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("seen\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
		}
		if end == nil || end != s.Err() {
			t.Errorf("told %v, but the end is %v", end, s.Err())
		}
	})
}

// hookPanics counts the panics of hooks that a Logger is told.
type hookPanics struct{ n atomic.Int32 }

func (*hookPanics) Enabled(context.Context, slog.Level) bool { return true }
func (l *hookPanics) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "panic in a hook of Config.Trace") {
		l.n.Add(1)
	}
	return nil
}
func (l *hookPanics) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *hookPanics) WithGroup(string) slog.Handler      { return l }

// writes are all ways to have a frame written.
var writes = map[string]func(ctx context.Context, p pair){
	"Write":      func(ctx context.Context, p pair) { p.server.Write(ctx, frame.Text, []byte("hello")) },
	"long Write": func(ctx context.Context, p pair) { p.server.Write(ctx, frame.Binary, make([]byte, 100_000)) },
	"Writer": func(ctx context.Context, p pair) {
		if w, err := p.server.Writer(ctx, frame.Text); err == nil {
			io.WriteString(w, "hello")
			w.Close()
		}
	},
	"Send":          func(ctx context.Context, p pair) { p.server.Send(ctx, pushwire.Prepare(frame.Text, []byte("hello"))) },
	"TrySend":       func(ctx context.Context, p pair) { trySend(ctx, p.server) },
	"WritePrepared": func(ctx context.Context, p pair) { p.server.WritePrepared(ctx, pushwire.Prepare(frame.Text, nil)) },
	"Ping": func(ctx context.Context, p pair) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		p.server.Ping(ctx)
	},
	"pong": func(ctx context.Context, p pair) {
		go p.client.Ping(ctx)
		p.server.Read(ctx)
	},
	"keepalive": func(context.Context, pair) {},
}

// trySend is TrySend where the transport can say whether it would wait.
func trySend(ctx context.Context, c *pushwire.Conn) {
	m := pushwire.Prepare(frame.Text, []byte("hello"))
	if n, err := c.TrySend(m); n == 0 && err == nil {
		c.WritePrepared(ctx, m)
	}
}

// A panic in FrameWritten, from whichever call, or goroutine of ours, goes no
// further: nobody waits for a lock that is never given back, the connection is
// closed with 1011, and one frame is logged however many there are.
func TestPanicInFrameWrittenClosesWith1011AndHoldsNothing(t *testing.T) {
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			var log hookPanics
			cfg := &pushwire.Config{Ping: -1, Logger: slog.New(&log), Trace: &pushwire.Trace{
				FrameWritten: func(*pushwire.Conn, frame.Header) { panic("ours") },
			}}
			if name == "keepalive" {
				cfg.Ping = time.Millisecond
			}
			run(t, []mode{mem, tcp, tls_, memDeflate}, nil, cfg, func(t *testing.T, p pair) {
				log.n.Store(0)
				read := make(chan error, 1)
				go func() {
					for {
						if _, _, err := p.client.Read(context.Background()); err != nil {
							read <- err
							return
						}
					}
				}()
				write(t.Context(), p)
				wantBroken(t, p, read, &log)
			})
		})
	}
}

// wantBroken holds that the server's end is closed with 1011 and waits for
// nothing. read is how the client's reads ended.
func wantBroken(t *testing.T, p pair, read <-chan error, log *hookPanics) {
	t.Helper()
	ctx := context.Background()
	select {
	case err := <-read:
		if pushwire.CodeOf(err) != frame.CodeInternal {
			t.Errorf("the peer is told %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the peer is told nothing")
	}
	done := make(chan string)
	for what, call := range map[string]func(){
		"Read":  func() { p.server.Read(ctx) },
		"Write": func() { p.server.Write(ctx, frame.Text, nil) },
		"Close": func() { p.server.Close(1000, "") },
		"Stats": func() { p.server.Stats() },
		"Add":   func() { pushwire.NewPoller(nil).Add(p.server, echoMessage) },
	} {
		go func() {
			call()
			done <- what
		}()
	}
	for range 5 {
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("a call hangs")
		}
	}
	if err := p.server.Err(); !errors.Is(err, net.ErrClosed) || pushwire.CodeOf(err) != frame.CodeInternal {
		t.Errorf("the end is %v", err)
	}
	eventually(t, "the panic is logged", func() bool { return log.n.Load() == 1 })
}

// The same for FrameRead, in whatever reads.
func TestPanicInFrameReadClosesWith1011AndHoldsNothing(t *testing.T) {
	for _, r := range []struct {
		name string
		read func(ctx context.Context, t *testing.T, c *pushwire.Conn)
	}{
		{"Read", func(ctx context.Context, t *testing.T, c *pushwire.Conn) { c.Read(ctx) }},
		{"ReadAppend", func(ctx context.Context, t *testing.T, c *pushwire.Conn) { c.ReadAppend(ctx, nil) }},
		{"Messages", func(ctx context.Context, t *testing.T, c *pushwire.Conn) {
			for range c.Messages(ctx) {
			}
		}},
		{"Reader", func(ctx context.Context, t *testing.T, c *pushwire.Conn) {
			if _, r, err := c.Reader(ctx); err == nil {
				io.Copy(io.Discard, r)
			}
		}},
		{"Discard", func(ctx context.Context, t *testing.T, c *pushwire.Conn) { c.Discard(ctx) }},
		{"Poller", func(ctx context.Context, t *testing.T, c *pushwire.Conn) { newPoller(t, nil).Add(c, echoMessage) }},
	} {
		for _, sent := range []string{"messages", "ping", "close"} {
			t.Run(r.name+", "+sent, func(t *testing.T) {
				var log hookPanics
				cfg := &pushwire.Config{Ping: -1, Logger: slog.New(&log), Trace: &pushwire.Trace{
					FrameRead: func(*pushwire.Conn, frame.Header) { panic("ours") },
				}}
				run(t, []mode{mem, tcp, tls_, memDeflate}, nil, cfg, func(t *testing.T, p pair) {
					log.n.Store(0)
					ctx := t.Context()
					switch sent {
					case "messages":
						p.client.Write(ctx, frame.Text, []byte("hello"))
						p.client.Write(ctx, frame.Binary, make([]byte, 20_000))
					case "ping":
						go p.client.Ping(ctx)
					case "close":
						go p.client.Close(frame.CodeNormal, "")
					}
					read := make(chan error, 1)
					go func() {
						for {
							if _, _, err := p.client.Read(context.Background()); err != nil {
								read <- err
								return
							}
						}
					}()
					if sent != "close" {
						r.read(ctx, t, p.server)
						wantBroken(t, p, read, &log)
						return
					}
					// The peer was first, and its code may be what both ends have.
					r.read(ctx, t, p.server)
					eventually(t, "the connection has ended", func() bool { return p.server.Err() != nil })
					p.server.Close(frame.CodeNormal, "")
					<-read
					eventually(t, "the panic is logged", func() bool { return log.n.Load() == 1 })
				})
			})
		}
	}
}

// A panic in Ended leaves the end as it is: the transport goes, and whoever
// waits is told.
func TestPanicInEndedHoldsNothing(t *testing.T) {
	for _, e := range []struct {
		name string
		end  func(p pair)
	}{
		{"CloseNow", func(p pair) { p.server.CloseNow() }},
		{"Close", func(p pair) { p.server.Close(frame.CodeNormal, "") }},
		{"the peer's Close", func(p pair) { p.client.Close(frame.CodeNormal, "") }},
		{"the peer's CloseNow", func(p pair) { p.client.CloseNow() }},
		{"a breach", func(p pair) { p.client.Write(context.Background(), frame.Text, []byte("\xff")) }},
		{"PongTimeout", func(p pair) {}},
	} {
		t.Run(e.name, func(t *testing.T) {
			var log hookPanics
			cfg := &pushwire.Config{Ping: -1, Logger: slog.New(&log), Trace: &pushwire.Trace{
				Ended: func(*pushwire.Conn, error) { panic("ours") },
			}}
			silent := e.name == "PongTimeout"
			if silent {
				cfg.Ping, cfg.PongTimeout = time.Millisecond, 20*time.Millisecond
			}
			run(t, []mode{mem, tcp, tls_}, nil, cfg, func(t *testing.T, p pair) {
				log.n.Store(0)
				ctx := context.Background()
				if !silent {
					p.client.Discard(ctx)
				}
				loop := make(chan struct{})
				go func() {
					defer close(loop)
					for range p.server.Messages(ctx) {
					}
				}()
				e.end(p)
				<-loop
				if _, _, err := p.server.Read(ctx); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Read: %v", err)
				}
				if err := p.server.Write(ctx, frame.Text, nil); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Write: %v", err)
				}
				p.client.Discard(ctx)
				eventually(t, "the transport is closed", func() bool { return p.client.Err() != nil })
				eventually(t, "the panic is logged", func() bool { return log.n.Load() == 1 })
			})
		})
	}
}

// toGroup is a Logger that sends what it is told to connections, as a page of
// logs does.
type toGroup struct {
	hookPanics
	g pushwire.Group
}

func (l *toGroup) Handle(ctx context.Context, r slog.Record) error {
	l.g.Broadcast(pushwire.Prepare(frame.Text, []byte(r.Message)))
	return l.hookPanics.Handle(ctx, r)
}

// A Logger may use the connection whose hook has panicked.
func TestPanicOfAHookIsLoggedOverItsConnection(t *testing.T) {
	var log toGroup
	cfg := &pushwire.Config{Ping: -1, Logger: slog.New(&log), Trace: &pushwire.Trace{
		FrameWritten: func(*pushwire.Conn, frame.Header) { panic("ours") },
	}}
	run(t, []mode{mem, tcp, tls_}, nil, cfg, func(t *testing.T, p pair) {
		log.n.Store(0)
		if err := log.g.Add(p.server); err != nil {
			t.Fatal(err)
		}
		p.client.Discard(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.server.Write(context.Background(), frame.Text, nil)
			p.server.Discard(context.Background())
			<-p.server.Done()
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("a call hangs")
		}
		if n := log.n.Load(); n != 1 {
			t.Errorf("%d panics are logged, want 1", n)
		}
	})
}
