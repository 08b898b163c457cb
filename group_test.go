package pushwire_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
)

// stuck returns a server's Conn whose peer never reads, and fills the line.
func stuck(t *testing.T, cfg *pushwire.Config) *pushwire.Conn {
	t.Helper()
	a, b := memconn.PipeSize(1000)
	t.Cleanup(func() { a.Close() })
	c := pushwire.NewConn(b, frame.Server, cfg)
	t.Cleanup(func() { c.CloseNow() })
	m := pushwire.Prepare(frame.Binary, make([]byte, 2000))
	if err := c.Send(t.Context(), m); err != nil { // sticks in the transport
		t.Fatal(err)
	}
	for c.Stats().Queued > 0 { // until the flush has taken it
		time.Sleep(time.Millisecond)
	}
	return c
}

func TestQueuePolicies(t *testing.T) {
	kb := pushwire.Prepare(frame.Binary, make([]byte, 1000))
	for _, tt := range []struct {
		policy pushwire.Policy
		err    error
		alive  bool
		queued int
	}{
		{pushwire.DropNewest, pushwire.ErrQueueFull, true, 10_000},
		{pushwire.DropOldest, nil, true, 10_000},
		{pushwire.Evict, nil, false, 0},
		{pushwire.Block, context.DeadlineExceeded, true, 10_000},
	} {
		t.Run(fmt.Sprint(tt.policy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := stuck(t, &pushwire.Config{Ping: -1, WriteTimeout: time.Hour, Queue: pushwire.Queue{Bytes: 10_000, Policy: tt.policy}})
				for i := range 10 {
					if err := c.Send(t.Context(), kb); err != nil {
						t.Fatalf("message %d: %v", i, err)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := c.Send(ctx, kb)
				if tt.policy == pushwire.Evict {
					if err == nil {
						t.Error("Send of an evicted peer succeeded")
					}
					if err := c.Send(ctx, kb); !errors.Is(err, net.ErrClosed) || pushwire.CodeOf(err) != frame.CodePolicy {
						t.Errorf("the next Send: %v", err)
					}
				} else if !errors.Is(err, tt.err) {
					t.Errorf("Send: %v, want %v", err, tt.err)
				}
				if got := c.Stats(); got.Queued != tt.queued {
					t.Errorf("%+v, want %d queued", got, tt.queued)
				}
				if tt.policy != pushwire.Block && c.Stats().Dropped != 1 {
					t.Errorf("%d dropped, want 1", c.Stats().Dropped)
				}
				time.Sleep(pushwire.DefaultCloseTimeout)
				synctest.Wait()
				if (c.Err() == nil) != tt.alive {
					t.Errorf("the connection: %v", c.Err())
				}
				c.CloseNow()
			})
		})
	}
}

