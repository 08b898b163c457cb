package pushservice

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// RFC 8030, 4 and 4.1: what a subscription is answered with, and sets.
func TestSubscribe(t *testing.T) {
	s := newService(t, nil)
	sub, push, set := subscribed(t, s)
	for _, row := range []struct{ got, prefix string }{
		{sub, testOrigin + pathSubscription}, {push, testOrigin + pathPush}, {set, testOrigin + pathSet},
	} {
		id, ok := strings.CutPrefix(row.got, row.prefix)
		if !ok || len(id) < 24 {
			t.Errorf("%s does not begin with %s, or has less than 120 bits", row.got, row.prefix)
		}
	}
	sub2, push2, set2 := subscribed(t, s, "Link", "<"+set+`>; rel="urn:ietf:params:push:set"`)
	if sub2 == sub || push2 == push || set2 != set {
		t.Errorf("in the same set: %s, %s, %s", sub2, push2, set2)
	}
	_, _, set3 := subscribed(t, s)
	if set3 == set {
		t.Error("without a link the set is the same")
	}
	for _, bad := range []string{"<" + testOrigin + pathSet + "nothing>", "<https://elsewhere.example/subscription-set/x>", "</x>", "<>"} {
		want(t, s, 400, "POST", pathSubscribe, "", "Link", bad+`; rel="urn:ietf:params:push:set"`)
	}
	want(t, s, 405, "GET", pathSubscribe, "")
}

// RFC 8030, 5: a message is accepted with 201 and a Location; what the request
// says of it is held against the grammar.
func TestSendAnswers(t *testing.T) {
	s := newService(t, &Options{MaxTTL: 1000 * time.Second, Rate: -1, Burst: -1})
	_, push, _ := subscribed(t, s)
	long := strings.Repeat("x", maxField+1)
	for _, row := range []struct {
		name   string
		status int
		ttl    string // of the answer
		fields []string
	}{
		{"plain", 201, "60", nil},
		{"no TTL", 400, "", []string{"TTL", "-"}},
		{"TTL twice", 400, "", []string{"TTL", "1", "TTL", "2"}},
		{"TTL 0", 201, "0", []string{"TTL", "0"}},
		{"TTL with zeros", 201, "7", []string{"TTL", "007"}},
		{"TTL negative", 400, "", []string{"TTL", "-1"}},
		{"TTL with sign", 400, "", []string{"TTL", "+1"}},
		{"TTL fraction", 400, "", []string{"TTL", "1.5"}},
		{"TTL empty", 400, "", []string{"TTL", ""}},
		{"TTL word", 400, "", []string{"TTL", "day"}},
		{"TTL over the limit", 201, "1000", []string{"TTL", "1001"}},
		{"TTL over 31 bits", 201, "1000", []string{"TTL", "99999999999"}},
		{"TTL over 64 bits", 201, "1000", []string{"TTL", strings.Repeat("9", 40)}},
		{"urgency", 201, "60", []string{"Urgency", "very-low"}},
		{"urgency twice", 400, "", []string{"Urgency", "low", "Urgency", "low"}},
		{"urgency list", 400, "", []string{"Urgency", "low, high"}},
		{"urgency unknown", 400, "", []string{"Urgency", "urgent"}},
		{"topic", 201, "60", []string{"Topic", "A-z_0"}},
		{"topic of 32", 201, "60", []string{"Topic", strings.Repeat("t", 32)}},
		{"topic of 33", 400, "", []string{"Topic", strings.Repeat("t", 33)}},
		{"topic empty", 400, "", []string{"Topic", ""}},
		{"topic with a dot", 400, "", []string{"Topic", "a.b"}},
		{"topic twice", 400, "", []string{"Topic", "a", "Topic", "b"}},
		{"receipt", 202, "60", []string{"Prefer", "respond-async"}},
		{"receipt among others", 202, "60", []string{"Prefer", "wait=5, Respond-Async;x=y"}},
		{"other preference", 201, "60", []string{"Prefer", "respond-asynchronous"}},
		{"long encoding", 400, "", []string{"Content-Encoding", long}},
		{"aesgcm", 201, "60", []string{"Content-Encoding", "aesgcm", "Encryption", "salt=abc", "Crypto-Key", "dh=def;p256ecdsa=ghi"}},
		{"aesgcm without salt", 400, "", []string{"Content-Encoding", "aesgcm", "Crypto-Key", "dh=def"}},
		{"aesgcm without dh", 400, "", []string{"Content-Encoding", "aesgcm", "Encryption", "salt=abc", "Crypto-Key", "p256ecdsa=ghi"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			res := want(t, s, row.status, "POST", push, "body", row.fields...)
			if got := res.Header.Get("TTL"); got != row.ttl {
				t.Errorf("TTL %q, want %q", got, row.ttl)
			}
			_, receipt := link(res.Header, relReceipt)
			if receipt != (row.status == 202) || (res.Header.Get("Location") != "") != (row.status < 300) {
				t.Errorf("the answer has %v", res.Header)
			}
			if row.status >= 400 {
				var e struct{ Error, Message string }
				if err := json.Unmarshal([]byte(text(res)), &e); err != nil || e.Error == "" || e.Message == "" {
					t.Errorf("the answer says %q", text(res))
				}
			}
		})
	}
}

