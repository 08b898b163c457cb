package topic

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/internal/held"
)

func TestHubKeepsNamesApart(t *testing.T) {
	var h Hub
	defer h.Close()
	ctx := context.Background()
	a, err := h.Publish(ctx, "a", "", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Publish(ctx, "b", "", []byte("2")); err != nil {
		t.Fatal(err)
	}
	if a2, stored, err := h.PublishItem(ctx, "a", Publication{Data: []byte{0xff}, Binary: true, Key: "k"}); err != nil || !stored || a2 == a {
		t.Errorf("%q, %v, %v", a2, stored, err)
	}
	if got := texts(t, h.Source("a"), ""); got != "1 \xff" {
		t.Errorf("a: %q", got)
	}
	if got := texts(t, h.Source("b"), ""); got != "2" {
		t.Errorf("b: %q", got)
	}
	wantGone(t, h.Source("b"), a)
	if h.Len() != 2 {
		t.Errorf("%d topics", h.Len())
	}
}

func TestHubSourceHasAllThatATopicHas(t *testing.T) {
	var h Hub
	defer h.Close()
	s := h.Source("a")
	called := make(chan struct{})
	s.(Waker).Wake("", func() { close(called) })
	c, stored, err := s.(Publisher).Publish(context.Background(), Publication{})
	if err != nil || !stored {
		t.Fatal(err)
	}
	<-called
	if b, err := s.(Bounder).Bounds(context.Background()); err != nil || b.Head != c || b.Items != 1 {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestHubFreesWhatIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Hub{Idle: time.Minute}
		ctx := context.Background()
		old, _ := h.Publish(ctx, "a", "", nil)
		time.Sleep(59 * time.Second)
		if h.Len() != 1 {
			t.Fatal("freed before its time")
		}
		if got, err := h.Source("a").Read(ended, "", nil); err != nil || len(got) != 1 { // a use
			t.Fatal(got, err)
		}
		time.Sleep(59 * time.Second)
		if h.Len() != 1 {
			t.Fatal("freed though it was used")
		}
		time.Sleep(17 * time.Second)
		if h.Len() != 0 {
			t.Fatal("not freed after 1.25 times Idle")
		}
		gone := wantGone(t, h.Source("a"), old)
		epoch, seq, err := gone.Head.Split()
		if oldEpoch, _, _ := old.Split(); err != nil || epoch == oldEpoch || seq != 0 {
			t.Errorf("%+v: the old cursor is %q", gone, old)
		}
		time.Sleep(2 * time.Minute) // nothing is left, not even a timer
	})
}

func TestHubKeepsWhatIsInUse(t *testing.T) {
	for _, how := range []string{"Read", "Wake"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := Hub{Idle: time.Second}
				s := h.Source("a")
				ctx, cancel := context.WithCancel(context.Background())
				end := func() { cancel() }
				if how == "Read" {
					go s.Read(ctx, "", nil)
				} else {
					end = s.(Waker).Wake("", func() { t.Error("called after stop") })
				}
				time.Sleep(time.Hour)
				if h.Len() != 1 {
					t.Error("freed while somebody waits")
				}
				end()
				end()
				time.Sleep(2 * time.Second)
				if h.Len() != 0 {
					t.Error("not freed after that")
				}
				cancel()
			})
		})
	}
}

func TestHubIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Hub{MaxTopics: 20, Idle: time.Second}
		for i := range 20 {
			if _, err := h.Publish(t.Context(), fmt.Sprint(i), "", nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.Publish(t.Context(), "one more", "", nil); err != ErrFull {
			t.Errorf("Publish: %v", err)
		}
		if _, err := h.Source("one more").Read(t.Context(), "", nil); err != ErrFull {
			t.Errorf("Read: %v", err)
		}
		called := false
		h.Source("one more").(Waker).Wake("", func() { called = true })
		synctest.Wait()
		if !called {
			t.Error("Read would return, and Wake does not say so")
		}
		if _, err := h.Publish(t.Context(), "7", "", nil); err != nil {
			t.Errorf("one that is there: %v", err)
		}
		time.Sleep(2 * time.Second)
		if _, err := h.Publish(t.Context(), "one more", "", nil); err != nil {
			t.Errorf("when others are gone: %v", err)
		}
		if _, err := h.Publish(t.Context(), strings.Repeat("n", MaxName+1), "", nil); err != ErrName {
			t.Errorf("a long name: %v", err)
		}
		h.Close()
	})
}