func TestSendBlocksUntilThereIsRoom(t *testing.T) {
	run(t, []mode{mem, tcp}, &pushwire.Config{Queue: pushwire.Queue{Bytes: 10_000}}, nil, func(t *testing.T, p pair) {
		m := pushwire.Prepare(frame.Binary, make([]byte, 9_000))
		const n = 1000
		sent := make(chan error, 1)
		go func() {
			for range n {
				if err := p.client.Send(t.Context(), m); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		for i := range n {
			if _, b, err := p.server.Read(t.Context()); err != nil || len(b) != 9_000 {
				t.Fatalf("message %d: %v", i, err)
			}
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	})
}

func TestSendAndWriteKeepTheirOrder(t *testing.T) {
	run(t, allModes, &pushwire.Config{Queue: pushwire.Queue{Bytes: 1 << 20}}, nil, func(t *testing.T, p pair) {
		const n = 3000
		go func() {
			for i := range n {
				m := fmt.Appendf(nil, "%d", i)
				if i%3 == 0 {
					p.client.Write(t.Context(), frame.Text, m)
				} else {
					p.client.Send(t.Context(), pushwire.Prepare(frame.Text, m))
				}
			}
		}()
		for i := range n {
			if _, m, err := p.server.Read(t.Context()); err != nil || string(m) != fmt.Sprint(i) {
				t.Fatalf("message %d: %q, %v", i, m, err)
			}
		}
	})
}

func TestBroadcastReachesAllAndASlowPeerDelaysNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g pushwire.Group
		const n = 20
		var clients []*pushwire.Conn
		for range n {
			c, s := pushwire.Pipe(nil)
			clients = append(clients, c)
			if err := g.Add(s); err != nil {
				t.Fatal(err)
			}
			s.Discard(t.Context())
		}
		slow := stuck(t, nil)
		g.Add(slow)
		start := time.Now()
		m := pushwire.Prepare(frame.Text, make([]byte, 1000))
		total, dropped := 0, 0
		for range 100 {
			a, b := g.Broadcast(m)
			total, dropped = total+a, dropped+b
			for _, c := range clients {
				if _, _, err := c.Read(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if time.Since(start) > 0 {
			t.Errorf("it took %v of waiting", time.Since(start))
		}
		if queue := pushwire.DefaultQueueBytes / 1000; total != 100*n+queue || dropped != 100-queue {
			t.Errorf("%d sent, %d dropped", total, dropped)
		}
		if g.Len() != n+1 {
			t.Errorf("%d members", g.Len())
		}
		left, err := g.Shutdown(t.Context(), frame.CodeGoingAway, "bye")
		if left != 0 || err != nil {
			t.Errorf("Shutdown: %d left, %v", left, err)
		}
		if time.Since(start) != pushwire.DefaultCloseTimeout {
			t.Errorf("Shutdown took %v", time.Since(start))
		}
		for _, c := range clients {
			if _, _, err := c.Read(t.Context()); pushwire.CodeOf(err) != frame.CodeGoingAway {
				t.Error(err)
			}
		}
		c, s := pushwire.Pipe(nil)
		if err := g.Add(s); !errors.Is(err, pushwire.ErrGroupShut) {
			t.Errorf("Add after Shutdown: %v", err)
		}
		c.CloseNow()
		s.CloseNow()
		if g.Len() != 0 {
			t.Errorf("%d members after Shutdown", g.Len())
		}
	})
}

// A group that is large enough is shared out among goroutines: all members get
// all messages in their order, those that are stuck delay nobody, and the
// counts add up.
func TestBroadcastToManyOnManyProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	synctest.Test(t, func(t *testing.T) {
		var g pushwire.Group
		const n, stuckOnes, rounds = 1100, 8, 100
		var clients []*pushwire.Conn
		for i := range n + stuckOnes {
			if i%(n/stuckOnes) == 0 && i/(n/stuckOnes) < stuckOnes { // some in each part
				g.Add(stuck(t, nil))
				continue
			}
			c, s := pushwire.Pipe(nil)
			clients = append(clients, c)
			if err := g.Add(s); err != nil {
				t.Fatal(err)
			}
			s.Discard(t.Context())
		}
		start := time.Now()
		total, dropped := 0, 0
		for i := range rounds {
			text := fmt.Appendf(nil, "%d %01000d", i, 0)
			a, b := g.Broadcast(pushwire.Prepare(frame.Text, text))
			if a+b != g.Len() {
				t.Fatalf("%d and %d of %d members", a, b, g.Len())
			}
			total, dropped = total+a, dropped+b
			for k, c := range clients {
				if _, got, err := c.Read(t.Context()); err != nil || string(got) != string(text) {
					t.Fatalf("message %d, member %d: %.10q, %v", i, k, got, err)
				}
			}
		}
		if time.Since(start) > 0 {
			t.Errorf("it took %v of waiting", time.Since(start))
		}
		if want := len(clients) * rounds; total < want || dropped == 0 || total+dropped != want+stuckOnes*rounds {
			t.Errorf("%d sent, %d dropped; %d members read", total, dropped, len(clients))
		}
		for _, c := range clients {
			c.CloseNow()
		}
		for c := range g.All() {
			c.CloseNow()
		}
	})
}

func TestShutdownReportsHowManyWereLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g pushwire.Group
		good, s := pushwire.Pipe(nil)
		good.Discard(t.Context())
		g.Add(s)
		for range 3 {
			g.Add(stuck(t, nil))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		left, err := g.Shutdown(ctx, frame.CodeGoingAway, "")
		if left != 3 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d left, %v", left, err)
		}
	})
}

func TestMembersComeAndGoWhileOthersBroadcast(t *testing.T) {
	var g, other pushwire.Group
	m := pushwire.Prepare(frame.Text, []byte("x"))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				g.Broadcast(m)
				for c := range g.All() {
					_ = c.RemoteAddr()
				}
			}
		}
	})
	var churn sync.WaitGroup
	for range 8 {
		churn.Go(func() {
			for i := range 100 {
				c, s := pushwire.Pipe(nil)
				c.Discard(t.Context())
				g.Add(s)
				g.Add(s)
				other.Add(s)
				switch i % 3 {
				case 0:
					g.Remove(s)
					s.CloseNow()
				case 1:
					s.CloseNow()
				case 2:
					c.CloseNow()
					s.Read(t.Context())
				}
				c.CloseNow()
				s.CloseNow()
			}
		})
	}
	churn.Wait()
	close(stop)
	wg.Wait()
	if g.Len() != 0 || other.Len() != 0 {
		t.Errorf("%d and %d members are left", g.Len(), other.Len())
	}
}

func TestEvictionMatchesErrClosed(t *testing.T) {
	c, s := pushwire.Pipe(&pushwire.Config{Ping: -1, Queue: pushwire.Queue{Policy: pushwire.Evict}})
	defer c.CloseNow()
	defer s.CloseNow()
	m := pushwire.Prepare(frame.Binary, make([]byte, 60<<10))
	for {
		err := s.Send(t.Context(), m)
		if err == nil {
			continue
		}
		if !errors.Is(err, net.ErrClosed) || pushwire.CodeOf(err) != frame.CodePolicy {
			t.Errorf("evicted with %v (%d)", err, pushwire.CodeOf(err))
		}
		return
	}
}

// A connection that ends while it is added is no member afterwards.
func TestGroupHoldsNoEndedConnection(t *testing.T) {
	var g pushwire.Group
	c, s := pushwire.Pipe(nil)
	c.CloseNow()
	s.CloseNow()
	if err := g.Add(s); err != s.Err() || g.Len() != 0 {
		t.Errorf("an ended connection was added: %v, %d members", err, g.Len())
	}
	for range 500 {
		c, s := pushwire.Pipe(nil)
		var both sync.WaitGroup
		both.Go(func() { g.Add(s) })
		both.Go(func() { s.CloseNow() })
		both.Wait()
		if g.Len() != 0 {
			t.Fatal("a connection that ended meanwhile stayed")
		}
		c.CloseNow()
	}
}
