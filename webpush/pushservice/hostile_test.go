package pushservice

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// wantConsistent checks that what the state counts is what it has.
func wantConsistent(t *testing.T, st *state) {
	t.Helper()
	st.mu.Lock()
	defer st.mu.Unlock()
	var bytes int64
	messages, subs := 0, 0
	fresh := 0
	for id, a := range st.agents {
		if a.ID != id || len(a.subs) == 0 && a.session == nil {
			t.Errorf("the user agent %s has nothing and is kept", id)
		}
		if a.stored != (len(a.subs) > 0) {
			t.Errorf("the user agent %s has %d subscriptions, stored: %v", id, len(a.subs), a.stored)
		}
		if a.Fresh && a.stored && a.session == nil {
			fresh++
			if _, ok := st.unusedAgents.at[a]; !ok {
				t.Errorf("the user agent %s is not among the unused ones", id)
			}
		}
		var own int64
		count := make(map[*subscription]int)
		for i, m := range a.queue {
			if m.over || st.messages[m.ID] != m || m.sub.agent != a || m.heap < 0 || st.expiry[m.heap] != m || i > 0 && a.queue[i-1].Seq >= m.Seq {
				t.Errorf("the message %+v is in the wrong place", m)
			}
			own += m.cost()
			count[m.sub]++
		}
		if own != a.bytes {
			t.Errorf("a queue counts for %d bytes and has %d", a.bytes, own)
		}
		for channel, s := range a.subs {
			if s.Channel != channel || s.agent != a || st.subs[s.ID] != s || st.pushes[s.Push] != s || s.count != count[s] || s.asking != 0 {
				t.Errorf("the subscription %+v is in the wrong place, or has %d messages", s, count[s])
			}
			subs++
			for topic, m := range s.topics {
				if m.Topic != topic || m.over {
					t.Errorf("the topic %s has the message %+v", topic, m)
				}
			}
		}
		bytes += own
		messages += len(a.queue)
	}
	if bytes != st.bytes || messages != len(st.messages) || messages != len(st.expiry) || subs != len(st.subs) || subs != len(st.pushes) {
		t.Errorf("%d bytes, %d in all; %d messages, %d, %d; %d subscriptions, %d, %d",
			bytes, st.bytes, messages, len(st.messages), len(st.expiry), subs, len(st.subs), len(st.pushes))
	}
	if fresh != len(st.unusedAgents.list) || fresh != len(st.unusedAgents.at) {
		t.Errorf("%d user agents are unused, %d and %d are listed", fresh, len(st.unusedAgents.list), len(st.unusedAgents.at))
	}
	unread := 0
	for _, s := range st.sets {
		if s.Fresh {
			unread++
		}
	}
	if unread != len(st.unusedSets.list) || unread != len(st.unusedSets.at) {
		t.Errorf("%d receipt subscriptions are unread, %d and %d are listed", unread, len(st.unusedSets.list), len(st.unusedSets.at))
	}
}

// mob is many clients who know each other's secrets and do anything, in any
// order and at the same time.
type mob struct {
	t *testing.T
	s *Service

	mu   sync.Mutex
	urls map[string][]string // by kind: of pushes, sets, uaids ...
}

func (m *mob) know(kind, url string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.urls[kind]; len(l) > 100 {
		l[rand.IntN(len(l))] = url
	} else {
		m.urls[kind] = append(l, url)
	}
}

func (m *mob) some(kind string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.urls[kind]; len(l) > 0 && rand.IntN(20) > 0 {
		return l[rand.IntN(len(l))]
	}
	return "nothing"
}

func (m *mob) do(method, url string, fields ...string) *http.Response {
	if url == "nothing" {
		url = testOrigin + pathPush + url
	}
	r := httptest.NewRequest(method, url, strings.NewReader("body"))
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Duration(rand.IntN(int(5*time.Millisecond))))
	defer cancel()
	r = r.WithContext(ctx)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	m.s.ServeHTTP(w, r)
	res := w.Result()
	if res.StatusCode == 500 {
		m.t.Errorf("%s %s: %s", method, url, res.Status)
	}
	return res
}

