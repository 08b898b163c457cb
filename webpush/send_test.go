package webpush

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestSendRequest looks at what goes out.
func TestSendRequest(t *testing.T) {
	u := newUserKeys(t)
	sub := u.Subscription("https://push.example.net:8443/push/a%2Fb?c=d")
	for _, tt := range []struct {
		name    string
		m       Message
		want    http.Header // without Authorization
		payload string
		size    int
	}{
		{"nothing", Message{}, http.Header{"Ttl": {"2419200"}}, "", 0},
		{"no bytes", Message{Payload: []byte{}}, http.Header{"Ttl": {"2419200"}, "Content-Encoding": {"aes128gcm"}, "Content-Type": {"application/octet-stream"}}, "", 103 + 128},
		{"everything", Message{Payload: []byte("hello"), TTL: time.Minute, Urgency: High, Topic: "upd", Pad: 1, Receipt: true, ContentType: "text/plain"},
			http.Header{"Ttl": {"60"}, "Urgency": {"high"}, "Topic": {"upd"}, "Prefer": {"respond-async"}, "Content-Encoding": {"aes128gcm"}, "Content-Type": {"text/plain"}}, "hello", 108},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			c := newClient(t, func(r *http.Request) (*http.Response, error) {
				calls++
				if r.Method != "POST" || r.URL.String() != sub.Endpoint || r.Host != "push.example.net:8443" {
					t.Errorf("%s %s to %s", r.Method, r.URL, r.Host)
				}
				v, err := VerifyVAPID(r.Header.Get("Authorization"), "https://push.example.net:8443", time.Now())
				if err != nil || v.Subject != sampleContact {
					t.Errorf("%+v, %v", v, err)
				} else if left := time.Until(v.Expiry); left > 12*time.Hour || left < 11*time.Hour {
					t.Errorf("the token is good for %v", left)
				}
				h := r.Header.Clone()
				h.Del("Authorization")
				if diff := cmp.Diff(tt.want, h); diff != "" {
					t.Errorf("fields (-want +got):\n%s", diff)
				}
				body := read(t, r)
				if len(body) != tt.size || int64(len(body)) != r.ContentLength {
					t.Errorf("%d bytes, %d announced", len(body), r.ContentLength)
				}
				if tt.m.Payload != nil {
					if plain, err := u.Decrypt(body); err != nil || string(plain) != tt.payload {
						t.Errorf("%q, %v", plain, err)
					}
				}
				return answer(201, "", "Location", "/m/1", "TTL", "30"), nil
			})
			a, err := c.Send(t.Context(), sub, &tt.m)
			want := &Accepted{StatusCode: 201, Location: "https://push.example.net:8443/m/1", TTL: 30 * time.Second, Attempts: 1}
			if diff := cmp.Diff(want, a); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if calls != 1 {
				t.Errorf("%d requests", calls)
			}
		})
	}
}