// RFC 8030, 7.2: 413, and never for 4,096 bytes or less.
func TestSendSizes(t *testing.T) {
	s := newService(t, &Options{MaxPayload: 10}) // below what may be
	_, push, _ := subscribed(t, s)
	for n, status := range map[int]int{0: 201, 4096: 201, 4097: 413, 1 << 20: 413} {
		want(t, s, status, "POST", push, strings.Repeat("x", n))
	}
	// Without Content-Length.
	r, err := http.NewRequest("POST", push, struct{ *strings.Reader }{strings.NewReader(strings.Repeat("x", 4097))})
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("TTL", "1")
	w := &answerRecorder{header: http.Header{}}
	s.ServeHTTP(w, r)
	if w.status != 413 {
		t.Errorf("chunked: %d", w.status)
	}
	if got := s.Stats().Bytes; got != 4096+2*messageCost {
		t.Errorf("%d bytes wait", got)
	}
}

type answerRecorder struct {
	header http.Header
	status int
}

func (a *answerRecorder) Header() http.Header         { return a.header }
func (a *answerRecorder) WriteHeader(status int)      { a.status = status }
func (a *answerRecorder) Write(p []byte) (int, error) { return len(p), nil }

// RFC 8030, 6 and 6.2: a message can be read by its URL until it is
// acknowledged, and then it is gone.
func TestMessageResource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		_, push, _ := subscribed(t, s)
		loc := want(t, s, 201, "POST", push, "the body", "Content-Type", "text/plain;charset=utf8", "Content-Encoding", "aes128gcm",
			"Urgency", "high", "Topic", "t").Header.Get("Location")
		time.Sleep(10 * time.Second)
		res := want(t, s, 200, "GET", loc, "")
		if text(res) != "the body" {
			t.Errorf("got %q", text(res))
		}
		for name, wanted := range map[string]string{
			"Content-Type": "text/plain;charset=utf8", "Content-Encoding": "aes128gcm", "Cache-Control": "private",
			"Link": "<" + push + `>; rel="urn:ietf:params:push"`, "Content-Length": "8",
			"Last-Modified": time.Now().Add(-10 * time.Second).UTC().Format(http.TimeFormat),
			"Urgency":       "", "Topic": "", // RFC 8030, 5.3 and 5.4
		} {
			if got := res.Header.Get(name); got != wanted {
				t.Errorf("%s: %q, want %q", name, got, wanted)
			}
		}
		want(t, s, 405, "POST", loc, "")
		want(t, s, 204, "DELETE", loc, "")
		want(t, s, 404, "GET", loc, "")
		want(t, s, 404, "DELETE", loc, "")

		loc = want(t, s, 201, "POST", push, "x", "TTL", "5").Header.Get("Location")
		time.Sleep(5*time.Second - time.Nanosecond)
		want(t, s, 200, "GET", loc, "")
		time.Sleep(time.Nanosecond)
		want(t, s, 404, "GET", loc, "")
		synctest.Wait()
		if st := s.Stats(); st.Messages != 0 || st.Bytes != 0 {
			t.Errorf("after the expiry: %+v", st)
		}
		loc = want(t, s, 201, "POST", push, "x", "TTL", "0").Header.Get("Location")
		want(t, s, 404, "GET", loc, "")
	})
}