func (m *mob) step() {
	in := func(kind string, rel string) string { return "<" + m.some(kind) + `>; rel="` + rel + `"` }
	switch rand.IntN(12) {
	case 0, 1:
		var fields []string
		if rand.IntN(2) == 0 {
			fields = []string{"Link", in("set", relSet)}
		}
		res := m.do("POST", testOrigin+pathSubscribe, fields...)
		if res.StatusCode == 201 {
			push, _ := link(res.Header, relPush)
			set, _ := link(res.Header, relSet)
			m.know("push", push)
			m.know("set", set)
			m.know("uaid", strings.TrimPrefix(set, testOrigin+pathSet))
			m.know("sub", res.Header.Get("Location"))
		}
	case 2, 3, 4, 5:
		fields := []string{"TTL", []string{"0", "1", "100"}[rand.IntN(3)], "Urgency", []string{"very-low", "high"}[rand.IntN(2)]}
		if rand.IntN(2) == 0 {
			fields = append(fields, "Topic", []string{"a", "b"}[rand.IntN(2)])
		}
		if rand.IntN(2) == 0 {
			fields = append(fields, "Prefer", "respond-async")
			if rand.IntN(2) == 0 {
				fields = append(fields, "Link", in("receipt", relReceipt))
			}
		}
		res := m.do("POST", m.some("push"), fields...)
		if loc := res.Header.Get("Location"); loc != "" {
			m.know("message", loc)
		}
		if set, ok := link(res.Header, relReceipt); ok {
			m.know("receipt", set)
		}
	case 6:
		m.do([]string{"GET", "DELETE"}[rand.IntN(2)], m.some("message"))
	case 7, 8:
		method := "GET"
		if rand.IntN(4) == 0 {
			method = "DELETE"
		}
		m.do(method, m.some([]string{"sub", "set", "receipt"}[rand.IntN(3)]), "Prefer", []string{"wait=0", "wait=1"}[rand.IntN(2)], "Urgency", "normal")
	default:
		m.connect()
	}
}

// connect is a user agent that says some of the right things, and some of the
// wrong ones.
func (m *mob) connect() {
	client, server := pushwire.Pipe(&pushwire.Config{Ping: -1, MaxMessage: maxAgentMessage, CloseTimeout: time.Millisecond})
	if m.s.group.Add(server) != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.s.serveAgent(server.Context(), server, &handshake.Request{Host: "push.test"})
	}()
	ctx, cancel := context.WithTimeout(m.t.Context(), 20*time.Millisecond)
	defer cancel()
	defer func() { client.CloseNow(); <-done }()
	write := func(s string) { client.Write(ctx, frame.Text, []byte(s)) }
	write(`{"messageType":"hello","uaid":"` + m.some("uaid") + `","broadcasts":{"a":"0"}}`)
	channel := fmt.Sprintf("00000000-0000-0000-0000-%012d", rand.IntN(4))
	for range rand.IntN(6) {
		version := strings.TrimPrefix(m.some("message"), testOrigin+pathMessage)
		switch rand.IntN(7) {
		case 0, 1:
			write(`{"messageType":"register","channelID":"` + channel + `"}`)
		case 2:
			write(`{"messageType":"unregister","channelID":"` + channel + `"}`)
		case 3:
			write(`{"messageType":"ack","updates":[{"channelID":"` + channel + `","version":"` + version + `","code":100},{"channelID":"x","version":"y"}]}`)
		case 4:
			write(`{"messageType":"nack","version":"` + version + `","code":302}`)
		case 5:
			write([]string{`{}`, `[`, `{"messageType":"hello"}`, `{"messageType":"ack","updates":1}`}[rand.IntN(4)])
		case 6:
			m.s.Broadcast("a", fmt.Sprint(rand.IntN(3)))
		}
	}
	for range rand.IntN(8) {
		_, p, err := client.Read(ctx)
		if err != nil {
			return
		}
		if _, rest, ok := strings.Cut(string(p), `"pushEndpoint":"`); ok {
			push, _, _ := strings.Cut(rest, `"`)
			m.know("push", push)
		}
		if _, rest, ok := strings.Cut(string(p), `"uaid":"`); ok {
			uaid, _, _ := strings.Cut(rest, `"`)
			m.know("uaid", uaid)
		}
		if _, rest, ok := strings.Cut(string(p), `"version":"`); ok {
			version, _, _ := strings.Cut(rest, `"`)
			m.know("message", testOrigin+pathMessage+version)
			if rand.IntN(2) == 0 {
				write(`{"messageType":"nack","version":"` + version + `"}`)
			}
			_, rest, _ := strings.Cut(string(p), `"channelID":"`)
			channel, _, _ := strings.Cut(rest, `"`)
			write(`{"messageType":"ack","updates":[{"channelID":"` + channel + `","version":"` + version + `","code":100}]}`)
			write(`{"messageType":"ack","updates":[{"channelID":"` + channel + `","version":"` + version + `","code":101}]}`)
		}
	}
}

