package pushservice

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// pushes are the bodies of the push messages in an answer; other items are
// given by their type.
func pushes(t *testing.T, res *http.Response) (bodies []string, cursor string) {
	t.Helper()
	for _, it := range items(t, res) {
		bodies = append(bodies, bodyOf(t, it.Type, it.Data))
		cursor = it.Cursor
	}
	return bodies, cursor
}

func bodyOf(t *testing.T, typ, data string) string {
	t.Helper()
	if typ != TypePush {
		return "(" + typ + ")"
	}
	var p Push
	if err := json.Unmarshal([]byte(data), &p); err != nil {
		t.Fatal(err)
	}
	b, err := base64.RawURLEncoding.DecodeString(p.Data)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func wantPushes(t *testing.T, res *http.Response, wanted ...string) (cursor string) {
	t.Helper()
	got, cursor := pushes(t, res)
	if !slices.Equal(got, wanted) {
		t.Fatalf("got %q, want %q", got, wanted)
	}
	return cursor
}

// RFC 8030, 6: a request stays open until there is a message; "Prefer: wait=0"
// does not; what was not deleted comes again.
func TestMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		sub, push, set := subscribed(t, s)
		other, otherPush, _ := subscribed(t, s, "Link", "<"+set+`>; rel="urn:ietf:params:push:set"`)
		want(t, s, 204, "GET", sub, "", "Prefer", "wait=0")
		begin := time.Now()
		want(t, s, 204, "GET", sub, "", "Prefer", "wait=10")
		if d := time.Since(begin); d < 9*time.Second || d > 10*time.Second {
			t.Errorf("waited for %v", d)
		}
		begin = time.Now()
		want(t, s, 204, "GET", sub, "")
		if d := time.Since(begin); d < 27*time.Second || d > 30*time.Second {
			t.Errorf("without Prefer it waited for %v", d)
		}
		go func() {
			time.Sleep(5 * time.Second)
			do(t, s, "POST", push, "1", "Content-Encoding", "aes128gcm", "Content-Type", "application/octet-stream", "Topic", "t", "Urgency", "low")
		}()
		res := want(t, s, 200, "GET", sub, "")
		cursor := wantPushes(t, res, "1")
		var p Push
		if err := json.Unmarshal([]byte(items(t, res)[0].Data), &p); err != nil {
			t.Fatal(err)
		}
		if p.Push != push || p.Encoding != "aes128gcm" || p.Type != "application/octet-stream" || p.Expires.Sub(p.Created) != time.Minute {
			t.Errorf("the message is %+v", p)
		}
		if strings.Contains(text(res), "low") || strings.Contains(text(res), `"t"`) {
			t.Errorf("urgency or topic came along: %s", text(res))
		}
		want(t, s, 204, "GET", sub+"?after="+cursor, "", "Prefer", "wait=0")
		wantPushes(t, want(t, s, 200, "GET", sub, ""), "1") // again, from the start

		want(t, s, 201, "POST", otherPush, "2")
		want(t, s, 201, "POST", push, "3", "Urgency", "high")
		wantPushes(t, want(t, s, 200, "GET", set, ""), "1", "2", "3")
		wantPushes(t, want(t, s, 200, "GET", sub, ""), "1", "(skip)", "3")
		wantPushes(t, want(t, s, 200, "GET", other, ""), "2")
		wantPushes(t, want(t, s, 200, "GET", set, "", "Urgency", "normal"), "2", "3")
		wantPushes(t, want(t, s, 200, "GET", set, "", "Urgency", "high"), "3")
		want(t, s, 400, "GET", set, "", "Urgency", "higher")
		want(t, s, 204, "DELETE", p.Message, "")
		wantPushes(t, want(t, s, 200, "GET", set, ""), "2", "3")
		// What is of no interest does not even wake the reader.
		go func() {
			time.Sleep(time.Second)
			do(t, s, "POST", push, "4", "Urgency", "low")
			time.Sleep(time.Second)
			do(t, s, "POST", otherPush, "5", "Urgency", "high")
			time.Sleep(time.Second)
			do(t, s, "POST", push, "6")
		}()
		begin = time.Now()
		wantPushes(t, want(t, s, 200, "GET", sub+"?after=now", "", "Urgency", "normal"), "(skip)", "(skip)", "6")
		if d := time.Since(begin); d != 3*time.Second {
			t.Errorf("it came after %v", d)
		}
		// TTL 0 reaches who is there.
		go func() {
			time.Sleep(time.Second)
			do(t, s, "POST", push, "now", "TTL", "0")
		}()
		wantPushes(t, want(t, s, 200, "GET", sub+"?after=now", ""), "now")
	})
}

