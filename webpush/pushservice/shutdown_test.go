package pushservice

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hung is a store whose Apply returns when it is let go, or when its context
// ends if it looks at that.
type hung struct {
	Memory
	looks  bool
	hangs  bool
	free   chan struct{}
	closed bool
}

func (h *hung) Apply(ctx context.Context, c []Change) error {
	if h.hangs {
		var done <-chan struct{}
		if h.looks {
			done = ctx.Done()
		}
		select {
		case <-h.free:
		case <-done:
			return ctx.Err()
		}
	}
	return h.Memory.Apply(ctx, c)
}

func (h *hung) Close() error {
	h.closed = true
	return nil
}

// Shutdown does not wait for a store that hangs longer than it may, and nor do
// the requests that need it.
func TestShutdownOfAStoreThatHangs(t *testing.T) {
	for _, looks := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			store := &hung{looks: looks, free: make(chan struct{})}
			s, err := New(&Options{Store: store})
			if err != nil {
				t.Fatal(err)
			}
			_, push, _ := subscribed(t, s)
			store.hangs = true
			answers := make(chan int, 2)
			for range 2 { // one is in Apply, the other waits for its turn
				go func() { answers <- do(t, s, "POST", push, "x").StatusCode }()
			}
			synctest.Wait()
			for range 2 {
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				left, err := s.Shutdown(ctx)
				cancel()
				if d := time.Since(begin); left != 0 || d > 5*time.Second+storeGrace {
					t.Errorf("it took %v, %d are left", d, left)
				}
				if err == nil {
					t.Error("there is no error")
				}
				synctest.Wait()
				if store.closed != looks {
					t.Errorf("the store is closed: %v", store.closed)
				}
			}
			if status := <-answers; status != 503 {
				t.Errorf("who waited was answered with %d", status)
			}
			close(store.free)
			if status := <-answers; status != map[bool]int{true: 503, false: 201}[looks] {
				t.Errorf("who was in the store was answered with %d", status)
			}
			synctest.Wait()
			if !store.closed {
				t.Error("the store is not closed")
			}
			// By then, there is an end to be told of.
			if _, err := s.Shutdown(t.Context()); (err == nil) == looks {
				t.Errorf("in the end: %v", err)
			}
		})
	}
}

// Connections that take all of a shutdown's time leave the store enough.
func TestShutdownLeavesTimeForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hung{}
		s, err := New(&Options{Store: store})
		if err != nil {
			t.Fatal(err)
		}
		_, push, _ := subscribed(t, s)
		want(t, s, 201, "POST", push, "x")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s.Shutdown(ctx)
		if n := store.Len(); !store.closed || n != 3 {
			t.Errorf("closed: %v, %d records", store.closed, n)
		}
	})
}

// A message that comes while the service ends is answered by what became of it.
func TestShutdownWhileMessagesCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{}
		s, err := New(&Options{Store: store, Rate: -1, Burst: -1})
		if err != nil {
			t.Fatal(err)
		}
		u, uaid := hello(t, s, "")
		mozilla := u.register(channel1, "")
		_, push, _ := subscribed(t, s)
		want(t, s, 201, "POST", mozilla, "x", "TTL", "0") // handed out and never acknowledged
		var mu sync.Mutex
		kept, refused := 0, 0
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond)
				res := do(t, s, "POST", push, "x", "TTL", "1000")
				mu.Lock()
				defer mu.Unlock()
				switch res.StatusCode {
				case 201:
					kept++
				case 503:
					refused++
				default:
					t.Errorf("answered %s", res.Status)
				}
			})
		}
		time.Sleep(2500 * time.Millisecond)
		shutdown(t, s)
		wg.Wait()
		if kept == 0 || refused == 0 || kept+refused != 50 {
			t.Errorf("%d kept, %d refused", kept, refused)
		}
		s = newService(t, &Options{Store: &store.Memory})
		if n := s.Stats().Messages; n != kept {
			t.Errorf("%d are there, %d were answered with 201", n, kept)
		}
		if _, again := hello(t, s, uaid); again != uaid {
			t.Errorf("the user agent is %s", again)
		}
	})
}
