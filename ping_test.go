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
	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/internal/testpeer"
)

func TestPingMeasuresTheRoundTrip(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		p.client.Discard(t.Context())
		p.server.Discard(t.Context())
		for range 3 {
			d, err := p.client.Ping(t.Context())
			if err != nil || d <= 0 {
				t.Fatal(d, err)
			}
		}
		if p.client.Stats().RTT <= 0 {
			t.Error("Stats has no round trip time")
		}
	})
}

func TestPingWithNobodyToAnswerEndsWithItsContext(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		p.client.Discard(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := p.client.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		p.server.Discard(t.Context())
		if _, err := p.client.Ping(t.Context()); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestKeepaliveSparesALivingPeerAndEndsADeadOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pings atomic.Int32
		cfg := &pushwire.Config{OnPing: func(*pushwire.Conn, []byte) { pings.Add(1) }}
		c, s := pushwire.Pipe(cfg)
		c.Discard(t.Context())
		s.Discard(t.Context())
		time.Sleep(10*time.Minute + time.Second)
		if c.Err() != nil || s.Err() != nil {
			t.Fatalf("a living connection ended: %v, %v", c.Err(), s.Err())
		}
		if n := pings.Load(); n != 40 { // twenty from each end
			t.Errorf("%d pings in 10 minutes, want 40", n)
		}
		if s.Stats().RTT < 0 {
			t.Error("no round trip time")
		}
		c.CloseNow()
		synctest.Wait()

		a, dead := memconn.Pipe()
		start := time.Now()
		c = pushwire.NewConn(a, frame.Client, nil)
		_, _, err := c.Read(t.Context())
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() || !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "PongTimeout") {
			t.Errorf("dead peer: %v", err)
		}
		if got := time.Since(start); got != pushwire.DefaultPing+pushwire.DefaultPongTimeout {
			t.Errorf("it took %v", got)
		}
		dead.Close()
	})
}

// While nobody reads, a pong can't be seen: that is not the peer's fault.
func TestKeepaliveWaitsForAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memconn.Pipe()
		c := pushwire.NewConn(a, frame.Client, nil)
		s := pushwire.NewConn(b, frame.Server, &pushwire.Config{Ping: -1})
		s.Discard(t.Context())
		time.Sleep(time.Hour)
		if c.Err() != nil {
			t.Fatalf("ended: %v", c.Err())
		}
		c.Discard(t.Context())
		time.Sleep(time.Hour)
		if c.Err() != nil {
			t.Fatalf("ended once somebody read: %v", c.Err())
		}
		c.CloseNow()
		s.CloseNow()
	})
}

func TestKeepaliveOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pings atomic.Int32
		c, s := pushwire.Pipe(&pushwire.Config{Ping: -1, OnPing: func(*pushwire.Conn, []byte) { pings.Add(1) }})
		c.Discard(t.Context())
		s.Discard(t.Context())
		time.Sleep(24 * time.Hour)
		if n := pings.Load(); n != 0 || c.Err() != nil {
			t.Errorf("%d pings, %v", n, c.Err())
		}
		c.CloseNow()
		s.CloseNow()
	})
}

// A peer that floods pings and never reads costs a bounded amount, and the
// last ping is the one whose pong must come.
func TestPingFloodIsBoundedAndTheLastIsAnswered(t *testing.T) {
	for _, m := range []mode{mem, tcp} {
		t.Run(string(m), func(t *testing.T) {
			a, b := netPair(t, m)
			defer a.Close()
			// Our pongs stick as long as the peer reads nothing, which is as long
			// as a busy machine takes: WriteTimeout is not the subject.
			c := pushwire.NewConn(b, frame.Server, &pushwire.Config{Ping: -1, WriteTimeout: -1})
			defer c.CloseNow()
			c.Discard(t.Context())
			const n = 100_000
			flood := make(chan error, 1)
			go func() {
				var buf []byte
				for i := range n {
					buf = frame.AppendMessage(buf, frame.Client, frame.Ping, 0, fmt.Appendf(nil, "%0100d", i))
					if len(buf) > 60_000 || i == n-1 {
						if _, err := a.Write(buf); err != nil {
							flood <- err
							return
						}
						buf = buf[:0]
					}
				}
				flood <- nil
			}()
			if err := <-flood; err != nil {
				t.Fatalf("the server stopped reading: %v", err)
			}
			// Only now read: the pongs that were kept, and the last one.
			d := frame.Decoder{Role: frame.Client}
			buf := make([]byte, 64<<10)
			pongs := 0
			for {
				k, err := a.Read(buf)
				if err != nil {
					t.Fatalf("after %d pongs: %v", pongs, err)
				}
				for p := buf[:k]; len(p) > 0; {
					ev, used, err := d.Next(p)
					if err != nil {
						t.Fatal(err)
					}
					p = p[used:]
					if ev.Kind == frame.More {
						break
					}
					pongs++
					if string(ev.Payload) == fmt.Sprintf("%0100d", n-1) {
						t.Logf("%d of %d pings were answered", pongs, n)
						return
					}
				}
			}
		})
	}
}

