package pushservice

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/frame"
)

// fickle is a store that can be told to fail.
type fickle struct {
	Memory
	mu    sync.Mutex
	fails bool
	calls int
}

func (f *fickle) Apply(ctx context.Context, c []Change) error {
	f.mu.Lock()
	f.calls++
	fails := f.fails
	f.mu.Unlock()
	if fails {
		return errors.New("the disk is full")
	}
	return f.Memory.Apply(ctx, c)
}

func (f *fickle) fail(yes bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails = yes
}

// What could not be kept is answered with 503 and Retry-After, and is not
// there, so that trying again makes no second one; when the store is well
// again, nothing is missing from it.
func TestStoreThatFails(t *testing.T) {
	store := &fickle{}
	s, err := New(&Options{Store: store, Rate: -1, Burst: -1, MaxPayload: 1 << 20, MaxBytes: -1, MaxAgentBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	u, uaid := hello(t, s, "")
	endpoint := u.register(channel1, "")
	sub, push, _ := subscribed(t, s)
	topic := want(t, s, 201, "POST", push, "x", "Topic", "t").Header.Get("Location")
	before := s.Stats()
	store.fail(true)
	res := want(t, s, 503, "POST", push, "new")
	if res.Header.Get("Retry-After") == "" || strings.Contains(text(res), "disk") {
		t.Errorf("the answer is %v %s", res.Header, text(res))
	}
	want(t, s, 503, "POST", pathSubscribe, "")
	waits := func() int {
		s.st.commit.mu.Lock()
		defer s.st.commit.mu.Unlock()
		return s.st.commit.bytes
	}
	// What the store has already needs nothing of it.
	waiting := waits()
	for range 3 {
		if again := u.register(channel1, ""); again != endpoint || waits() != waiting {
			t.Errorf("registering again gave %s, want %s; %d bytes wait, and %d before", again, endpoint, waits(), waiting)
		}
	}
	if d := cmp.Diff(before, s.Stats()); d != "" {
		t.Errorf("what was not kept is there (-before +after):\n%s", d)
	}
	// One that took another's place stays, or both would be lost.
	want(t, s, 503, "POST", push, "y", "Topic", "t")
	if d := cmp.Diff(before, s.Stats()); d != "" {
		t.Errorf("with a topic (-before +after):\n%s", d)
	}
	want(t, s, 404, "GET", topic, "")
	// It does not take more and more while nothing is kept.
	big := strings.Repeat("x", 1<<20)
	for n := 0; waits() <= maxPending; n++ {
		if want(t, s, 503, "POST", push, big); n > 100 {
			t.Fatalf("after %d MiB, %d bytes wait for the store", n, waits())
		}
	}
	full := waits()
	want(t, s, 503, "POST", push, big)
	want(t, s, 503, "POST", pathSubscribe, "")
	if waits() != full || full > maxPending+2<<20 {
		t.Errorf("%d bytes wait, then %d", full, waits())
	}
	store.fail(false)
	s.st.commit.kick()
	s.st.commit.wg.Wait()
	if waits() != 0 {
		t.Errorf("%d bytes still wait", waits())
	}
	want(t, s, 201, "POST", push, "z")
	u.c.CloseNow()
	shutdown(t, s)

	s = newService(t, &Options{Store: &store.Memory})
	_, again := hello(t, s, uaid)
	if again != uaid {
		t.Errorf("the user agent is %s", again)
	}
	wantPushes(t, want(t, s, 200, "GET", sub, ""), "y", "z")
}

// slow is a store that takes its time, and counts.
type slow struct {
	Memory
	calls int
}

func (s *slow) Apply(ctx context.Context, c []Change) error {
	s.calls++ // one at a time, which the race detector sees to
	time.Sleep(time.Second)
	return s.Memory.Apply(ctx, c)
}

// Requests that come while the store is busy share its next write.
func TestCommitsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{}
		s := newService(t, &Options{Store: store, Rate: -1, Burst: -1})
		_, push, _ := subscribed(t, s)
		store.calls = 0
		begin := time.Now()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if res := do(t, s, "POST", push, "x"); res.StatusCode != 201 {
					t.Error(res.Status)
				}
			})
		}
		wg.Wait()
		if d := time.Since(begin); d > 2*time.Second || store.calls > 2 {
			t.Errorf("100 messages took %v and %d writes", d, store.calls)
		}
		// Who gives up does not keep the change from being kept.
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		go do(t, s, "POST", push, "y")
		time.Sleep(time.Millisecond)
		r, err := http.NewRequestWithContext(ctx, "POST", push, strings.NewReader("z"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("TTL", "60")
		s.ServeHTTP(&answerRecorder{header: http.Header{}}, r)
		time.Sleep(5 * time.Second)
		if n := store.Len(); n != 102+2 { // and the user agent and its subscription
			t.Errorf("%d records", n)
		}
	})
}

// Two connections of one user agent register the same channel, and the first one
// ends before the store has it: the second one's answer is good.
func TestRegisterByTwoConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{}
		s := newService(t, &Options{Store: store})
		first, uaid := hello(t, s, "")
		go do(t, s, "POST", pathSubscribe, "") // keeps the store busy
		time.Sleep(time.Millisecond)
		first.send(`{"messageType":"register","channelID":"` + channel1 + `"}`)
		synctest.Wait()
		second, again := hello(t, s, uaid)
		if again != uaid {
			t.Fatalf("the user agent is %s now", again)
		}
		second.send(`{"messageType":"register","channelID":"` + channel1 + `"}`)
		first.wantClose(frame.CodePolicy, "took over")
		m := second.want(typeRegister)
		if m.Status != 200 {
			t.Fatalf("register was answered with %+v", m)
		}
		time.Sleep(10 * time.Second)
		want(t, s, 201, "POST", m.Endpoint, "x")
		second.want(typeOfMessage)
		// Where nobody is left who waits for it, it is taken back.
		go do(t, s, "POST", pathSubscribe, "")
		time.Sleep(time.Millisecond)
		second.send(`{"messageType":"register","channelID":"` + channel2 + `"}`)
		synctest.Wait()
		if n := s.Stats().Subscriptions; n != 4 {
			t.Errorf("%d subscriptions", n)
		}
		hello(t, s, uaid)
		second.wantClose(frame.CodePolicy, "took over")
		time.Sleep(10 * time.Second)
		if n := s.Stats().Subscriptions; n != 3 {
			t.Errorf("%d subscriptions, but nobody knows one of them", n)
		}
	})
}
