package webpushtest_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/pushwire/pushwire/webpush"
	"github.com/pushwire/pushwire/webpush/webpushtest"
)

// TestClient is how an application's test looks: its client, good days and bad
// ones.
func TestClient(t *testing.T) {
	key, err := webpush.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	client := &webpush.Client{Key: key, Subject: "push@example.net", Guard: webpush.Guard{Any: true}}
	t.Cleanup(client.CloseIdleConnections)
	ua := webpushtest.NewUserAgent(t)
	subs := []*webpush.Subscription{ua.Subscribe(key.PublicKey()), ua.Subscription(), ua.Subscribe(key.PublicKey())}
	ua.Unsubscribe(subs[2])
	gone := 0
	for r := range client.SendAll(t.Context(), slices.Values(subs), &webpush.Message{Payload: []byte("to all"), Topic: "news", TTL: time.Hour}) {
		switch {
		case errors.Is(r.Err, webpush.ErrGone):
			gone++
		case r.Err != nil:
			t.Error(r.Err)
		}
	}
	if gone != 1 {
		t.Errorf("%d subscriptions are gone, want 1", gone)
	}
	for range 2 {
		if m := ua.Next(); string(m.Data) != "to all" || m.Header.Get("TTL") != "3600" || m.Header.Get("Topic") != "news" {
			t.Errorf("got %q, %v", m.Data, m.Header)
		}
	}
	if m, ok := ua.Within(0); ok {
		t.Errorf("a third message came: %q", m.Data)
	}

	// The service has a bad moment, and the client tries again by itself.
	ua.Answer(http.StatusServiceUnavailable, nil, "")
	ua.Answer(0, nil, "")
	sent, err := client.Send(t.Context(), subs[0], &webpush.Message{Payload: []byte("at last"), Urgency: webpush.High})
	if err != nil || sent.Attempts != 3 {
		t.Fatalf("%+v, %v", sent, err)
	}
	if m := ua.Next(); string(m.Data) != "at last" || m.Header.Get("Urgency") != "high" {
		t.Errorf("got %q, %v", m.Data, m.Header)
	}
	ua.Answer(http.StatusTooManyRequests, http.Header{"Retry-After": {"3600"}}, "")
	if _, err := client.Send(t.Context(), subs[0], &webpush.Message{}); !errors.Is(err, webpush.ErrRateLimited) {
		t.Errorf("429 for an hour: %v", err)
	}
	other := &webpush.Client{Subject: "push@example.net", Guard: webpush.Guard{Any: true}}
	if other.Key, err = webpush.GenerateKey(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.CloseIdleConnections)
	if _, err := other.Send(t.Context(), subs[0], &webpush.Message{}); !errors.Is(err, webpush.ErrUnauthorized) {
		t.Errorf("another key: %v", err)
	}
}
