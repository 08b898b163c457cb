package pushwire_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
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
