package pushwire_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// How a Group ends.

// Over all transports, however the members are read, and where nobody reads:
// every peer gets the close frame, and every end is that of a closing handshake,
// which the application was told before Shutdown returned.
func TestGroupShutdown(t *testing.T) {
	for _, read := range []string{"Messages", "Discard", "a Poller", "nobody"} {
		t.Run(read, func(t *testing.T) {
			var ended atomic.Int32
			cfg := &pushwire.Config{Trace: &pushwire.Trace{Ended: func(c *pushwire.Conn, err error) {
				time.Sleep(time.Millisecond)
				if pushwire.CodeOf(err) == frame.CodeGoingAway {
					ended.Add(1)
				}
			}}}
			run(t, allModes, nil, cfg, func(t *testing.T, first pair) {
				ended.Store(0)
				var g pushwire.Group
				poller := newPoller(t, nil)
				const n = 10
				clients := make(chan error, n)
				for i := range n {
					p := first
					if i > 0 {
						p = connect(t, tcp, nil, cfg)
					}
					if err := g.Add(p.server); err != nil {
						t.Fatal(err)
					}
					switch read {
					case "Messages":
						go func() {
							for range p.server.Messages(context.Background()) {
							}
						}()
					case "Discard":
						p.server.Discard(t.Context())
					case "a Poller":
						poller.Add(p.server, echoMessage)
					}
					go func() {
						_, _, err := p.client.Read(context.Background())
						clients <- err
					}()
				}
				if left, err := g.Shutdown(t.Context(), frame.CodeGoingAway, "bye"); left != 0 || err != nil {
					t.Errorf("%d left, %v", left, err)
				}
				if ended.Load() != n || g.Len() != 0 {
					t.Errorf("%d are told, %d are members, want all of %d and none", ended.Load(), g.Len(), n)
				}
				for range n {
					var ce *pushwire.CloseError
					if err := <-clients; !errors.As(err, &ce) || ce.Code != frame.CodeGoingAway || ce.Reason != "bye" || !ce.Remote {
						t.Errorf("a peer got %v", err)
					}
				}
			})
		})
	}
}

