package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/webpush"
	"github.com/pushwire/pushwire/webpush/webpushtest"
)

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
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

// Who has subscribed is told; who has unsubscribed is forgotten.
func TestShop(t *testing.T) {
	key, err := webpush.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{client: &webpush.Client{Key: key, Subject: "mailto:shop@example.com", Guard: webpush.Guard{Any: true}}}
	defer s.client.CloseIdleConnections()
	srv := httptest.NewServer(s.handler())
	defer srv.Close()

	ada, bob := webpushtest.NewUserAgent(t), webpushtest.NewUserAgent(t)
	res, err := http.Get(srv.URL + "/key")
	if err != nil {
		t.Fatal(err)
	}
	public, _ := io.ReadAll(res.Body)
	res.Body.Close()
	bobs := bob.Subscribe(string(public)) // as the page does it, for this key alone
	for _, sub := range []*webpush.Subscription{ada.Subscription(), bobs} {
		body, err := json.Marshal(sub)
		if err != nil {
			t.Fatal(err)
		}
		if status, said := post(t, srv.URL+"/subscribe", string(body)); status != http.StatusNoContent {
			t.Fatalf("%d %s", status, said)
		}
	}
	if _, said := post(t, srv.URL+"/tell", "open"); said != "told 2, gone 0, failed 0\n" {
		t.Error(said)
	}
	for _, ua := range []*webpushtest.UserAgent{ada, bob} {
		if got := ua.Next(); string(got.Data) != "open" {
			t.Errorf("%q arrived", got.Data)
		}
	}
	bob.Unsubscribe(bobs)
	for _, want := range []string{"told 1, gone 1, failed 0\n", "told 1, gone 0, failed 0\n"} {
		if _, said := post(t, srv.URL+"/tell", "closed"); said != want {
			t.Errorf("%q, want %q", said, want)
		}
	}
	if status, _ := post(t, srv.URL+"/subscribe", `{"endpoint":"nowhere"}`); status != http.StatusBadRequest {
		t.Errorf("a subscription that is none: %d", status)
	}
	if status, _ := post(t, srv.URL+"/tell", strings.Repeat("x", webpush.MaxPlaintext+1)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a long text: %d", status)
	}
}
