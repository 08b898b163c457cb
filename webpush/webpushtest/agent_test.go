package webpushtest_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/pushwire/pushwire/webpush"
	"github.com/pushwire/pushwire/webpush/webpushtest"
)

// post sends plain to the subscription, with no client of the library between.
func post(t *testing.T, sub *webpush.Subscription, plain []byte, field ...string) *http.Response {
	t.Helper()
	var body []byte
	if plain != nil {
		var err error
		if body, err = webpush.Encrypt(sub, plain, nil); err != nil {
			t.Fatal(err)
		}
	}
	return postBody(t, sub, body, field...)
}

func postBody(t *testing.T, sub *webpush.Subscription, body []byte, field ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sub.Endpoint, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("TTL", "60")
	if len(body) > 0 {
		req.Header.Set("Content-Encoding", "aes128gcm")
	}
	for i := 0; i < len(field); i += 2 {
		req.Header.Set(field[i], field[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil
	}
	res.Body.Close()
	return res
}

func TestUserAgentGetsWhatIsSent(t *testing.T) {
	ua := webpushtest.NewUserAgent(t)
	sub := ua.Subscription()
	if res := post(t, sub, []byte("shipped"), "Topic", "order-1", "Urgency", "high"); res.StatusCode != http.StatusCreated {
		t.Fatal(res.Status)
	}
	m := ua.Next()
	if string(m.Data) != "shipped" || m.Err != nil || m.Subscription.Endpoint != sub.Endpoint {
		t.Errorf("got %q, %v", m.Data, m.Err)
	}
	for name, want := range map[string]string{"Topic": "order-1", "Urgency": "high", "TTL": "60"} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	post(t, sub, nil)
	if m := ua.Next(); m.Data != nil || m.Err != nil {
		t.Errorf("a message without a body is %q, %v", m.Data, m.Err)
	}
	if m, ok := ua.Within(0); ok {
		t.Errorf("there is another message: %q", m.Data)
	}
}

func TestUserAgentTellsWhatItCannotDecrypt(t *testing.T) {
	ua := webpushtest.NewUserAgent(t)
	body, err := webpush.Encrypt(ua.Subscription(), []byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)-1] ^= 1
	postBody(t, ua.Subscription(), body)
	if m := ua.Next(); m.Err == nil {
		t.Errorf("a flipped bit went unseen: %q", m.Data)
	}
}

func TestUserAgentOffTheNetwork(t *testing.T) {
	ua := webpushtest.NewUserAgent(t)
	ua.Disconnect()
	post(t, ua.Subscription(), []byte("kept"))
	post(t, ua.Subscription(), []byte("not kept"), "TTL", "0")
	if m, ok := ua.Within(10 * time.Millisecond); ok {
		t.Fatalf("got %q while disconnected", m.Data)
	}
	ua.Connect()
	if m := ua.Next(); string(m.Data) != "kept" {
		t.Errorf("got %q", m.Data)
	}
	post(t, ua.Subscription(), []byte("at once"), "TTL", "0")
	if m := ua.Next(); string(m.Data) != "at once" {
		t.Errorf("got %q", m.Data)
	}
}

func TestUserAgentRestrictedSubscription(t *testing.T) {
	key, err := webpush.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	ua := webpushtest.NewUserAgent(t)
	sub := ua.Subscribe(key.PublicKey())
	if res := post(t, sub, []byte("x")); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %s", res.Status)
	}
	if res := post(t, sub, []byte("x"), "Authorization", "vapid t=a.b.c, k="+key.PublicKey()); res.StatusCode != http.StatusForbidden {
		t.Errorf("with a bad token: %s", res.Status)
	}
}

func TestUserAgentUnsubscribes(t *testing.T) {
	ua := webpushtest.NewUserAgent(t)
	sub := ua.Subscribe("")
	ua.Unsubscribe(sub)
	if res := post(t, sub, []byte("x")); res.StatusCode != http.StatusGone {
		t.Errorf("got %s", res.Status)
	}
	if res := post(t, ua.Subscription(), []byte("x")); res.StatusCode != http.StatusCreated {
		t.Errorf("the other subscription: %s", res.Status)
	}
}

func TestUserAgentAnswers(t *testing.T) {
	ua := webpushtest.NewUserAgent(t)
	ua.Answer(http.StatusTooManyRequests, http.Header{"Retry-After": {"3"}}, "slow down")
	ua.Answer(0, nil, "")
	res := post(t, ua.Subscription(), []byte("x"))
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") != "3" {
		t.Errorf("got %s, Retry-After %s", res.Status, res.Header.Get("Retry-After"))
	}
	if res := post(t, ua.Subscription(), []byte("x")); res != nil {
		t.Errorf("got %s, want a broken connection", res.Status)
	}
	post(t, ua.Subscription(), []byte("through"))
	if m := ua.Next(); string(m.Data) != "through" {
		t.Errorf("got %q", m.Data)
	}
}
