package webpush

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// subscriptions makes n at each of the hosts, in turns. All share their keys,
// which nobody looks at here.
func subscriptions(u *UserKeys, n int, hosts ...string) []*Subscription {
	var all []*Subscription
	for i := range n {
		for _, h := range hosts {
			all = append(all, u.Subscription(fmt.Sprintf("https://%s/%d", h, i)))
		}
	}
	return all
}

// TestSendAll gives each subscription one result.
func TestSendAll(t *testing.T) {
	u := newUserKeys(t)
	c := newClient(t, func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "7") {
			return answer(410, ""), nil
		}
		return answer(201, ""), nil
	})
	all := subscriptions(u, 500, "a.example", "b.example")
	all = append(all, nil, &Subscription{Endpoint: "x"})
	seen := map[*Subscription]bool{}
	gone, refused := 0, 0
	for r := range c.SendAll(t.Context(), slices.Values(all), &Message{Payload: []byte("x")}) {
		if seen[r.Subscription] {
			t.Fatalf("%v came twice", r.Subscription)
		}
		seen[r.Subscription] = true
		var se *SubscriptionError
		switch {
		case errors.Is(r.Err, ErrGone):
			gone++
		case errors.As(r.Err, &se):
			refused++
		case r.Err != nil || r.Accepted.StatusCode != 201:
			t.Errorf("%v: %+v, %v", r.Subscription, r.Accepted, r.Err)
		}
	}
	if len(seen) != len(all) || gone != 100 || refused != 2 {
		t.Errorf("%d results of %d, %d gone, %d refused", len(seen), len(all), gone, refused)
	}
	for range c.SendAll(t.Context(), slices.Values[[]*Subscription](nil), &Message{}) {
		t.Error("a result of nothing")
	}
}

// TestSendAllBounds: how many are under way, in all and for one service, and
// how many are taken from the sequence before there is room.
func TestSendAllBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := map[string]int{}, map[string]int{}
		count := func(host string, n int) {
			mu.Lock()
			defer mu.Unlock()
			for _, name := range []string{host, "all"} {
				now[name] += n
				most[name] = max(most[name], now[name])
			}
		}
		c := newClient(t, func(r *http.Request) (*http.Response, error) {
			count(r.URL.Host, 1)
			defer count(r.URL.Host, -1)
			if r.URL.Host == "slow.example" {
				time.Sleep(time.Minute)
			} else {
				time.Sleep(time.Second)
			}
			return answer(201, ""), nil
		})
		c.Concurrency, c.PerOrigin, c.Timeout = 10, 4, time.Hour
		u := newUserKeys(t)
		all := slices.Concat(subscriptions(u, 8, "slow.example"), subscriptions(u, 40, "a.example", "b.example"))
		taken, given, ahead := 0, 0, 0
		source := func(yield func(*Subscription) bool) {
			for _, s := range all {
				taken++
				ahead = max(ahead, taken-given)
				if !yield(s) {
					return
				}
			}
		}
		begin := time.Now()
		fast := time.Duration(0)
		for r := range c.SendAll(t.Context(), source, &Message{}) {
			given++
			if r.Err != nil {
				t.Error(r.Err)
			}
			if given == 80 {
				fast = time.Since(begin)
			}
		}
		if most["all"] > 10 || most["slow.example"] != 4 || most["a.example"] > 4 || most["b.example"] > 4 || most["all"] < 8 {
			t.Errorf("at the same time: %v", most)
		}
		if ahead > 20 {
			t.Errorf("%d were taken ahead", ahead)
		}
		if given != len(all) {
			t.Errorf("%d results", given)
		}
		// 80 messages at three or more a second, past those of the slow service,
		// of which four take a minute, and then four more.
		if fast > 40*time.Second {
			t.Errorf("the fast services took %v", fast)
		}
		if took := time.Since(begin); took != 2*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// TestSendAllIsLazy: nothing is taken before the loop asks, and a sequence