// A member that is read by nobody when Shutdown begins, or by nobody any more
// while it waits, is read by Shutdown: the peer's answer is seen when it comes.
func TestGroupShutdownReadsWhatNobodyReads(t *testing.T) {
	for _, tt := range []struct {
		name string
		read func(ctx context.Context, c *pushwire.Conn)
	}{
		{"nobody reads", func(context.Context, *pushwire.Conn) {}},
		{"a Read whose context ends", func(ctx context.Context, c *pushwire.Conn) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			c.Read(ctx)
		}},
		{"an application at work", func(ctx context.Context, c *pushwire.Conn) {
			for range c.Messages(ctx) {
				time.Sleep(time.Hour)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := memconn.Pipe()
				p := testpeer.New(t, a, testpeer.Client)
				c := pushwire.NewConn(b, frame.Server, nil)
				var g pushwire.Group
				g.Add(c)
				go tt.read(context.Background(), c)
				synctest.Wait()
				start := time.Now()
				go func() {
					time.Sleep(500 * time.Millisecond)
					if tt.name != "a Read whose context ends" {
						p.Send(1, []byte("a last word"))
					}
					time.Sleep(1500 * time.Millisecond)
					p.SendClose(1001, "")
				}()
				left, err := g.Shutdown(t.Context(), frame.CodeGoingAway, "")
				if d := time.Since(start); left != 0 || err != nil || d != 2*time.Second {
					t.Errorf("%d left, %v, after %v, want 2s", left, err, d)
				}
				var ce *pushwire.CloseError
				if err := c.Err(); !errors.As(err, &ce) || ce.Received == nil || ce.Err != nil {
					t.Errorf("the end is %v", err)
				}
				if tt.name == "nobody reads" {
					if _, m, err := c.Read(t.Context()); string(m) != "a last word" || err != nil {
						t.Errorf("Read after it: %q, %v", m, err)
					}
				}
				a.Close()
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// A MessageFunc that does not return keeps its worker, and others wait for one:
// the peer's close frame is seen all the same.
func TestGroupShutdownReadsForAPollerThatIsBusy(t *testing.T) {
	var g pushwire.Group
	poller := newPoller(t, nil)
	entered, leave := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	p, c := polledPeer(t, poller, nil, func(_ context.Context, _ *pushwire.Conn, _ pushwire.Message, err error) {
		if err != nil {
			ended <- err
			return
		}
		close(entered)
		<-leave
	})
	g.Add(c)
	p.Send(1, []byte("hello"))
	<-entered
	shut := make(chan error)
	go func() {
		_, err := g.Shutdown(context.Background(), frame.CodeGoingAway, "")
		shut <- err
	}()
	p.WantClose("the server goes", 1001)
	p.SendClose(1001, "")
	if err := <-shut; err != nil || pushwire.CodeOf(c.Err()) != frame.CodeGoingAway {
		t.Errorf("%v, the end is %v", err, c.Err())
	}
	close(leave)
	if err := <-ended; err != c.Err() {
		t.Errorf("its function is told %v, the end is %v", err, c.Err())
	}
}

// Peers that do not answer have the CloseTimeout of their connection each, read
// or not, and delay nobody.
func TestGroupShutdownEndsEachAtItsCloseTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g pushwire.Group
		start := time.Now()
		took := make(map[time.Duration]time.Duration)
		var mu sync.Mutex
		for i := range 20 {
			within := time.Duration(1+i) * 333 * time.Millisecond
			a, b := memconn.Pipe()
			defer a.Close()
			c := pushwire.NewConn(b, frame.Server, &pushwire.Config{Ping: -1, CloseTimeout: within, Trace: &pushwire.Trace{
				Ended: func(_ *pushwire.Conn, err error) {
					if !strings.Contains(err.Error(), "no close frame came from the peer within "+within.String()) {
						t.Error(err)
					}
					mu.Lock()
					took[within] = time.Since(start)
					mu.Unlock()
				},
			}})
			if i%2 == 0 {
				go c.Read(t.Context())
			}
			g.Add(c)
		}
		synctest.Wait()
		quick, s := pushwire.Pipe(nil)
		quick.Discard(t.Context())
		g.Add(s)
		left, err := g.Shutdown(t.Context(), frame.CodeGoingAway, "")
		if left != 0 || err != nil {
			t.Errorf("%d left, %v", left, err)
		}
		for within, d := range took {
			if d != within {
				t.Errorf("one with %v ended after %v", within, d)
			}
		}
		if len(took) != 20 || g.Len() != 0 {
			t.Errorf("%d ended, %d members are left", len(took), g.Len())
		}
		if err := quick.Err(); pushwire.CodeOf(err) != frame.CodeGoingAway {
			t.Errorf("the peer that answers: %v", err)
		}
	})
}

// The context's end ends all that have not ended, read or not, and tells how
// many these were.
func TestGroupShutdownEndsWithItsContext(t *testing.T) {
	for _, m := range []mode{mem, tcp, tls_} {
		t.Run(string(m), func(t *testing.T) {
			var g pushwire.Group
			var reads sync.WaitGroup
			var conns []*pushwire.Conn
			for i := range 6 {
				a, b := netPair(t, m)
				defer a.Close()
				c := pushwire.NewConn(b, frame.Server, nil)
				conns = append(conns, c)
				g.Add(c)
				switch i % 3 {
				case 0: // answers
					pushwire.NewConn(a, frame.Client, nil).Discard(t.Context())
					reads.Go(func() { c.Read(context.Background()) })
				case 1:
					reads.Go(func() { c.Read(context.Background()) })
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			left, err := g.Shutdown(ctx, frame.CodeGoingAway, "")
			if left != 4 || !errors.Is(err, context.DeadlineExceeded) || g.Len() != 0 {
				t.Errorf("%d left, want 4, %v; %d members", left, err, g.Len())
			}
			for i, c := range conns {
				want := frame.CodeAbnormal
				if i%3 == 0 {
					want = frame.CodeGoingAway
				}
				if err := c.Err(); pushwire.CodeOf(err) != want {
					t.Errorf("connection %d: %v, want %v", i, err, want)
				}
			}
			reads.Wait()
		})
	}
}

// A member that waits for a worker, while all of them are in long calls, is not
// kept waiting by them: the peer's answer is seen when it comes.
func TestGroupShutdownReadsForAPollerWithoutAFreeWorker(t *testing.T) {
	var g pushwire.Group
	poller := newPoller(t, &pushwire.PollerOptions{Workers: 1})
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	f := func(_ context.Context, _ *pushwire.Conn, _ pushwire.Message, err error) {
		if err == nil {
			entered <- struct{}{}
			<-leave
		}
	}
	cfg := &pushwire.Config{CloseTimeout: time.Minute}
	busy, c1 := polledPeer(t, poller, cfg, f)
	waits, c2 := polledPeer(t, poller, cfg, f)
	for _, c := range []*pushwire.Conn{c1, c2} {
		if err := g.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	busy.Send(1, []byte("hello"))
	<-entered
	shut := make(chan error)
	go func() {
		_, err := g.Shutdown(context.Background(), frame.CodeGoingAway, "")
		shut <- err
	}()
	for _, p := range []*testpeer.Peer{busy, waits} {
		p.WantClose("", 1001)
		p.SendClose(1001, "")
	}
	if err := <-shut; err != nil {
		t.Error(err)
	}
	close(leave)
	for _, c := range []*pushwire.Conn{c1, c2} {
		var ce *pushwire.CloseError
		if err := c.Err(); !errors.As(err, &ce) || ce.Received == nil || ce.Err != nil {
			t.Errorf("ended with %v, not with the closing handshake", err)
		}
	}
}