// RFC 6455, 5.5.2: a ping is answered "unless it already received a Close
// frame"; our own is no excuse. Nor is a peer endless that pings while Close
// waits for it: of many pings the last is answered.
func TestPingBehindOurCloseFrameIsAnswered(t *testing.T) {
	for _, m := range []mode{mem, tcp, tls_} {
		for _, role := range bothRoles {
			t.Run(string(m)+"/"+role.String(), func(t *testing.T) {
				c, p := connAndPeer(t, m, role)
				done := make(chan error, 1)
				go func() { done <- c.Close(frame.CodeGoingAway, "bye") }()
				p.WantClose("ours", 1001)
				for i := range 3 {
					payload := fmt.Appendf(nil, "behind %d", i)
					p.Send(9, payload)
					p.WantFrame("behind our close frame", 10, payload)
				}
				for i := range 3000 {
					p.Send(9, fmt.Appendf(nil, "%0100d", i))
				}
				for f := p.ReadFrame(); ; f = p.ReadFrame() {
					if f.Opcode != 10 {
						t.Fatalf("behind our close frame came %v", f)
					}
					if string(f.Payload) == fmt.Sprintf("%0100d", 2999) {
						break
					}
				}
				p.SendClose(1001, "")
				if role == frame.Client { // which leaves it to the server to go first
					p.NetConn().(interface{ CloseWrite() error }).CloseWrite()
				}
				p.WantEOF("both close frames are through")
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A peer may end its half of the transport right behind a ping and still read
// the pong. It is so in the middle of our closing handshake too.
func TestPongGoesOutToAPeerThatHalfClosesAtOnce(t *testing.T) {
	for _, m := range []mode{mem, tcp, tls_} {
		for _, role := range bothRoles {
			for _, closing := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%v/closing=%v", m, role, closing), func(t *testing.T) {
					for range 10 { // the end may come before or with the write of the pong
						c, p := connAndPeer(t, m, role)
						done := make(chan error, 1)
						if closing {
							go func() { done <- c.Close(frame.CodeGoingAway, "bye") }()
							p.WantClose("ours", 1001)
						} else {
							go func() { done <- see(c).err }()
						}
						p.Send(9, []byte("and out"))
						p.NetConn().(interface{ CloseWrite() error }).CloseWrite()
						p.WantFrame("it still reads", 10, []byte("and out"))
						p.WantEOF("then the other half follows")
						if err := <-done; pushwire.CodeOf(err) != frame.CodeAbnormal {
							t.Error(err)
						}
					}
				})
			}
		}
	}
}

// A peer that half-closes and does not read gets the time of a closing
// handshake for what waits for it, not more.
func TestPongToAPeerThatHalfClosesAndNeverReadsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memconn.Pipe()
		c := pushwire.NewConn(b, frame.Server, &pushwire.Config{Ping: -1})
		go c.Write(t.Context(), frame.Binary, make([]byte, 100_000)) // fills the pipe
		synctest.Wait()
		p := testpeer.New(t, a, testpeer.Client)
		start := time.Now()
		p.Send(9, nil)
		a.CloseWrite()
		if err := see(c).err; pushwire.CodeOf(err) != frame.CodeAbnormal || time.Since(start) != 0 {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		time.Sleep(pushwire.DefaultCloseTimeout)
		synctest.Wait()
		if _, err := b.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the transport is still open: %v", err)
		}
		a.Close()
	})
}

// connAndPeer opens a connection of role without keepalive, and its peer.
func connAndPeer(t *testing.T, m mode, role frame.Role) (*pushwire.Conn, *testpeer.Peer) {
	client, server := netPair(t, m)
	ours, theirs, part := server, client, testpeer.Client
	if role == frame.Client {
		ours, theirs, part = client, server, testpeer.Server
	}
	c := pushwire.NewConn(ours, role, &pushwire.Config{Ping: -1})
	t.Cleanup(func() { c.CloseNow() })
	return c, testpeer.New(t, theirs, part)
}

