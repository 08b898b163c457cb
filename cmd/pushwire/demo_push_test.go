package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/webpush"
	"github.com/pushwire/pushwire/webpush/webpushtest"
)

func postJSON(t *testing.T, url string, body any, header ...string) (int, string) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(said)
}

// TestPushPanel does what the page does, with a user agent in place of the
// browser, and then what the page ought to be told.
func TestPushPanel(t *testing.T) {
	at, _ := startServe(t, "-push-private")
	url := "http://" + at + pushPath
	ua := webpushtest.NewUserAgent(t)
	sub := ua.Subscription()
	if status, said := postJSON(t, url+"send", map[string]string{"endpoint": sub.Endpoint, "text": "x"}); status != http.StatusNotFound {
		t.Errorf("before it has subscribed: %d %s", status, said)
	}
	if status, said := postJSON(t, url+"subscribe", sub); status != http.StatusNoContent {
		t.Fatalf("subscribe: %d %s", status, said)
	}
	if status, said := postJSON(t, url+"send", map[string]string{"endpoint": sub.Endpoint, "text": "Grüße"}); status != http.StatusNoContent {
		t.Fatalf("send: %d %s", status, said)
	}
	if got := ua.Next(); string(got.Data) != "Grüße" {
		t.Errorf("%q arrived", got.Data)
	}
	ua.Unsubscribe(sub)
	for _, row := range []struct {
		path   string
		body   any
		header []string
		status int
		said   string
	}{
		{"send", map[string]string{"endpoint": sub.Endpoint, "text": "x"}, nil, http.StatusGone, "subscribe again"},
		{"send", map[string]string{"endpoint": sub.Endpoint, "text": strings.Repeat("x", maxPushText+1)}, nil, http.StatusBadRequest, "3 KiB"},
		{"send", "text", nil, http.StatusBadRequest, `{"endpoint"`},
		{"subscribe", map[string]string{"endpoint": "ftp://example.com"}, nil, http.StatusBadRequest, ""},
		{"subscribe", sub, []string{"Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden, ""},
	} {
		if status, said := postJSON(t, url+row.path, row.body, row.header...); status != row.status || !strings.Contains(said, row.said) {
			t.Errorf("%s %.60v: %d %q, want %d %q", row.path, row.body, status, said, row.status, row.said)
		}
	}
}

// TestPushPanelGuards: without a flag nothing is sent to private addresses,
// whatever a page says that its endpoint is.
func TestPushPanelGuards(t *testing.T) {
	at, _ := startServe(t)
	sub := webpushtest.NewUserAgent(t).Subscription()
	url := "http://" + at + pushPath
	if status, said := postJSON(t, url+"subscribe", sub); status != http.StatusNoContent {
		t.Fatalf("subscribe: %d %s", status, said)
	}
	if status, said := postJSON(t, url+"send", map[string]string{"endpoint": sub.Endpoint, "text": "x"}); status != http.StatusBadGateway {
		t.Errorf("send: %d %s", status, said)
	}
}

// TestPushPanelIsBounded: the oldest subscription makes room.
func TestPushPanelIsBounded(t *testing.T) {
	key, err := webpush.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	d := &pushDemo{client: &webpush.Client{Key: key}}
	mux := http.NewServeMux()
	d.register(mux)
	keys, err := webpush.NewUserKeys()
	if err != nil {
		t.Fatal(err)
	}
	for i := range subscribersMax + 10 {
		sub, err := json.Marshal(keys.Subscription(fmt.Sprintf("https://push.example/%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		r, _ := http.NewRequest(http.MethodPost, pushPath+"subscribe", strings.NewReader(string(sub)))
		mux.ServeHTTP(w, r)
		if w.Code != http.StatusNoContent {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if len(d.known) != subscribersMax || len(d.order) != subscribersMax || d.known["https://push.example/9"] != nil || d.known["https://push.example/10"] == nil {
		t.Errorf("%d subscriptions", len(d.known))
	}
}