// RFC 8030, 5.4: a topic replaces, within its subscription.
func TestTopicReplaces(t *testing.T) {
	s := newService(t, nil)
	_, push, set := subscribed(t, s)
	_, other, _ := subscribed(t, s, "Link", "<"+set+`>; rel="urn:ietf:params:push:set"`)
	send := func(to, body string, fields ...string) string {
		t.Helper()
		return do(t, s, "POST", to, body, fields...).Header.Get("Location")
	}
	first := send(push, "1", "Topic", "a", "Prefer", "respond-async")
	same := send(other, "2", "Topic", "a")
	none := send(push, "3")
	second := send(push, "4", "Topic", "a")
	third := send(push, "5", "Topic", "b")
	for loc, status := range map[string]int{first: 404, same: 200, none: 200, second: 200, third: 200} {
		want(t, s, status, "GET", loc, "")
	}
	if n := s.Stats().Messages; n != 4 {
		t.Errorf("%d messages wait", n)
	}
	// A message that is over is replaced by nothing.
	want(t, s, 204, "DELETE", second, "")
	send(push, "6", "Topic", "a")
	if st := s.Stats(); st.Messages != 4 || st.Bytes != 4*(messageCost+1) {
		t.Errorf("after an acknowledgement: %+v", st)
	}
	// "Delivery receipts for such deleted messages SHOULD be suppressed."
	s.st.mu.Lock()
	defer s.st.mu.Unlock()
	for _, r := range s.st.sets {
		if len(r.list) != 0 {
			t.Errorf("there are receipts: %v", r.list)
		}
	}
}

// RFC 8030, 5.1, 6.2 and 6.3: receipts, and receipt subscriptions.
func TestReceipts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		_, push, _ := subscribed(t, s)
		res := want(t, s, 202, "POST", push, "1", "Prefer", "respond-async")
		set, _ := link(res.Header, relReceipt)
		acked := res.Header.Get("Location")
		res = want(t, s, 202, "POST", push, "2", "Prefer", "respond-async", "Link", "<"+set+`>; rel="urn:ietf:params:push:receipt"`, "TTL", "20")
		if got, _ := link(res.Header, relReceipt); got != set {
			t.Errorf("the second receipt goes to %s", got)
		}
		expires := res.Header.Get("Location")
		for _, bad := range []string{testOrigin + pathReceipts + "nothing", "https://elsewhere.example/", testOrigin + pathPush + "x"} {
			want(t, s, 400, "POST", push, "x", "Prefer", "respond-async", "Link", "<"+bad+`>; rel="urn:ietf:params:push:receipt"`)
		}
		want(t, s, 204, "GET", set, "", "Prefer", "wait=0")
		want(t, s, 204, "DELETE", acked, "")
		got := receipts(t, want(t, s, 200, "GET", set, ""))
		if len(got.list) != 1 || got.list[0].Message != acked || got.list[0].Status != 204 {
			t.Fatalf("after the acknowledgement: %+v", got)
		}
		begin := time.Now()
		got = receipts(t, want(t, s, 200, "GET", set+"?after="+got.cursor, "", "Prefer", "wait=60"))
		if d := time.Since(begin); d != 20*time.Second || len(got.list) != 1 || got.list[0].Message != expires || got.list[0].Status != 410 {
			t.Fatalf("after %v: %+v", d, got)
		}
		want(t, s, 204, "DELETE", set, "")
		want(t, s, 404, "GET", set, "")
		want(t, s, 400, "POST", push, "x", "Prefer", "respond-async", "Link", "<"+set+`>; rel="urn:ietf:params:push:receipt"`)
	})
}