// A name is often a part of a request, and the request may be large.
func TestHubOwnsItsNames(t *testing.T) {
	if !held.Measurable {
		t.Log("stacks and pools are others under the race detector: nothing is measured")
		return
	}
	const n, large = 100, 64 << 10
	var h Hub
	defer h.Close()
	request := func(i int) string { return fmt.Sprintf("topic-%04d", i) + strings.Repeat("x", large) }
	before := held.Bytes()
	for i := range n {
		if _, err := h.Publish(t.Context(), request(i)[:len("topic-0000")], "", []byte("1")); err != nil {
			t.Fatal(err)
		}
	}
	held.Each(t, before, n, 8<<10)
	sources := make([]Source, n)
	before = held.Bytes()
	for i := range sources {
		sources[i] = h.Source(request(i)[:len("topic-0000")])
	}
	held.Each(t, before, n, 1<<10)
	if got := texts(t, sources[n-1], ""); got != "1" {
		t.Errorf("the last topic: %q", got)
	}
}

func TestHubClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Hub
		h.Publish(t.Context(), "b", "", nil)
		var called atomic.Int32
		h.Source("a").(Waker).Wake("", func() { called.Add(1) })
		errs := make(chan error)
		go func() {
			_, err := h.Source("a").Read(t.Context(), "", nil)
			errs <- err
		}()
		synctest.Wait()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if err := <-errs; err != ErrClosed {
			t.Errorf("who waited: %v", err)
		}
		synctest.Wait()
		if called.Load() != 1 {
			t.Errorf("called %d times", called.Load())
		}
		if _, err := h.Publish(t.Context(), "b", "", nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Publish: %v", err)
		}
		if h.Len() != 0 {
			t.Errorf("%d topics", h.Len())
		}
		h.Close()
	})
}

// slowEngine opens and closes when it is told to.
type slowEngine struct {
	open, close chan error
	opened      atomic.Int32
}

func (e *slowEngine) Open(ctx context.Context, name string) (Topic, error) {
	select {
	case err := <-e.open:
		if err != nil {
			return nil, err
		}
		e.opened.Add(1)
		return &slowTopic{Log: new(Log), e: e}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type slowTopic struct {
	*Log
	e *slowEngine
}

func (t *slowTopic) Close() error {
	t.Log.Close()
	err := <-t.e.close
	t.e.opened.Add(-1)
	return err
}

func TestHubOpensANameOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &slowEngine{open: make(chan error), close: make(chan error)}
		h := Hub{Engine: e, Idle: time.Second}
		var wg sync.WaitGroup
		impatient, cancel := context.WithCancel(t.Context())
		results := make([]error, 6)
		publish := func(i int, ctx context.Context) {
			wg.Go(func() { _, results[i] = h.Publish(ctx, "a", "", nil) })
			synctest.Wait()
		}
		publish(0, impatient) // the one who opens
		publish(1, t.Context())
		publish(2, impatient)
		publish(3, t.Context())
		cancel() // the next one opens
		synctest.Wait()
		e.open <- nil
		synctest.Wait()
		failed := errors.New("failed")
		h2 := Hub{Engine: e}
		wg.Go(func() { _, results[4] = h2.Publish(t.Context(), "a", "", nil) })
		wg.Go(func() { _, results[5] = h2.Publish(t.Context(), "a", "", nil) })
		synctest.Wait()
		e.open <- failed
		wg.Wait()
		for i, want := range []error{context.Canceled, nil, context.Canceled, nil, failed, failed} {
			if !errors.Is(results[i], want) {
				t.Errorf("%d: %v, want %v", i, results[i], want)
			}
		}
		if h.Len() != 1 || h2.Len() != 0 || e.opened.Load() != 1 {
			t.Errorf("%d and %d topics, %d opened", h.Len(), h2.Len(), e.opened.Load())
		}

		// It becomes idle, and is asked for while it closes.
		time.Sleep(2 * time.Second)
		var err error
		wg.Go(func() { _, err = h.Publish(t.Context(), "a", "", nil) })
		synctest.Wait()
		select {
		case e.open <- nil:
			t.Error("opened before it was closed")
		default:
		}
		short, cancelShort := context.WithTimeout(t.Context(), time.Second)
		defer cancelShort()
		if _, err := h.Publish(short, "a", "", nil); err != context.DeadlineExceeded {
			t.Errorf("who can't wait: %v", err)
		}
		e.close <- nil
		e.open <- nil
		wg.Wait()
		if err != nil {
			t.Error(err)
		}

		// Closed while it opens another.
		wg.Go(func() { _, err = h.Publish(t.Context(), "b", "", nil) })
		synctest.Wait()
		var closing error
		wg.Go(func() { closing = h.Close() })
		synctest.Wait()
		e.close <- failed
		e.open <- nil
		e.close <- nil
		wg.Wait()
		if err != ErrClosed || !errors.Is(closing, failed) || e.opened.Load() != 0 {
			t.Errorf("%v, %v, %d are left open", err, closing, e.opened.Load())
		}
	})
}

func TestHubWakeWhileItOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &slowEngine{open: make(chan error), close: make(chan error)}
		h := Hub{Engine: e, Idle: time.Second}
		var called atomic.Int32
		s := h.Source("a").(Waker)
		s.Wake("", func() { called.Add(1) })
		stop := s.Wake("", func() { t.Error("called after stop") })
		stop()
		synctest.Wait()
		e.open <- nil
		synctest.Wait()
		if called.Load() != 0 {
			t.Error("called with nothing there")
		}
		h.Publish(t.Context(), "a", "", nil)
		synctest.Wait()
		if called.Load() != 1 {
			t.Errorf("called %d times", called.Load())
		}
		time.Sleep(2 * time.Second)
		e.close <- nil
		synctest.Wait()
		if h.Len() != 0 {
			t.Error("a waker that was called or stopped keeps the topic open")
		}
	})
}

// "A ctx that has ended does not hide what is there", also in a topic that has
// to be opened first: it is how a poll asks.
func TestHubReadOpensForWhoDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &slowEngine{open: make(chan error), close: make(chan error)}
		h := Hub{Engine: kept{e, "kept"}, Idle: time.Hour}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		go func() {
			time.Sleep(time.Second)
			e.open <- nil
		}()
		var wg sync.WaitGroup
		for range 2 { // one opens it, the other waits for that
			wg.Go(func() {
				items, err := h.Source("a").Read(ended, "", nil)
				if err != nil || len(items) != 1 || string(items[0].Data) != "kept" {
					t.Errorf("%v, %v", items, err)
				}
			})
		}
		wg.Wait()
		go func() { e.close <- nil }()
		h.Close()
		if _, err := h.Source("a").Read(ended, "", nil); err != ErrClosed {
			t.Error(err)
		}
	})
}

// kept is an engine whose topics have an item when they are opened.
type kept struct {
	Engine
	data string
}

func (k kept) Open(ctx context.Context, name string) (Topic, error) {
	t, err := k.Engine.Open(ctx, name)
	if err == nil {
		_, _, err = t.Publish(ctx, Publication{Data: []byte(k.data)})
	}
	return t, err
}

type panicEngine struct{}

func (panicEngine) Open(context.Context, string) (Topic, error) { panic("no") }

func TestHubOutlivesAnEngineThatPanics(t *testing.T) {
	h := Hub{Engine: panicEngine{}}
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is lost")
				}
			}()
			h.Publish(context.Background(), "a", "", nil)
		}()
		if h.Len() != 0 {
			t.Errorf("%d topics", h.Len())
		}
	}
}

// Names come and go under all kinds of use.
func TestHubUnderStress(t *testing.T) {
	h := Hub{Idle: 4 * time.Millisecond, MaxTopics: 40}
	defer h.Close()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 400 {
				name := fmt.Sprint(rand.N(50))
				switch rand.N(4) {
				case 0:
					c, err := h.Publish(context.Background(), name, "", []byte(name))
					if err != nil && err != ErrFull || err == nil && c == "" {
						t.Errorf("%q, %v", c, err)
					}
				case 1:
					items, err := h.Source(name).Read(ended, "", nil)
					if err != nil && err != ErrFull && err != context.Canceled {
						t.Error(err)
					}
					for _, it := range items {
						if string(it.Data) != name {
							t.Errorf("%q in %q", it.Data, name)
						}
					}
				case 2:
					h.Source(name).(Waker).Wake(Now, func() {})()
				case 3:
					ctx, cancel := context.WithTimeout(context.Background(), rand.N(2*time.Millisecond))
					h.Source(name).Read(ctx, Now, nil)
					cancel()
				}
				if n := h.Len(); n > 40 {
					t.Errorf("%d topics", n)
				}
			}
		})
	}
	wg.Wait()
}