// TestNewRequest is sent by another client than ours.
func TestNewRequest(t *testing.T) {
	u, key := newUserKeys(t), newKey(t)
	c := &Client{Key: key, Subject: "push@example.com"}
	req, err := c.NewRequest(t.Context(), u.Subscription(sampleEndpoint), &Message{Payload: []byte("x"), Topic: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if req.Header.Get("TTL") != "2419200" || req.Header.Get("Topic") != "a" || req.Context() != t.Context() {
		t.Errorf("%v", req.Header)
	}
	again, err := req.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []io.Reader{req.Body, again} {
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := u.Decrypt(b); err != nil || string(plain) != "x" {
			t.Errorf("%q, %v", plain, err)
		}
	}
}

// TestReceipts: the receipt subscription of a service goes along with the next
// request to the same origin, and to no other.
func TestReceipts(t *testing.T) {
	var links []string
	c := newClient(t, func(r *http.Request) (*http.Response, error) {
		links = append(links, r.URL.Host+" "+r.Header.Get("Link"))
		return answer(202, "", "Location", "/m/1", "Link", `</x>; rel="other", </receipts/1>; rel="urn:ietf:params:push:receipt"`), nil
	})
	u := newUserKeys(t)
	m := &Message{Payload: []byte("x"), Receipt: true}
	for _, endpoint := range []string{"https://a.example/1", "https://a.example/2", "https://b.example/1"} {
		a, err := c.Send(t.Context(), u.Subscription(endpoint), m)
		if err != nil || a.StatusCode != 202 || !strings.HasSuffix(a.Receipts, ".example/receipts/1") {
			t.Errorf("%+v, %v", a, err)
		}
	}
	want := []string{"a.example ", `a.example <https://a.example/receipts/1>; rel="urn:ietf:params:push:receipt"`, "b.example "}
	if diff := cmp.Diff(want, links); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReceiptsElsewhere: a service can't have us send its receipt subscription,
// or anything else, along with an address of another.
func TestReceiptsElsewhere(t *testing.T) {
	c := newClient(t, func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Link") != "" {
			t.Errorf("Link %s", r.Header.Get("Link"))
		}
		return answer(202, "", "Link", `<https://elsewhere.example/receipts/1>; rel="urn:ietf:params:push:receipt"`), nil
	})
	for range 2 {
		a, err := c.Send(t.Context(), newUserKeys(t).Subscription(sampleEndpoint), &Message{Receipt: true})
		if err != nil || a.Receipts != "" {
			t.Errorf("%+v, %v", a, err)
		}
	}
}

func TestLinkTarget(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`</r>; rel="urn:ietf:params:push:receipt"`, "/r"},
		{`</r>;rel=urn:ietf:params:push:receipt`, "/r"},
		{`</a>; rel=next, </r>; title="x"; REL="urn:ietf:params:push:receipt"`, "/r"},
		{`</r>; rel="urn:ietf:params:push"`, ""}, {"", ""}, {"<", ""}, {"x", ""}, {"</r>", ""}, {"</r>; rel", ""},
	} {
		if got, ok := linkTarget(tt.in, relReceipt); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%q: %q, %v", tt.in, got, ok)
		}
	}
}

// TestSendStatus goes through the answers of a service, with the words of the
// vendors' services in their own forms.
func TestSendStatus(t *testing.T) {
	sentinels := []error{ErrGone, ErrTooLarge, ErrRateLimited, ErrUnauthorized}
	for _, tt := range []struct {
		status int
		body   string
		fields []string
		is     error
		words  string
	}{
		{404, "", nil, ErrGone, ""},
		{410, `{"code": 410, "errno": 106, "error": "Gone", "message": "Subscription expired"}`, nil, ErrGone, "Subscription expired"},
		{413, "too much", nil, ErrTooLarge, "too much"},
		{401, "", []string{"X-Wns-Error-Description", "no channel"}, ErrUnauthorized, "no channel"},
		{403, `{"reason":"BadJwtToken"}`, nil, ErrUnauthorized, "BadJwtToken"},
		{403, "the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.\n", nil, ErrUnauthorized,
			"the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions."},
		{429, "", []string{"Retry-After", "600"}, ErrRateLimited, ""},
		{400, `{"x":1}`, nil, nil, `{"x":1}`},
		{406, "\xff\xfe", nil, nil, ""},
		{307, "", []string{"Location", "https://elsewhere.example/"}, nil, ""},
		{304, "", nil, nil, ""},
	} {
		calls := 0
		c := newClient(t, func(*http.Request) (*http.Response, error) {
			calls++
			return answer(tt.status, tt.body, tt.fields...), nil
		})
		a, err := c.Send(t.Context(), newUserKeys(t).Subscription(sampleEndpoint), &Message{})
		var se *StatusError
		if a != nil || !errors.As(err, &se) || se.StatusCode != tt.status || se.Words != tt.words || se.Origin != "https://push.example.net" || string(se.Body) != tt.body {
			t.Errorf("%d: %+v, %v", tt.status, a, err)
			continue
		}
		for _, s := range sentinels {
			if errors.Is(err, s) != (s == tt.is) {
				t.Errorf("%d is %v: %v", tt.status, s, errors.Is(err, s))
			}
		}
		if calls != 1 {
			t.Errorf("%d: %d requests", tt.status, calls)
		}
		if want := fmt.Sprintf("webpush_status_%d", tt.status); se.Token() != want {
			t.Errorf("token %s", se.Token())
		}
	}
}