type gotReceipts struct {
	list   []Receipt
	cursor string
}

func receipts(t *testing.T, res *http.Response) (g gotReceipts) {
	t.Helper()
	for _, it := range items(t, res) {
		var r Receipt
		if err := json.Unmarshal([]byte(it.Data), &r); err != nil || it.Type != TypeReceipt {
			t.Fatalf("%+v is no receipt: %v", it, err)
		}
		g.list = append(g.list, r)
		g.cursor = it.Cursor
	}
	return g
}

type gotItem struct{ Cursor, Type, Data string }

func items(t *testing.T, res *http.Response) []gotItem {
	t.Helper()
	var a struct{ Items []gotItem }
	if err := json.Unmarshal([]byte(text(res)), &a); err != nil {
		t.Fatalf("%v in %q", err, text(res))
	}
	return a.Items
}

// RFC 8030, 8.4: rates.
func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, &Options{Rate: 0.5, Burst: 3})
		_, push, _ := subscribed(t, s)
		_, other, _ := subscribed(t, s)
		for range 3 {
			want(t, s, 201, "POST", push, "x")
		}
		res := want(t, s, 429, "POST", push, "x")
		after, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil || after != 2 {
			t.Errorf("Retry-After %q", res.Header.Get("Retry-After"))
		}
		want(t, s, 201, "POST", other, "x")
		time.Sleep(time.Duration(after) * time.Second)
		want(t, s, 201, "POST", push, "x")
		want(t, s, 429, "POST", push, "x")
	})
}

// What is kept is bounded in every direction.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, &Options{
			MaxAgents: 2, MaxSubscriptions: 2, MaxMessages: 2, MaxAgentBytes: 10_000 + 3*messageCost, MaxBytes: 11_000 + 4*messageCost, MaxReceiptSets: 1, Rate: -1, Burst: -1,
		})
		_, push, set := subscribed(t, s)
		in := []string{"Link", "<" + set + `>; rel="urn:ietf:params:push:set"`}
		_, push2, _ := subscribed(t, s, in...)
		want(t, s, 429, "POST", pathSubscribe, "", in...)
		_, push3, set3 := subscribed(t, s)
		for _, used := range []string{set, set3} {
			want(t, s, 204, "GET", used, "", "Prefer", "wait=0")
		}
		want(t, s, 429, "POST", pathSubscribe, "")

		big := strings.Repeat("x", 4000)
		want(t, s, 201, "POST", push, big, "TTL", "100", "Topic", "t")
		want(t, s, 201, "POST", push, "x", "TTL", "50")
		res := want(t, s, 429, "POST", push, "x")
		if got := res.Header.Get("Retry-After"); got != "50" {
			t.Errorf("Retry-After %s, but the first message expires in 50 s", got)
		}
		want(t, s, 201, "POST", push, big, "TTL", "100", "Topic", "t") // takes the other's place
		want(t, s, 201, "POST", push2, big)
		want(t, s, 429, "POST", push2, big)                                                                    // bytes of the user agent
		want(t, s, 503, "POST", push3, big)                                                                    // bytes in all
		receipts, _ := link(want(t, s, 202, "POST", push3, "x", "Prefer", "respond-async").Header, relReceipt) // the only receipt subscription
		want(t, s, 204, "GET", receipts, "", "Prefer", "wait=0")
		want(t, s, 429, "POST", push3, "x", "Prefer", "respond-async")
		time.Sleep(50 * time.Second)
		synctest.Wait()
		want(t, s, 201, "POST", push, "x")
	})
}

