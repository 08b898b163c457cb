package pushwire_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

// How a Poller ends.

func TestPollerShutdown(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, first pair) {
		p := newPoller(t, nil)
		const n = 20
		var told atomic.Int32
		clients := make(chan error, n)
		for i := range n {
			q := first
			if i > 0 {
				q = connect(t, tcp, nil, nil)
			}
			if err := p.Add(q.server, func(_ context.Context, _ *pushwire.Conn, _ pushwire.Message, err error) {
				if pushwire.CodeOf(err) == frame.CodeGoingAway {
					time.Sleep(time.Millisecond)
					told.Add(1)
				}
			}); err != nil {
				t.Fatal(err)
			}
			go func() {
				_, _, err := q.client.Read(context.Background())
				clients <- err
			}()
		}
		if left, err := p.Shutdown(t.Context()); left != 0 || err != nil {
			t.Errorf("%d left, %v", left, err)
		}
		if told.Load() != n || p.Len() != 0 {
			t.Errorf("%d functions were told, want all of %d", told.Load(), n)
		}
		for range n {
			if err := <-clients; pushwire.CodeOf(err) != frame.CodeGoingAway {
				t.Error(err)
			}
		}
		if left, err := p.Shutdown(t.Context()); left != 0 || err != nil {
			t.Errorf("once more: %d left, %v", left, err)
		}
	})
}

func TestPollerShutdownEndsPeersThatDoNotAnswer(t *testing.T) {
	p := newPoller(t, nil)
	cfg := &pushwire.Config{CloseTimeout: 300 * time.Millisecond, WriteTimeout: -1}
	ends := make(chan error, 3)
	for i := range 3 {
		_, c := polledPeer(t, p, cfg, func(_ context.Context, _ *pushwire.Conn, _ pushwire.Message, err error) { ends <- err })
		if i == 0 { // this one takes nothing, either
			m := pushwire.Prepare(frame.Binary, make([]byte, 16<<20))
			go c.WritePrepared(context.Background(), m)
			eventually(t, "the write is under way", func() bool { return c.Stats().BytesWritten > 0 })
		}
	}
	start := time.Now()
	left, err := p.Shutdown(t.Context())
	if d := time.Since(start); left != 0 || err != nil || d < cfg.CloseTimeout || d > 10*cfg.CloseTimeout {
		t.Errorf("%d left, %v, after %v", left, err, d)
	}
	for range 3 {
		if err := <-ends; pushwire.CodeOf(err) != frame.CodeAbnormal {
			t.Error(err)
		}
	}
}

func TestPollerShutdownWithAContextThatEnds(t *testing.T) {
	p := newPoller(t, nil)
	entered, leave := make(chan struct{}), make(chan struct{})
	peer, _ := polledPeer(t, p, nil, func(_ context.Context, _ *pushwire.Conn, _ pushwire.Message, err error) {
		if err == nil {
			close(entered)
			<-leave
		}
	})
	ended := make(chan error, 1)
	polledPeer(t, p, nil, func(_ context.Context, _ *pushwire.Conn, _ pushwire.Message, err error) { ended <- err })
	peer.Send(1, []byte("hello"))
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if left, err := p.Shutdown(ctx); left != 2 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d left, %v, want 2 and the context's error", left, err)
	}
	if err := <-ended; pushwire.CodeOf(err) != frame.CodeAbnormal {
		t.Error(err)
	}
	// The last call has told us before it returned.
	eventually(t, "one is left, whose function has not returned", func() bool { return p.Len() == 1 })
	close(leave)
}