// TestErrorsKeepTheEndpointSecret: of what net/http puts into errors, and of
// what a service says, nothing but the origin is ours to show.
func TestErrorsKeepTheEndpointSecret(t *testing.T) {
	var out bytes.Buffer
	for _, fail := range []service{
		func(r *http.Request) (*http.Response, error) { return nil, errors.New("the network is down") },
		func(r *http.Request) (*http.Response, error) { return answer(500, "no"), nil },
		func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() },
	} {
		c := newClient(t, fail)
		c.Retry = Retry{Attempts: 2, Base: time.Microsecond}
		c.Timeout = 200 * time.Millisecond
		c.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		_, err := c.Send(t.Context(), newUserKeys(t).Subscription(sampleEndpoint), &Message{})
		if err == nil {
			t.Fatal("sent")
		}
		fmt.Fprintln(&out, err)
	}
	if text := out.String(); strings.Contains(text, "JzLQ") || strings.Count(text, "https://push.example.net") < 9 || !strings.Contains(text, "the network is down") {
		t.Errorf("it says:\n%s", text)
	}
	if strings.Count(out.String(), "trying again") != 3 || strings.Count(out.String(), "not sent") != 3 {
		t.Errorf("records:\n%s", out.String())
	}
}

// TestClientRefuses: what is wrong with the client itself comes out at the first
// use, and every time.
func TestClientRefuses(t *testing.T) {
	sub := newUserKeys(t).Subscription(sampleEndpoint)
	for _, tt := range []struct {
		token string
		c     *Client
	}{
		{"key_missing", &Client{Subject: sampleContact}},
		{"subject_missing", &Client{Key: newKey(t)}},
		{"subject_local", &Client{Key: newKey(t), Subject: "https://localhost"}},
		{"transport", &Client{Key: newKey(t), Subject: sampleContact, HTTP: service(nil).client()}},
	} {
		for range 2 {
			if _, err := tt.c.Send(t.Context(), sub, &Message{}); !errors.Is(err, &ConfigError{Token: "webpush_config_" + tt.token}) {
				t.Errorf("%s: %v", tt.token, err)
			}
		}
		tt.c.CloseIdleConnections()
	}
	c := newClient(t, func(*http.Request) (*http.Response, error) { panic("sent") })
	if _, err := c.Send(t.Context(), nil, &Message{}); !errors.Is(err, &SubscriptionError{Token: "webpush_subscription_endpoint_missing"}) {
		t.Errorf("nil: %v", err)
	}
	if _, err := c.Send(t.Context(), &Subscription{Endpoint: sampleEndpoint}, &Message{}); !errors.Is(err, &SubscriptionError{Token: "webpush_subscription_p256dh_missing"}) {
		t.Errorf("no keys: %v", err)
	}
	if _, err := c.Send(t.Context(), sub, &Message{Topic: "a b"}); !errors.Is(err, &ConfigError{Token: "webpush_config_topic"}) {
		t.Errorf("a bad topic: %v", err)
	}
}

// TestTokenIsReused: one signature for an origin in six hours, however many
// messages; no token is used in its last hours.
func TestTokenIsReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t)
		key, err := NewKey(s)
		if err != nil {
			t.Fatal(err)
		}
		u := newUserKeys(t)
		var mu sync.Mutex
		least := tokenLife // that was left when a token came; guarded by mu
		c := newClient(t, func(r *http.Request) (*http.Response, error) {
			v, err := VerifyVAPID(r.Header.Get("Authorization"), "https://"+r.URL.Host, time.Now())
			if err != nil {
				t.Error(err)
				return nil, err
			}
			mu.Lock()
			least = min(least, time.Until(v.Expiry))
			mu.Unlock()
			return answer(201, ""), nil
		})
		c.Key = key
		send := func(endpoint string) {
			t.Helper()
			if _, err := c.Send(t.Context(), u.Subscription(endpoint), &Message{}); err != nil {
				t.Error(err)
			}
		}
		want := func(why string, n int) {
			t.Helper()
			if s.calls != n {
				t.Errorf("%s: %d signatures, want %d", why, s.calls, n)
			}
		}
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() { send(fmt.Sprintf("https://a.example/%d", i)) })
		}
		wg.Wait()
		want("50 at once to one service", 1)
		send("https://b.example/1")
		send("https://a.example:8443/1")
		want("two other services", 3)
		for range 59 {
			time.Sleep(time.Minute)
			send("https://a.example/1")
		}
		want("an hour later", 3)
		time.Sleep(5 * time.Hour)
		send("https://a.example/1")
		want("after 5:59", 3)
		time.Sleep(time.Minute)
		send("https://a.example/1")
		want("after 6 hours", 4)
		if least < 6*time.Hour {
			t.Errorf("a token was used with %v left", least)
		}
	})
}