// without end is no harm.
func TestSendAllIsLazy(t *testing.T) {
	u := newUserKeys(t)
	taken := 0
	source := func(yield func(*Subscription) bool) {
		for i := 0; ; i++ {
			taken++
			if !yield(u.Subscription(fmt.Sprintf("https://a.example/%d", i))) {
				return
			}
		}
	}
	c := newClient(t, func(*http.Request) (*http.Response, error) { return answer(201, ""), nil })
	c.Concurrency = 5
	results := c.SendAll(t.Context(), source, &Message{})
	if taken != 0 {
		t.Errorf("%d were taken before the loop", taken)
	}
	n := 0
	for r := range results {
		if r.Err != nil {
			t.Error(r.Err)
		}
		if n++; n == 100 {
			break
		}
	}
	if taken < 100 || taken > 110 {
		t.Errorf("%d were taken for 100 results", taken)
	}
}

// TestSendAllParksWithinBounds: a service that answers nothing does not make
// the rest of a sequence pile up.
func TestSendAllParksWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		c.Concurrency, c.PerOrigin, c.Timeout, c.Retry.Attempts = 10, 4, time.Minute, 1
		all := subscriptions(newUserKeys(t), 100, "stuck.example")
		taken, given, ahead := 0, 0, 0
		source := func(yield func(*Subscription) bool) {
			for _, s := range all {
				taken++
				ahead = max(ahead, taken-given)
				if !yield(s) {
					return
				}
			}
		}
		for range c.SendAll(t.Context(), source, &Message{}) {
			given++
		}
		if given != 100 || ahead != 14 { // four under way, ten that wait
			t.Errorf("%d results, %d taken ahead", given, ahead)
		}
	})
}

// TestSendAllBreak: a loop that is left, by whatever way, ends what is under way
// before it goes on, and leaves nothing behind.
func TestSendAllBreak(t *testing.T) {
	for _, way := range []string{"break", "panic", "goexit", "cancel"} {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
				var running atomic.Int32
				c := newClient(t, func(r *http.Request) (*http.Response, error) {
					running.Add(1)
					defer running.Add(-1)
					if r.URL.Path == "/0" {
						return answer(201, ""), nil
					}
					<-r.Context().Done() // never answered
					return nil, r.Context().Err()
				})
				c.Timeout = 100 * time.Hour
				u := newUserKeys(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				all := slices.Concat(subscriptions(u, 1, "a.example"), subscriptions(u, 500, "b.example", "c.example"))
				if way == "cancel" {
					time.AfterFunc(time.Minute, cancel)
				}
				ended := make(chan int, 1)
				go func() {
					n := 0
					defer func() { recover(); ended <- n }()
					for r := range c.SendAll(ctx, slices.Values(all), &Message{}) {
						n++
						switch way {
						case "break":
							return
						case "panic":
							panic("in the loop")
						case "goexit":
							runtime.Goexit()
						case "cancel":
							if !errors.Is(r.Err, context.Canceled) && !strings.HasSuffix(r.Subscription.Endpoint, "/0") {
								t.Errorf("%v: %v", r.Subscription.Endpoint, r.Err)
							}
						}
					}
				}()
				begin := time.Now()
				n := <-ended
				if took := time.Since(begin); took > time.Minute { // and not until the attempts end by themselves
					t.Errorf("it took %v to end", took)
				}
				if running.Load() != 0 {
					t.Errorf("%d are still under way", running.Load())
				}
				if way != "cancel" && n != 1 {
					t.Errorf("%d results", n)
				}
				// What was in hand is given with the error of ctx, and no more is
				// taken.
				if way == "cancel" && (n < DefaultConcurrency || n > 2*DefaultConcurrency+3) {
					t.Errorf("%d results", n)
				}
			})
		})
	}
}

