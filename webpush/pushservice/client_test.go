package pushservice

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

// from sends a POST that comes from that address.
func from(t *testing.T, s *Service, remote, url string, fields ...string) *http.Response {
	t.Helper()
	if !strings.HasPrefix(url, "http") {
		url = testOrigin + url
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", url, nil)
	r.RemoteAddr = remote
	r.Header.Set("TTL", "60")
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

// One client gets as many subscriptions and receipt subscriptions as the rate
// allows, and does not take them from others.
func TestClientRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, &Options{ClientRate: 0.25, ClientBurst: 3})
		status := func(why string, wanted int, res *http.Response) {
			t.Helper()
			if res.StatusCode != wanted || (res.Header.Get("Retry-After") != "") != (wanted == 429) {
				t.Errorf("%s: %s, Retry-After %q, %s", why, res.Status, res.Header.Get("Retry-After"), text(res))
			}
		}
		res := from(t, s, "198.51.100.1:1", pathSubscribe)
		status("the first", 201, res)
		_, push, set := links(t, res)
		in := []string{"Link", "<" + set + `>; rel="urn:ietf:params:push:set"`}
		status("another port", 201, from(t, s, "198.51.100.1:2", pathSubscribe))
		status("in a set, by IPv4 in IPv6", 201, from(t, s, "[::ffff:198.51.100.1]:3", pathSubscribe, in...))
		res = from(t, s, "198.51.100.1:1", pathSubscribe)
		status("the fourth", 429, res)
		if after := res.Header.Get("Retry-After"); after != "4" || !strings.Contains(text(res), "subscribes_too_fast") {
			t.Errorf("Retry-After %q, %s", after, text(res))
		}
		status("the fourth in a set", 429, from(t, s, "198.51.100.1:1", pathSubscribe, in...))
		status("another address", 201, from(t, s, "198.51.100.2:1", pathSubscribe))

		for range 3 {
			status("the first of one IPv6 network", 201, from(t, s, "[2001:db8::1]:1", pathSubscribe))
		}
		status("another address of it", 429, from(t, s, "[2001:db8::ffff:2%eth0]:1", pathSubscribe))
		status("another network", 201, from(t, s, "[2001:db8:0:1::1]:1", pathSubscribe))

		// Receipt subscriptions count by themselves, and only new ones do.
		var receipts string
		for range 3 {
			res := from(t, s, "198.51.100.1:1", push, "Prefer", "respond-async")
			status("with a receipt", 202, res)
			receipts, _ = link(res.Header, relReceipt)
		}
		status("with the fourth", 429, from(t, s, "198.51.100.1:1", push, "Prefer", "respond-async"))
		status("with the third", 202, from(t, s, "198.51.100.1:1", push, "Prefer", "respond-async", "Link", "<"+receipts+`>; rel="urn:ietf:params:push:receipt"`))
		status("without", 201, from(t, s, "198.51.100.1:1", push))

		time.Sleep(4 * time.Second)
		status("after a while", 201, from(t, s, "198.51.100.1:1", pathSubscribe))
		status("after a while, again", 429, from(t, s, "198.51.100.1:1", pathSubscribe))
	})
}

// However low a rate is, Retry-After is a time.
func TestLowestRates(t *testing.T) {
	for _, rate := range []float64{1e-3, 1e-9, 1e-12, 1e-300, 5e-324} {
		s := newService(t, &Options{ClientRate: rate, ClientBurst: 1, Rate: rate, Burst: 1, MaxMessages: 1})
		_, push, _ := subscribed(t, s)
		want(t, s, 201, "POST", push, "x")
		for _, res := range []*http.Response{want(t, s, 429, "POST", pathSubscribe, ""), want(t, s, 429, "POST", push, "x")} {
			if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err != nil || n < 900 || n > 24*60*60 {
				t.Errorf("rate %g: Retry-After %q", rate, res.Header.Get("Retry-After"))
			}
		}
	}
}

// Who stands behind a proxy is named by it; who has no name is not limited.
func TestClientByName(t *testing.T) {
	s := newService(t, &Options{ClientRate: 1e-9, ClientBurst: 1, Client: func(r *http.Request) string {
		return r.Header.Get("X-Forwarded-For")
	}})
	long := strings.Repeat("x", 1<<10)
	for _, row := range []struct {
		name   string
		status int
	}{{"a", 201}, {"b", 201}, {"a", 429}, {long, 201}, {long, 429}, {long + "y", 201}, {"", 201}, {"", 201}} {
		if res := from(t, s, "198.51.100.1:1", pathSubscribe, "X-Forwarded-For", row.name); res.StatusCode != row.status {
			t.Errorf("%.10q: %s, want %d", row.name, res.Status, row.status)
		}
	}
	for name, wanted := range map[string]string{
		"198.51.100.1": "198.51.100.1", "198.51.100.1:80": "198.51.100.1", "::ffff:198.51.100.1": "198.51.100.1",
		"2001:db8::1": "2001:db8::/64", "[2001:db8::1]": "2001:db8::/64", "[2001:db8::1]:80": "2001:db8::/64", "fe80::1%eth0": "fe80::/64",
		"@": "@", "a name": "a name", "": "", "198.51.100.1:": "198.51.100.1:", "1.2.3": "1.2.3",
	} {
		if got := network(name); got != wanted {
			t.Errorf("%q is %q, want %q", name, got, wanted)
		}
	}
	for name := range s.st.clients.byName {
		if len(name) > maxClientName {
			t.Errorf("a name of %d bytes is kept", len(name))
		}
	}
}