// TestTokenOfASlowStore: those who waited for a signature use it, also one that
// was made after they had come. The first attempt to sign fails.
func TestTokenOfASlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, func(*http.Request) (*http.Response, error) { return answer(201, ""), nil })
		slow := newStore(t)
		key, err := NewKey(slow)
		if err != nil {
			t.Fatal(err)
		}
		c.Key = key
		slow.spoil = func(der []byte) []byte {
			time.Sleep(time.Second)
			if slow.calls == 1 {
				return nil
			}
			return der
		}
		u := newUserKeys(t)
		var wg sync.WaitGroup
		var failed atomic.Int32
		for i := range 20 {
			wg.Go(func() {
				if _, err := c.Send(t.Context(), u.Subscription(fmt.Sprintf("https://a.example/%d", i)), &Message{}); err != nil {
					failed.Add(1)
				}
			})
		}
		wg.Wait()
		if slow.calls != 2 || failed.Load() != 1 {
			t.Errorf("%d signatures, %d messages failed", slow.calls, failed.Load())
		}
	})
}

// TestTokenOfAClockThatWasSetBack: a token of the future is thrown away.
func TestTokenOfAClockThatWasSetBack(t *testing.T) {
	now := time.Unix(1800000000, 0)
	e := &origin{field: "x", signed: now}
	for _, tt := range []struct {
		at   time.Time
		want bool
	}{{now, true}, {now.Add(tokenUse - 1), true}, {now.Add(tokenUse), false}, {now.Add(-1), false}, {now.Add(-24 * time.Hour), false}} {
		if e.fresh(tt.at) != tt.want {
			t.Errorf("at %v: %v", tt.at.Sub(now), !tt.want)
		}
	}
	if (&origin{signed: now}).fresh(now) {
		t.Error("no token at all is fresh")
	}
}

// TestOriginsAreForgotten: who sends endpoints of thousands of names does not
// fill the memory, and the service that is in use stays.
func TestOriginsAreForgotten(t *testing.T) {
	var o origins
	now := time.Unix(1800000000, 0)
	for i := range 3 * maxOrigins {
		now = now.Add(time.Second)
		o.get("https://in-use.example", now).field = "x"
		o.get(fmt.Sprintf("https://%d.example", i), now)
	}
	if len(o.m) != maxOrigins {
		t.Errorf("%d are remembered", len(o.m))
	}
	if o.get("https://in-use.example", now).field != "x" {
		t.Error("the one in use was forgotten")
	}
}

// TestTokenWaitEndsWithItsContext: a key store that does not answer holds up
// nobody for longer than they want to wait.
func TestTokenWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, func(*http.Request) (*http.Response, error) { return answer(201, ""), nil })
		slow := newStore(t)
		key, err := NewKey(slow)
		if err != nil {
			t.Fatal(err)
		}
		c.Key = key
		slow.spoil = func(der []byte) []byte { time.Sleep(time.Minute); return der }
		done := make(chan error, 1)
		go func() {
			_, err := c.Send(context.Background(), newUserKeys(t).Subscription(sampleEndpoint), &Message{})
			done <- err
		}()
		synctest.Wait() // it signs
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Send(ctx, newUserKeys(t).Subscription(sampleEndpoint), &Message{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("the one who signed: %v", err)
		}
	})
}