// RFC 8030, 7.3: who waits in a subscription that ends is told 404.
func TestMonitorOfWhatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		sub, _, set := subscribed(t, s)
		_, push, _ := subscribed(t, s)
		receiptSet, _ := link(want(t, s, 202, "POST", push, "x", "Prefer", "respond-async").Header, relReceipt)
		for _, url := range []string{sub, set, receiptSet} {
			ended := make(chan int)
			go func() { ended <- do(t, s, "GET", url, "").StatusCode }()
			time.Sleep(time.Second)
			begin := time.Now()
			if res := do(t, s, "DELETE", url, ""); res.StatusCode != 204 && url != set { // the set went with its last subscription
				t.Errorf("DELETE %s: %s", url, res.Status)
			}
			if got := <-ended; got != 404 || time.Since(begin) > time.Second {
				t.Errorf("%s: %d after %v", url, got, time.Since(begin))
			}
		}
	})
}

// A gap is told: item by item as long as it is short, once where it is long.
func TestMonitorGaps(t *testing.T) {
	s := newService(t, &Options{Rate: -1, Burst: -1})
	sub, push, _ := subscribed(t, s)
	locations := make([]string, 200)
	for i := range locations {
		locations[i] = want(t, s, 201, "POST", push, fmt.Sprint(i)).Header.Get("Location")
	}
	_, first := pushes(t, want(t, s, 200, "GET", sub+"?limit=1", ""))
	for _, l := range locations[1 : 1+maxSkips] {
		want(t, s, 204, "DELETE", l, "")
	}
	got, _ := pushes(t, want(t, s, 200, "GET", sub+"?after="+first, ""))
	if len(got) != 199 || got[0] != "(skip)" || got[maxSkips-1] != "(skip)" || got[maxSkips] != fmt.Sprint(1+maxSkips) {
		t.Errorf("a short gap: %d items, %q", len(got), got[:min(len(got), maxSkips+1)])
	}
	want(t, s, 204, "DELETE", locations[1+maxSkips], "")
	res := want(t, s, 410, "GET", sub+"?after="+first, "")
	_, resume, _ := strings.Cut(first, "-")
	if !strings.Contains(text(res), `"oldest":"`+strings.TrimSuffix(first, resume)+fmt.Sprint(2+maxSkips)) {
		t.Errorf("a long gap: %s", text(res))
	}
	// In pages too small for a gap.
	got, _ = pushes(t, want(t, s, 200, "GET", sub+"?after="+res.Header.Get("Pushwire-Cursor")+"&limit=3", ""))
	if !slices.Equal(got, []string{"66", "67", "68"}) {
		t.Errorf("after the gap: %q", got)
	}
	want(t, s, 400, "GET", sub+"?after=garbage", "")
	want(t, s, 410, "GET", sub+"?after="+string(topic.At(topic.NewEpoch(), 1)), "")
	want(t, s, 410, "GET", sub+"?after="+strings.TrimSuffix(first, resume)+"99999", "")
}

// The same messages, once each and in order, over every transport, by the
// client that falls back.
func TestMonitorOverEveryTransport(t *testing.T) {
	for _, transport := range []httpstream.Transport{
		httpstream.TransportSocket, httpstream.TransportEventStream, httpstream.TransportStream, httpstream.TransportLongPoll, httpstream.TransportShortPoll,
	} {
		t.Run(transport.String(), func(t *testing.T) {
			s := newService(t, &Options{Rate: -1, Burst: -1})
			base := serveOn(t, s)
			sub, push, set := subscribed(t, s)
			sub, push = base+strings.TrimPrefix(sub, testOrigin), base+strings.TrimPrefix(push, testOrigin)
			_, other, _ := subscribed(t, s, "Link", "<"+set+`>; rel="urn:ietf:params:push:set"`)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			const n = 30
			go func() {
				for i := range n {
					do(t, s, "POST", push, fmt.Sprint(i))
					do(t, s, "POST", other, "x")
					time.Sleep(time.Millisecond)
				}
			}()
			i := 0
			for it, err := range httpstream.Follow(ctx, sub, &httpstream.FollowOptions{
				Transports: []httpstream.Transport{transport}, Interval: 5 * time.Millisecond,
			}) {
				if err != nil {
					t.Fatal(err)
				}
				if it.Type == TypeSkip {
					continue
				}
				if got := bodyOf(t, it.Type, string(it.Data)); got != fmt.Sprint(i) {
					t.Fatalf("got %s, want %d", got, i)
				}
				if i++; i == n {
					break
				}
			}
			if i != n {
				t.Fatalf("%d of %d came", i, n)
			}
		})
	}
}

