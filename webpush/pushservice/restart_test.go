package pushservice

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/leftout"
)

// What a service was told before it ended is known to the next one on the same
// store: subscriptions, keys, messages in their order, receipts, and what is
// gone.
func TestServiceGoesOnWithItsStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	memory := &Memory{}
	for name, open := range map[string]func(t *testing.T) Store{
		"Memory": func(*testing.T) Store { return memory },
		"File": func(t *testing.T) Store {
			f, err := OpenFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return f
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := New(&Options{Store: open(t)})
				if err != nil {
					t.Fatal(err)
				}
				u, uaid := hello(t, s, "")
				push := u.register(channel1, "")
				_, public := newSigner(t)
				_, restricted, _ := links(t, want(t, s, 201, "POST", pathSubscribe, `{"vapid":"`+public+`"}`, "Content-Type", "application/webpush-options+json"))
				goneSub, gone, _ := subscribed(t, s)
				want(t, s, 204, "DELETE", goneSub, "")
				for _, body := range []string{"1", "2", "3"} {
					want(t, s, 201, "POST", push, body, "TTL", "1000")
					time.Sleep(time.Millisecond)
					if m := u.want(typeOfMessage); body == "2" {
						u.ack(m, AckDelivered)
					}
				}
				res := want(t, s, 202, "POST", push, "receipt", "Prefer", "respond-async", "TTL", "1000")
				set, _ := link(res.Header, relReceipt)
				u.ack(u.want(typeOfMessage), AckDelivered)
				want(t, s, 201, "POST", push, "4", "TTL", "5")
				u.want(typeOfMessage)
				synctest.Wait()
				before := s.Stats()
				shutdown(t, s)
				u.wantClose(1001, "")
				want(t, s, 503, "POST", push, "x")
				want(t, s, 503, "POST", pathSubscribe, "")

				time.Sleep(10 * time.Second)
				s = newService(t, &Options{Store: open(t)})
				synctest.Wait()
				after := s.Stats()
				before.Connected, after.Connected = 0, 0
				before.Messages, before.Bytes = before.Messages-1, before.Bytes-1-messageCost // "4" expired
				if d := cmp.Diff(before, after); d != "" {
					t.Errorf("(-before +after):\n%s", d)
				}
				want(t, s, 410, "POST", gone, "x")
				want(t, s, 401, "POST", restricted, "x")
				if got := receipts(t, want(t, s, 200, "GET", set, "")); len(got.list) != 1 || got.list[0].Status != 204 {
					t.Errorf("receipts: %+v", got)
				}
				u, again := hello(t, s, uaid)
				if again != uaid {
					t.Errorf("the user agent is %s now", again)
				}
				for _, wanted := range []string{"1", "3"} {
					m := u.want(typeOfMessage)
					if got, _ := base64.RawURLEncoding.DecodeString(m.Data); string(got) != wanted {
						t.Errorf("got %q, want %q", got, wanted)
					}
					u.ack(m, AckDelivered)
				}
				u.silence("that was all", time.Second)
				want(t, s, 201, "POST", push, "new")
				u.want(typeOfMessage)
			})
		})
	}
}

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

const crashEnv = "PUSHSERVICE_TEST_CRASH"

// A process that is killed while it takes messages loses none that it said it
// has.
func TestKilledProcess(t *testing.T) {
	if path := os.Getenv(crashEnv); path != "" {
		crashing(t, path)
		return
	}
	if testing.Short() {
		leftout.Skip(t, "a process that is killed and started again, by -short")
	}
	path := filepath.Join(t.TempDir(), "store")
	confirmed := make(map[string]bool)
	for range 4 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledProcess$")
		cmd.Env = append(os.Environ(), crashEnv+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if id, ok := strings.CutPrefix(lines.Text(), "kept "); ok {
				confirmed[id] = true
				if n++; n == 50 {
					cmd.Process.Kill()
				}
			}
		}
		cmd.Wait()
		if n < 50 {
			t.Fatalf("the process ended by itself after %d messages", n)
		}
	}
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := newService(t, &Options{Store: f})
	for id := range confirmed {
		want(t, s, 200, "GET", id, "")
	}
	t.Logf("%d messages were confirmed and are there, %d bytes of unfinished writes were cut off", len(confirmed), f.Torn())
}

// crashing takes messages until it is killed.
func crashing(t *testing.T, path string) {
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(&Options{Store: f, Rate: -1, Burst: -1, MaxMessages: -1})
	if err != nil {
		t.Fatal(err)
	}
	_, push, _ := subscribed(t, s)
	for i := range 4 {
		go func() {
			for {
				res := do(t, s, "POST", push, strings.Repeat(fmt.Sprint(i), 1000), "TTL", "100000")
				if res.StatusCode == 201 {
					fmt.Println("kept " + res.Header.Get("Location"))
				}
			}
		}()
	}
	time.Sleep(time.Minute)
}

// Messages that expired while no service was there are removed once all is
// loaded, and not while it is: on the real clock, because that of synctest
// stands still until loading is over.
func TestNothingExpiresWhileAServiceLoads(t *testing.T) {
	const messages = 3000
	now := time.Now()
	changes := []Change{
		put(KindAgent, "a", agentRecord{ID: "a", Seen: now}),
		put(KindSubscription, "s", subscriptionRecord{ID: "s", Push: "p", Agent: "a", Channel: "s", Created: now}),
	}
	for i := range messages {
		id := fmt.Sprint("m", i)
		changes = append(changes, put(KindMessage, id, messageRecord{ID: id, Sub: "s", Created: now.Add(-time.Hour), Expires: now.Add(-time.Minute)}))
	}
	store := &Memory{}
	if err := store.Apply(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	s, err := New(&Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	for s.Stats().Messages > 0 {
		time.Sleep(time.Millisecond)
		if time.Since(now) > 20*time.Second {
			t.Fatalf("%d messages are still there", s.Stats().Messages)
		}
	}
	if _, err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// A port that is the scheme's own is no part of an origin (RFC 6454, 6.2).
func TestURLWithItsOwnPort(t *testing.T) {
	for given, want := range map[string]string{
		"https://push.example:443/x": "https://push.example", "http://push.example:80": "http://push.example",
		"https://push.example:80": "https://push.example:80", "https://[::1]:443": "https://[::1]",
	} {
		s, err := New(&Options{URL: given})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.origin(nil); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
		if _, err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