// TestRetry: which failures are tried again, how often, and what comes of it.
func TestRetry(t *testing.T) {
	down := errors.New("the network is down")
	for _, tt := range []struct {
		name     string
		attempts int
		answers  []any // an int is a status, an error that of the network
		calls    int
		want     any // the status that is accepted or refused in the end, or the error
	}{
		{"500 and then well", 0, []any{500, 201}, 2, 201},
		{"503 and reset and then well", 0, []any{503, down, 201}, 3, 201},
		{"429 three times", 0, []any{429, 429, 429, 201}, 4, 201},
		{"never well", 0, []any{500, 502, 503, 504}, 4, 504},
		{"always down", 0, []any{down, down, down, down}, 4, down},
		{"tried once", 1, []any{500}, 1, 500},
		{"tried twice", 2, []any{500, 500}, 2, 500},
		{"gone", 0, []any{410}, 1, 410},
		{"500 and then gone", 0, []any{500, 410}, 2, 410},
		{"a bad request", 0, []any{400}, 1, 400},
		{"unauthorized", 0, []any{403}, 1, 403},
		{"too large", 0, []any{413}, 1, 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				var bodies []string
				c := newClient(t, func(r *http.Request) (*http.Response, error) {
					bodies = append(bodies, string(read(t, r)))
					a := tt.answers[calls]
					calls++
					if err, ok := a.(error); ok {
						return nil, err
					}
					return answer(a.(int), ""), nil
				})
				c.Retry.Attempts = tt.attempts
				a, err := c.Send(t.Context(), newUserKeys(t).Subscription(sampleEndpoint), &Message{Payload: []byte("x")})
				if calls != tt.calls {
					t.Errorf("%d requests, want %d", calls, tt.calls)
				}
				if len(slices.Compact(bodies)) != 1 {
					t.Error("the message was not the same each time")
				}
				switch want := tt.want.(type) {
				case error:
					var ne *NetworkError
					if !errors.Is(err, want) || !errors.As(err, &ne) || !ne.Temporary() || ne.Timeout() {
						t.Errorf("got %v", err)
					}
				case int:
					var se *StatusError
					if want == 201 && (err != nil || a.Attempts != tt.calls) {
						t.Errorf("%+v, %v", a, err)
					}
					if want != 201 && (!errors.As(err, &se) || se.StatusCode != want) {
						t.Errorf("got %v", err)
					}
				}
			})
		})
	}
}

// TestRetryWaits measures the waits: anywhere between 0 and a bound that
// doubles up to the longest.
func TestRetryWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rounds = 300
		bounds := []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 700 * time.Millisecond, 700 * time.Millisecond}
		low, high := slices.Repeat([]time.Duration{time.Hour}, len(bounds)), make([]time.Duration, len(bounds))
		sub := newUserKeys(t).Subscription(sampleEndpoint)
		var at []time.Time
		c := newClient(t, func(*http.Request) (*http.Response, error) {
			at = append(at, time.Now())
			return answer(500, ""), nil
		})
		c.Retry = Retry{Attempts: 6, Base: 100 * time.Millisecond, MaxWait: 700 * time.Millisecond}
		for range rounds {
			at = at[:0]
			c.Send(t.Context(), sub, &Message{})
			if len(at) != 6 {
				t.Fatalf("%d requests", len(at))
			}
			for i := range bounds {
				wait := at[i+1].Sub(at[i])
				low[i], high[i] = min(low[i], wait), max(high[i], wait)
			}
		}
		for i, bound := range bounds {
			// Of 300 waits none in a twentieth of the range: once in 5 million.
			if low[i] > bound/20 || high[i] < bound-bound/20 || high[i] > bound {
				t.Errorf("wait %d is from %v to %v, want 0 to %v", i+1, low[i], high[i], bound)
			}
		}
	})
}