// TestSendAllGivesWhatIsThere before it asks a sequence that takes its time.
func TestSendAllGivesWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, func(*http.Request) (*http.Response, error) { return answer(201, ""), nil })
		u := newUserKeys(t)
		feed := make(chan *Subscription)
		go func() {
			for i := range 5 {
				feed <- u.Subscription(fmt.Sprintf("https://a.example/%d", i))
				time.Sleep(time.Minute)
			}
			close(feed)
		}()
		var source iter.Seq[*Subscription] = func(yield func(*Subscription) bool) {
			for s := range feed {
				if !yield(s) {
					return
				}
				time.Sleep(time.Second) // the message is sent meanwhile
			}
		}
		begin := time.Now()
		n := 0
		for range c.SendAll(t.Context(), source, &Message{}) {
			n++
			// Result n comes before subscription n+2 does.
			if at := time.Since(begin); at > time.Duration(n)*time.Minute+time.Second {
				t.Errorf("result %d came after %v", n, at)
			}
		}
		if n != 5 {
			t.Errorf("%d results", n)
		}
	})
}

// TestFaults sends to 10,000 subscriptions through a service that answers 410,
// 429, 500 and resets connections, and holds every single result against what
// the service says it did.
func TestFaults(t *testing.T) {
	n := 10_000
	if strconv.IntSize == 32 {
		n = 1000 // P-256 is slow there, and what is tested is not about the width of words
	}
	type kept struct {
		attempts int
		last     int // status, 0 for a reset
		accepted int
	}
	var mu sync.Mutex
	log := make(map[string]*kept, n)
	at, _ := local(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		k := log[r.URL.Path]
		if k == nil {
			k = &kept{}
			log[r.URL.Path] = k
		}
		k.attempts++
		// A subscription that has ended has ended for good.
		status := 410
		if !strings.HasSuffix(r.URL.Path, "13") {
			status = []int{201, 201, 201, 201, 201, 201, 429, 500, 503, 0}[rand.IntN(10)]
		}
		k.last = status
		if status == 201 {
			k.accepted++
		}
		mu.Unlock()
		switch status {
		case 0:
			nc, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			nc.Close()
		case 429:
			w.Header().Set("Retry-After", "0")
			fallthrough
		default:
			w.WriteHeader(status)
		}
	})
	u := newUserKeys(t)
	var source iter.Seq[*Subscription] = func(yield func(*Subscription) bool) {
		for i := range n {
			if !yield(u.Subscription(fmt.Sprintf("%s/%05d", at, i))) {
				return
			}
		}
	}
	c := hostileClient(t)
	c.Retry = Retry{Attempts: 3, Base: time.Millisecond, MaxWait: 2 * time.Millisecond}
	count := map[string]int{}
	seen := map[string]bool{}
	for r := range c.SendAll(t.Context(), source, &Message{Payload: []byte("x"), TTL: time.Minute}) {
		path := strings.TrimPrefix(r.Subscription.Endpoint, at)
		if seen[path] {
			t.Fatalf("%s came twice", path)
		}
		seen[path] = true
		mu.Lock()
		k := *log[path]
		mu.Unlock()
		var se *StatusError
		var ne *NetworkError
		switch {
		case r.Err == nil:
			count["accepted"]++
			if k.last != 201 || k.accepted != 1 || r.Accepted.Attempts != k.attempts {
				t.Errorf("%s: accepted at attempt %d, the service says %+v", path, r.Accepted.Attempts, k)
			}
		case errors.As(r.Err, &se):
			count[fmt.Sprint(se.StatusCode)]++
			if k.last != se.StatusCode || k.accepted != 0 || k.attempts != 3 && se.StatusCode != 410 || k.attempts != 1 && se.StatusCode == 410 {
				t.Errorf("%s: %v, the service says %+v", path, r.Err, k)
			}
		case errors.As(r.Err, &ne):
			count["reset"]++
			if k.last != 0 || k.accepted != 0 || k.attempts < 3 {
				t.Errorf("%s: %v, the service says %+v", path, r.Err, k)
			}
		default:
			t.Errorf("%s: %v", path, r.Err)
		}
	}
	if len(seen) != n || len(log) != n {
		t.Errorf("%d results, the service knows of %d", len(seen), len(log))
	}
	t.Log(count)
	if count["410"] != n/100 {
		t.Errorf("%d gone", count["410"])
	}
	for _, name := range []string{"accepted", "429", "500", "503", "reset"} {
		if count[name] == 0 {
			t.Errorf("none ended with %s", name)
		}
	}
}