// moody is a store that fails now and then, until it is calm.
type moody struct {
	Memory
	calm atomic.Bool
}

func (m *moody) Apply(ctx context.Context, c []Change) error {
	if !m.calm.Load() && rand.IntN(10) == 0 {
		return fmt.Errorf("not now")
	}
	if rand.IntN(10) == 0 {
		time.Sleep(time.Millisecond)
	}
	return m.Memory.Apply(ctx, c)
}

// Whatever clients do at the same time, with every limit reached and a store
// that fails, nothing panics or is forgotten, the limits hold, and the store has
// in the end what the service has.
func TestMob(t *testing.T) {
	store := &moody{}
	o := &Options{
		Store: store, MaxAgents: 12, MaxSubscriptions: 4, MaxMessages: 8, MaxAgentBytes: 12 * messageCost, MaxBytes: 64 * messageCost, MaxReceiptSets: 6,
		Rate: 1000, Burst: 20, ClientRate: 1000, ClientBurst: 20, MaxAttempts: 3, AckTimeout: 10 * time.Millisecond,
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	m := &mob{t: t, s: s, urls: make(map[string][]string)}
	end := time.Now().Add(700 * time.Millisecond)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for time.Now().Before(end) {
				m.step()
			}
		})
	}
	for time.Now().Before(end) {
		time.Sleep(10 * time.Millisecond)
		if st := s.Stats(); st.Agents > 12 || st.Subscriptions > 48 || st.ReceiptSubscriptions > 6 || st.Bytes > 64*messageCost {
			t.Errorf("over the limits: %+v", st)
		}
	}
	wg.Wait()
	s.st.mu.Lock()
	if len(m.urls["push"]) == 0 || len(m.urls["message"]) == 0 || len(m.urls["uaid"]) == 0 {
		t.Errorf("nobody got anything done")
	}
	s.st.mu.Unlock()
	for s.Stats().Connected > 0 {
		time.Sleep(time.Millisecond)
	}
	wantConsistent(t, s.st)
	before := s.Stats()
	store.calm.Store(true)
	shutdown(t, s)
	s = newService(t, &Options{Store: &store.Memory})
	wantConsistent(t, s.st)
	after := s.Stats()
	if after.Agents != before.Agents || after.Subscriptions != before.Subscriptions || after.ReceiptSubscriptions != before.ReceiptSubscriptions {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// A reader that waits behind messages which are not for it looks at each of
// them once: 64 readers behind 8,000 messages made the next one cost 6.7 ms
// under the lock of all, where it costs 23 us now.
func TestReadersLookAtAMessageOnce(t *testing.T) {
	s := newService(t, &Options{Rate: -1, Burst: -1})
	sub, push, _ := subscribed(t, s)
	for range 10 {
		want(t, s, 201, "POST", push, "x", "Urgency", "low")
	}
	st := s.st
	a := st.subs[strings.TrimPrefix(sub, testOrigin+pathSubscription)].agent
	f := &agentFeed{st: st, a: a, least: High}
	next := func(why string, after, wanted uint64) {
		t.Helper()
		st.mu.Lock()
		defer st.mu.Unlock()
		if seq, ok := f.next(after); seq != wanted || ok != (wanted > 0) {
			t.Errorf("%s: behind %d is %d, %v, want %d", why, after, seq, ok, wanted)
		}
	}
	next("nothing is urgent", 3, 0)
	a.queue[6].Urgency = High // which does not happen: it shows who looks
	next("it looked already", 3, 0)
	next("it looked already", 5, 0)
	next("it looks where it did not", 2, 7)
	want(t, s, 201, "POST", push, "x", "Urgency", "low")
	next("nothing urgent came", 3, 0)
	want(t, s, 201, "POST", push, "x", "Urgency", "high")
	next("something came", 3, 12)
	next("something came", 11, 12)
	next("that was all", 12, 0)
}

// A user agent whose last subscription is removed while somebody reads its
// messages is forgotten all the same, and the reader is told.
func TestReaderOfNothingKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		for range 3 {
			sub, _, set := subscribed(t, s)
			done := make(chan int)
			go func() { done <- do(t, s, "GET", set, "", "Prefer", "wait=20").StatusCode }()
			synctest.Wait()
			want(t, s, 204, "DELETE", sub, "")
			if status := <-done; status != 404 {
				t.Errorf("the reader was answered with %d", status)
			}
		}
		if st := s.Stats(); st != (Stats{}) {
			t.Errorf("left: %+v", st)
		}
		wantConsistent(t, s.st)
	})
}