// A panic in OnPing goes on through whatever reads, and the connection is
// closed with 1011: what was there of a message is lost, and its rest must not
// pass for the whole. Nobody waits for a turn that is not given back.
func TestPanicInOnPingClosesWith1011AndHoldsNothing(t *testing.T) {
	for name, read := range map[string]func(ctx context.Context, c *pushwire.Conn){
		"Messages": func(ctx context.Context, c *pushwire.Conn) {
			for range c.Messages(ctx) {
			}
		},
		"Read":       func(ctx context.Context, c *pushwire.Conn) { c.Read(ctx) },
		"ReadAppend": func(ctx context.Context, c *pushwire.Conn) { c.ReadAppend(ctx, nil) },
		"Reader": func(ctx context.Context, c *pushwire.Conn) {
			_, r, err := c.Reader(ctx)
			if err == nil {
				io.ReadAll(r)
			}
		},
		"Close": func(ctx context.Context, c *pushwire.Conn) { c.Close(1000, "") },
	} {
		t.Run(name, func(t *testing.T) {
			for _, m := range []mode{mem, tcp, tls_} {
				client, server := netPair(t, m)
				c := pushwire.NewConn(server, frame.Server, &pushwire.Config{Ping: -1, OnPing: func(*pushwire.Conn, []byte) { panic("ours") }})
				p := testpeer.New(t, client, testpeer.Client)
				caught := make(chan any, 1)
				go func() {
					defer func() { caught <- recover() }()
					read(t.Context(), c)
				}()
				code := 1011
				if name == "Close" {
					p.WantClose("of Close", 1000)
					code = 0
				}
				for _, f := range frames(textStart("lost"), pingFrame(""), lastFrame(" and the rest")) {
					f.Mask = true
					p.WriteFrame(f)
				}
				if v := <-caught; v != "ours" {
					t.Fatalf("%s: %v came out", m, v)
				}
				if code != 0 {
					p.WantClose("OnPing is broken", code)
				}
				p.NetConn().(interface{ CloseWrite() error }).CloseWrite()
				p.WantEOF("the server closes")
				// With the turn kept, this would wait for ever.
				if _, b, err := c.Read(t.Context()); err == nil || !errors.Is(err, net.ErrClosed) {
					t.Errorf("%s: %q, %v", m, b, err)
				}
				if err := c.Close(1000, ""); pushwire.CodeOf(err) != frame.CodeInternal {
					t.Errorf("%s: Close: %v", m, err)
				}
			}
		})
	}
}

// As above, where the rest of a message is skipped before the next one is read.
func TestPanicInOnPingWhileAMessageIsSkipped(t *testing.T) {
	poller := newPoller(t, nil)
	for name, read := range map[string]func(ctx context.Context, c *pushwire.Conn){
		"Messages": func(ctx context.Context, c *pushwire.Conn) {
			for range c.Messages(ctx) {
			}
		},
		"Read":   func(ctx context.Context, c *pushwire.Conn) { c.Read(ctx) },
		"Poller": nil,
	} {
		t.Run(name, func(t *testing.T) {
			client, server := netPair(t, tcp)
			logger := slog.New(slog.DiscardHandler)
			c := pushwire.NewConn(server, frame.Server, &pushwire.Config{Ping: -1, Logger: logger, OnPing: func(*pushwire.Conn, []byte) { panic("ours") }})
			defer c.CloseNow()
			p := testpeer.New(t, client, testpeer.Client)
			send := func(f testpeer.Frame) {
				f.Mask = true
				p.WriteFrame(f)
			}
			send(textStart("given up"))
			if _, _, err := c.Reader(t.Context()); err != nil {
				t.Fatal(err)
			}
			over, cancel := context.WithCancel(t.Context())
			cancel()
			if _, _, err := c.Reader(over); err == nil { // begins to skip it
				t.Fatal("a Reader of a context that has ended")
			}
			ended := make(chan error, 1)
			switch name {
			case "Poller":
				if err := poller.Add(c, func(_ context.Context, _ *pushwire.Conn, _ pushwire.Message, err error) { ended <- err }); err != nil {
					t.Fatal(err)
				}
				send(pingFrame(""))
			default:
				caught := make(chan any, 1)
				go func() {
					defer func() { caught <- recover() }()
					read(t.Context(), c)
				}()
				send(pingFrame(""))
				if v := <-caught; v != "ours" {
					t.Fatalf("%v came out", v)
				}
				go func() {
					_, _, err := c.Read(t.Context())
					ended <- err
				}()
			}
			select {
			case err := <-ended:
				if pushwire.CodeOf(err) != frame.CodeInternal {
					t.Errorf("the end is %v", err)
				}
			case <-time.After(testpeer.Timeout):
				t.Error("the turn to read is lost")
			}
		})
	}
}

// doc.go: of the pongs that the peer does not take 4 KiB are kept, and the last.
func TestPongsThatNobodyTakesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pings, line, kept = 10_000, 1000, 4 << 10
		a, b := memconn.PipeSize(line)
		defer a.Close()
		c := pushwire.NewConn(b, frame.Server, &pushwire.Config{Ping: -1, WriteTimeout: -1})
		defer c.CloseNow()
		c.Discard(t.Context())
		for range pings {
			if _, err := a.Write(frame.AppendMessage(nil, frame.Client, frame.Ping, 0, make([]byte, 100))); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		got := 0
		buf := make([]byte, 64<<10)
		for {
			a.SetReadDeadline(time.Now().Add(time.Second))
			n, err := a.Read(buf)
			got += n
			if err != nil {
				break
			}
		}
		// One flush may be under way beside what is kept for the next.
		if most := line + 2*kept + 2*(100+frame.MaxHeader); got > most {
			t.Errorf("%d bytes of pongs came, at most %d were to be kept", got, most)
		}
	})
}