// TestRetryAfter: what the service asks for is waited for, in seconds or to a
// date, as long as it is not too long.
func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		name        string
		status      int
		field, date func(now time.Time) string
		least, most time.Duration
		calls       int
	}{
		{"seconds", 429, func(time.Time) string { return "7" }, nil, 7 * time.Second, 8 * time.Second, 2},
		{"seconds with 503", 503, func(time.Time) string { return "7" }, nil, 7 * time.Second, 8 * time.Second, 2},
		{"none", 429, func(time.Time) string { return "0" }, nil, 0, time.Second, 2},
		{"a date", 429, func(now time.Time) string { return now.Add(9 * time.Second).UTC().Format(http.TimeFormat) }, nil, 8 * time.Second, 10 * time.Second, 2},
		{"a date by a clock that is ahead", 429, func(now time.Time) string { return now.Add(time.Hour + 9*time.Second).UTC().Format(http.TimeFormat) },
			func(now time.Time) string { return now.Add(time.Hour).UTC().Format(http.TimeFormat) }, 9 * time.Second, 10 * time.Second, 2},
		{"a date gone by", 429, func(now time.Time) string { return now.Add(-time.Hour).UTC().Format(http.TimeFormat) }, nil, 0, time.Second, 2},
		{"something else", 429, func(time.Time) string { return "soon" }, nil, 0, time.Second, 2},
		{"the longest", 429, func(time.Time) string { return "30" }, nil, 30 * time.Second, 30 * time.Second, 2},
		{"too long", 429, func(time.Time) string { return "31" }, nil, 0, 0, 1},
		{"a number without end", 429, func(time.Time) string { return strings.Repeat("9", 40) }, nil, 0, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				c := newClient(t, func(*http.Request) (*http.Response, error) {
					if calls++; calls > 1 {
						return answer(201, ""), nil
					}
					fields := []string{"Retry-After", tt.field(time.Now())}
					if tt.date != nil {
						fields = append(fields, "Date", tt.date(time.Now()))
					}
					return answer(tt.status, "", fields...), nil
				})
				c.Retry.Base = time.Second
				begin := time.Now()
				_, err := c.Send(t.Context(), newUserKeys(t).Subscription(sampleEndpoint), &Message{})
				took := time.Since(begin)
				if calls != tt.calls || took < tt.least || took > tt.most {
					t.Errorf("%d requests in %v, want %d in %v to %v", calls, took, tt.calls, tt.least, tt.most)
				}
				if tt.calls == 1 {
					var se *StatusError
					if !errors.Is(err, ErrRateLimited) || !errors.As(err, &se) || se.RetryAfter <= 30*time.Second {
						t.Errorf("got %v", err)
					}
				} else if err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestSendEndsWithItsContext: during an attempt, during a wait, and before a
// wait that would be in vain.
func TestSendEndsWithItsContext(t *testing.T) {
	sub := newUserKeys(t).Subscription(sampleEndpoint)
	cause := errors.New("enough")
	t.Run("before", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		c := newClient(t, func(*http.Request) (*http.Response, error) { panic("sent") })
		if _, err := c.Send(ctx, sub, &Message{}); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("during an attempt", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			c := newClient(t, func(r *http.Request) (*http.Response, error) {
				cancel(cause)
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
			if _, err := c.Send(ctx, sub, &Message{}); !errors.Is(err, cause) {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("during a wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			c := newClient(t, func(r *http.Request) (*http.Response, error) {
				time.AfterFunc(time.Second, func() { cancel(cause) })
				return answer(503, "", "Retry-After", "20"), nil
			})
			begin := time.Now()
			_, err := c.Send(ctx, sub, &Message{})
			var se *StatusError
			if !errors.Is(err, cause) || !errors.As(err, &se) || time.Since(begin) != time.Second {
				t.Errorf("got %v after %v", err, time.Since(begin))
			}
		})
	})
	t.Run("before a wait in vain", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			c := newClient(t, func(r *http.Request) (*http.Response, error) { return answer(503, "", "Retry-After", "20"), nil })
			begin := time.Now()
			_, err := c.Send(ctx, sub, &Message{})
			var se *StatusError
			if !errors.As(err, &se) || errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 0 {
				t.Errorf("got %v after %v", err, time.Since(begin))
			}
		})
	})
	t.Run("an attempt takes too long", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			c := newClient(t, func(r *http.Request) (*http.Response, error) {
				if calls++; calls == 2 {
					return answer(201, ""), nil
				}
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
			begin := time.Now()
			a, err := c.Send(t.Context(), sub, &Message{})
			if err != nil || a.Attempts != 2 || time.Since(begin) < DefaultTimeout || time.Since(begin) > DefaultTimeout+DefaultBase {
				t.Errorf("%+v, %v after %v", a, err, time.Since(begin))
			}
			c.Retry.Attempts = 1
			calls = 0
			_, err = c.Send(t.Context(), sub, &Message{})
			var ne *NetworkError
			if !errors.As(err, &ne) || !ne.Timeout() {
				t.Errorf("got %v", err)
			}
		})
	})
}

// TestPassing is the list of what is worth another attempt.
func TestPassing(t *testing.T) {
	if passing(&ConfigError{}) || passing(context.Canceled) || passing(nil) || passing(&NetworkError{Err: &GuardError{}}) {
		t.Error("more than the network's errors are tried again")
	}
	if !passing(&NetworkError{Err: &url.Error{Err: io.ErrUnexpectedEOF}}) {
		t.Error("the network's are not")
	}
}
