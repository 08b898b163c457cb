package webpush

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
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

// TestSendNothing: no message at all is one without data.
func TestSendNothing(t *testing.T) {
	c := newClient(t, func(r *http.Request) (*http.Response, error) {
		if r.ContentLength > 0 || r.Header.Get("Ttl") == "" {
			t.Errorf("%d bytes, %v", r.ContentLength, r.Header)
		}
		return answer(201, "", "Location", "/m/1"), nil
	})
	if _, err := c.Send(t.Context(), newUserKeys(t).Subscription(sampleEndpoint), nil); err != nil {
		t.Error(err)
	}
}

// TestReceiptsForgotten: a service that does not know its receipt subscription
// any more is asked for another one.
func TestReceiptsForgotten(t *testing.T) {
	var links []string
	c := newClient(t, func(r *http.Request) (*http.Response, error) {
		links = append(links, r.Header.Get("Link"))
		if len(links) == 2 {
			return answer(400, "unknown receipt subscription"), nil
		}
		return answer(202, "", "Location", "/m/1", "Link", `</receipts/1>; rel="urn:ietf:params:push:receipt"`), nil
	})
	sub := newUserKeys(t).Subscription(sampleEndpoint)
	for i, fails := range []bool{false, true, false} {
		if _, err := c.Send(t.Context(), sub, &Message{Receipt: true}); (err != nil) != fails {
			t.Errorf("message %d: %v", i+1, err)
		}
	}
	if len(links) != 3 || links[0] != "" || links[1] == "" || links[2] != "" {
		t.Errorf("%q", links)
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
		{"key_missing", &Client{Key: &Key{}, Subject: sampleContact}},
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
	if _, err := c.Send(t.Context(), nil, &Message{}); !errors.Is(err, &SubscriptionError{Token: "webpush_subscription_missing"}) {
		t.Errorf("nil: %v", err)
	}
	if _, err := c.Send(t.Context(), &Subscription{Endpoint: sampleEndpoint}, &Message{}); !errors.Is(err, &SubscriptionError{Token: "webpush_subscription_p256dh_missing"}) {
		t.Errorf("no keys: %v", err)
	}
	if _, err := c.Send(t.Context(), sub, &Message{Topic: "a b"}); !errors.Is(err, &ConfigError{Token: "webpush_config_topic"}) {
		t.Errorf("a bad topic: %v", err)
	}
}