// Wake calls once, when Read would not wait, and not after stop.
func TestSourceWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		sub, push, _ := subscribed(t, s)
		s.st.mu.Lock()
		u := s.st.subs[strings.TrimPrefix(sub, testOrigin+pathSubscription)]
		s.st.mu.Unlock()
		src := source{s.st, &agentFeed{st: s.st, a: u.agent, sub: u, least: Normal}}
		var woken []string
		wake := func(name string, after topic.Cursor) (stop func()) {
			return src.Wake(after, func() { woken = append(woken, name) })
		}
		wanted := func(why string, names ...string) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(woken, names) {
				t.Fatalf("%s: woken are %q, want %q", why, woken, names)
			}
			woken = nil
		}
		wake("a", "")
		stop := wake("b", topic.Now)
		stop()
		stop()
		wanted("nothing is there")
		want(t, s, 201, "POST", push, "1", "Urgency", "low")
		wanted("of too little urgency")
		want(t, s, 201, "POST", push, "2")
		wanted("a message", "a")
		wake("c", "")
		wanted("at once", "c")
		c := wake("d", topic.Now)
		wanted("after it")
		bounds, err := src.Bounds(t.Context())
		if err != nil || bounds.Oldest == bounds.Head {
			t.Fatalf("bounds %+v, %v", bounds, err)
		}
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		got, err := src.Read(canceled, bounds.Oldest, nil)
		if err != nil || len(got) != 1 || got[0].Cursor != bounds.Head {
			t.Errorf("got %v, %v", got, err)
		}
		if _, err := src.Read(canceled, bounds.Head, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("at the end: %v", err)
		}
		c()
		wake("e", bounds.Head)
		want(t, s, 204, "DELETE", sub, "")
		wanted("it is over", "e")
		if _, err := src.Read(t.Context(), "", nil); !errors.Is(err, errOver) {
			t.Errorf("over: %v", err)
		}
		if n := len(u.agent.waiting); n != 0 {
			t.Errorf("%d still wait", n)
		}
	})
}

// RFC 8030, 5.2: a message with TTL 0 goes to who is there for it, once.
func TestTTLZeroOverHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		sub, push, set := subscribed(t, s)
		_, other, _ := subscribed(t, s, "Link", "<"+set+`>; rel="urn:ietf:params:push:set"`)
		got := make(chan []string, 1)
		read := func(url string, fields ...string) {
			go func() {
				res := do(t, s, "GET", url, "", fields...)
				bodies, _ := pushes(t, res)
				got <- bodies
			}()
			synctest.Wait()
		}
		read(sub, "Urgency", "normal")
		want(t, s, 201, "POST", push, "of too little urgency", "TTL", "0", "Urgency", "low")
		want(t, s, 201, "POST", other, "of another subscription", "TTL", "0")
		if n := s.Stats().Messages; n != 0 {
			t.Errorf("%d messages wait that nobody was there for", n)
		}
		loc := want(t, s, 201, "POST", push, "now", "TTL", "0").Header.Get("Location")
		if bodies := <-got; len(bodies) == 0 || bodies[len(bodies)-1] != "now" {
			t.Errorf("the reader got %q", bodies)
		}
		want(t, s, 204, "GET", sub, "", "Prefer", "wait=0") // not a second time
		want(t, s, 204, "DELETE", loc, "")
		want(t, s, 404, "DELETE", loc, "")
	})
}

func TestReadersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		sub, push, _ := subscribed(t, s)
		set, _ := link(want(t, s, 202, "POST", push, "x", "Prefer", "respond-async", "TTL", "0").Header, relReceipt)
		head := receipts(t, want(t, s, 200, "GET", set, "")).cursor
		for _, url := range []string{sub, set + "?after=" + head} {
			ended := make(chan int, maxReaders)
			for range maxReaders {
				go func() { ended <- do(t, s, "GET", url, "").StatusCode }()
			}
			synctest.Wait()
			want(t, s, 429, "GET", url, "")
			for range maxReaders {
				if status := <-ended; status != 204 {
					t.Fatalf("%d", status)
				}
			}
			want(t, s, 204, "GET", url, "", "Prefer", "wait=0")
		}
	})
}

// A preference that makes no sense is ignored, and no error.
func TestMonitorIgnoresBadPreferences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		sub, _, _ := subscribed(t, s)
		for prefer, wanted := range map[string]time.Duration{
			"wait=0": 0, "wait=00": 0, "wait=5": 5 * time.Second, "wait=5, wait=6": 5 * time.Second,
			"": 30 * time.Second, "wait": 30 * time.Second, "wait=x": 30 * time.Second, "wait=-1": 30 * time.Second, "wait=1.5": 30 * time.Second,
			"wait=99999999999999999999": 30 * time.Second, "wait=3600": 30 * time.Second, "respond-async": 30 * time.Second,
		} {
			begin := time.Now()
			want(t, s, 204, "GET", sub, "", "Prefer", prefer)
			if d := time.Since(begin); d > wanted || d < wanted*8/10 { // polls are spread by up to a tenth
				t.Errorf("%q: it took %v, want %v", prefer, d, wanted)
			}
		}
	})
}