// A user agent's connection belongs to its client too. What it has already it
// may register as often as it likes.
func TestClientRateByWebSocket(t *testing.T) {
	s := newService(t, &Options{ClientRate: 1e-9, ClientBurst: 1})
	url := "ws" + strings.TrimPrefix(serveOn(t, s), "http") + "/"
	channel := func(i int) string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", i) }
	for i := range 3 {
		c, _, err := pushwire.Dial(t.Context(), url, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		u := &ua{t, s, c}
		u.send(`{"messageType":"hello"}`)
		u.want(typeHello)
		wanted := map[int]int{0: 200, 1: 500, 2: 500}[i]
		for range 2 {
			u.send(`{"messageType":"register","channelID":"` + channel(i) + `"}`)
			if m := u.want(typeRegister); m.Status != wanted {
				t.Errorf("client %d: %+v", i, m)
			}
		}
	}
}

// The table of clients does not grow, and those that came last stay in it.
func TestClientsAreBounded(t *testing.T) {
	var c clients
	now := time.Now()
	for i := range maxClients + 10 {
		if err := c.take(strconv.Itoa(i), madeSubscription, now, 1e-9, 1); err != nil {
			t.Fatal(err)
		}
		if i > 0 && c.take("0", madeSubscription, now, 1e-9, 1) == nil {
			t.Fatalf("%d others gave the first one more", i)
		}
	}
	if len(c.byName) != maxClients || c.recent.Len() != maxClients {
		t.Errorf("%d and %d are known", len(c.byName), c.recent.Len())
	}
	if c.take("1", madeSubscription, now, 1e-9, 1) != nil || c.take(strconv.Itoa(maxClients), madeSubscription, now, 1e-9, 1) == nil {
		t.Error("another one than the one that was silent longest made room")
	}
}

// When there is no room for a user agent, one that was never used makes it,
// and no other: a stranger's, who made as many as there may be, and not one
// that is connected, came back, or was sent to.
func TestUnusedAgentsMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &Memory{}
		s, err := New(&Options{MaxAgents: 20, Store: store, ClientRate: -1})
		if err != nil {
			t.Fatal(err)
		}
		connected, _ := hello(t, s, "")
		pushes := []string{connected.register(channel1, "")}
		back, uaid := hello(t, s, "")
		pushes = append(pushes, back.register(channel1, ""))
		back.gone()
		back, _ = hello(t, s, uaid)
		back.gone()
		_, sent, _ := subscribed(t, s)
		want(t, s, 201, "POST", sent, "x", "TTL", "1000000")
		_, read, set := subscribed(t, s)
		want(t, s, 204, "GET", set, "", "Prefer", "wait=0")
		pushes = append(pushes, sent, read)

		strangers := 0
		for range 200 {
			_, push, _ := subscribed(t, s)
			if s.Stats().Agents > 20 || len(s.st.unusedAgents.list) > 16 || len(s.st.unusedAgents.at) != len(s.st.unusedAgents.list) {
				t.Fatalf("%+v, %d unused", s.Stats(), len(s.st.unusedAgents.list))
			}
			if do(t, s, "POST", push, "x", "TTL", "-").StatusCode == 400 { // it is there
				strangers++
			}
		}
		if strangers != 200 {
			t.Errorf("%d of 200 got what they asked for", strangers)
		}
		// One that connects does so too.
		u, _ := hello(t, s, "")
		u.register(channel1, "")
		for _, push := range pushes {
			if res := do(t, s, "POST", push, "x", "TTL", "-"); res.StatusCode != 400 {
				t.Errorf("one that is used has gone: %s", res.Status)
			}
		}
		if n := store.Len(); n != 2*20+1 { // and the message
			t.Errorf("%d records are kept", n)
		}
		// The next service knows it too.
		connected.gone()
		u.gone()
		shutdown(t, s)
		s = newService(t, &Options{MaxAgents: 20, Store: store, ClientRate: -1})
		for range 50 {
			subscribed(t, s)
		}
		for _, push := range pushes[1:] {
			if res := do(t, s, "POST", push, "x", "TTL", "-"); res.StatusCode != 400 {
				t.Errorf("after a restart: %s", res.Status)
			}
		}
	})
}

// Where all are used, a new one is refused; and so it is with receipt
// subscriptions.
func TestNoRoomWhereAllAreUsed(t *testing.T) {
	s := newService(t, &Options{MaxAgents: 3, MaxReceiptSets: 3})
	var push string
	for range 3 {
		_, push, _ = subscribed(t, s)
		want(t, s, 201, "POST", push, "x")
	}
	if text := text(want(t, s, 429, "POST", pathSubscribe, "")); !strings.Contains(text, "too_many_agents") {
		t.Error(text)
	}
	u := connect(t, s)
	u.send(`{"messageType":"hello"}`)
	if m := u.want(typeHello); m.Status != 500 || m.UAID != "" {
		t.Errorf("hello was answered with %+v", m)
	}
	u.wantClose(frame.CodePolicy, "too many")

	receipts := func() string {
		t.Helper()
		set, _ := link(want(t, s, 202, "POST", push, "x", "Prefer", "respond-async").Header, relReceipt)
		return set
	}
	first := receipts()
	want(t, s, 204, "GET", first, "", "Prefer", "wait=0")
	for range 20 { // which take the places of one another
		receipts()
	}
	if n := s.Stats().ReceiptSubscriptions; n != 3 {
		t.Errorf("%d receipt subscriptions", n)
	}
	want(t, s, 204, "GET", first, "", "Prefer", "wait=0")
	for range 2 {
		s.st.mu.Lock()
		id, _ := s.st.unusedSets.any()
		s.st.mu.Unlock()
		want(t, s, 204, "GET", pathReceipts+id.id, "", "Prefer", "wait=0")
	}
	if text := text(want(t, s, 429, "POST", push, "x", "Prefer", "respond-async")); !strings.Contains(text, "too_many_receipts") {
		t.Error(text)
	}
}