// RFC 8030, 7.3 and 7.3.1: ends of subscriptions and sets.
func TestSubscriptionsEnd(t *testing.T) {
	s := newService(t, nil)
	sub, push, set := subscribed(t, s)
	sub2, push2, _ := subscribed(t, s, "Link", "<"+set+`>; rel="urn:ietf:params:push:set"`)
	loc := want(t, s, 201, "POST", push, "x").Header.Get("Location")
	want(t, s, 204, "DELETE", sub, "")
	want(t, s, 404, "DELETE", sub, "")
	want(t, s, 404, "GET", sub, "")
	want(t, s, 404, "GET", loc, "")
	want(t, s, 410, "POST", push, "x")
	want(t, s, 404, "POST", testOrigin+pathPush+"never", "x")
	want(t, s, 201, "POST", push2, "x")
	want(t, s, 204, "DELETE", set, "")
	for _, gone := range []string{set, sub2} {
		want(t, s, 404, "GET", gone, "")
	}
	want(t, s, 410, "POST", push2, "x")
	if st := s.Stats(); st != (Stats{}) {
		t.Errorf("left: %+v", st)
	}
}

// A subscription that the service gave up is 404, as RFC 8030, 7.3, has it.
func TestIdleAgentsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, &Options{AgentIdle: 48 * time.Hour})
		_, push, _ := subscribed(t, s)
		_, _, kept := subscribed(t, s)
		for range 3 {
			time.Sleep(25 * time.Hour)
			do(t, s, "GET", kept, "", "Prefer", "wait=0")
		}
		synctest.Wait()
		want(t, s, 404, "POST", push, "x")
		want(t, s, 204, "GET", kept, "", "Prefer", "wait=0")
		if n := s.Stats().Agents; n != 1 {
			t.Errorf("%d user agents", n)
		}
	})
}

func TestPaths(t *testing.T) {
	s := newService(t, &Options{URL: "https://example.net/base/"})
	for _, row := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/base/", 426}, {"GET", "/base", 426}, {"POST", "/base/subscribe", 201}, {"POST", "/base/subscribe/", 201},
		{"POST", "/subscribe", 404}, {"GET", "/", 404}, {"POST", "/base/push/", 404}, {"POST", "/base/push/a/b", 404},
		{"GET", "/base/push/a", 405}, {"PUT", "/base/message/a", 405}, {"GET", "/base/nothing", 404},
	} {
		res := do(t, s, row.method, row.path, "")
		if res.StatusCode != row.status {
			t.Errorf("%s %s: %s", row.method, row.path, res.Status)
		}
		if row.status == 405 && res.Header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", row.method, row.path)
		}
	}
	sub, push, _ := links(t, do(t, s, "POST", "/base/subscribe", ""))
	if !strings.HasPrefix(sub, "https://example.net/base/subscription/") || !strings.HasPrefix(push, "https://example.net/base/push/") {
		t.Errorf("the URLs are %s and %s", sub, push)
	}
	want(t, s, 201, "POST", push, "x")
	for _, bad := range []string{"example.net", "ftp://example.net", "https://", "https://a/?b", "https://u@a/", "https://a/#b"} {
		if _, err := New(&Options{URL: bad}); err == nil {
			t.Errorf("%q is taken for the URL of a service", bad)
		}
	}
}

// A receipt subscription keeps the newest receipts, in the store too.
func TestReceiptsAreBounded(t *testing.T) {
	store := &Memory{}
	s := newService(t, &Options{Store: store, Rate: -1, Burst: -1})
	_, push, _ := subscribed(t, s)
	before := store.Len()
	set := ""
	last := ""
	for range maxReceipts + 10 {
		fields := []string{"Prefer", "respond-async", "TTL", "0"} // nobody is there, so each has its receipt
		if set != "" {
			fields = append(fields, "Link", "<"+set+`>; rel="urn:ietf:params:push:receipt"`)
		}
		res := want(t, s, 202, "POST", push, "x", fields...)
		set, _ = link(res.Header, relReceipt)
		last = res.Header.Get("Location")
	}
	if n := store.Len() - before; n != maxReceipts+1 {
		t.Errorf("the store has %d records more", n)
	}
	var got gotReceipts
	n := 0
	for after := ""; ; after = "?after=" + got.cursor {
		res := do(t, s, "GET", set+after, "", "Prefer", "wait=0")
		if res.StatusCode == 204 {
			break
		}
		got = receipts(t, res)
		n += len(got.list)
	}
	if n != maxReceipts || got.list[len(got.list)-1].Message != last {
		t.Errorf("%d receipts", n)
	}
}
