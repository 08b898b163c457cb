package webpushtest_test

import (
	"context"
	"testing"

	"github.com/pushwire/pushwire/webpush"
	"github.com/pushwire/pushwire/webpush/webpushtest"
)

// shop is an application that tells its customers something.
type shop struct {
	client    *webpush.Client
	customers []*webpush.Subscription
}

func (s *shop) tell(ctx context.Context, text string) (gone int) {
	for _, sub := range s.customers {
		if _, err := s.client.Send(ctx, sub, &webpush.Message{Payload: []byte(text)}); err != nil {
			gone++ // errors.Is(err, webpush.ErrGone)
		}
	}
	return gone
}

// testShop is TestShop of an application: what it pushes arrives as a browser
// would get it, and it notices who has unsubscribed.
func testShop(t *testing.T) {
	key, err := webpush.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	client := &webpush.Client{Key: key, Subject: "mailto:shop@example.com", Guard: webpush.Guard{Any: true}}
	t.Cleanup(client.CloseIdleConnections)
	ua := webpushtest.NewUserAgent(t)
	sub := ua.Subscribe(key.PublicKey()) // as its page does
	s := &shop{client, []*webpush.Subscription{sub}}

	s.tell(t.Context(), "open")
	if got := ua.Next(); string(got.Data) != "open" || got.Header.Get("TTL") == "" {
		t.Errorf("got %q, %v", got.Data, got.Err)
	}
	ua.Unsubscribe(sub)
	if gone := s.tell(t.Context(), "closed"); gone != 1 {
		t.Errorf("%d gone", gone)
	}
}

func ExampleNewUserAgent() {
	// go test calls it, as TestShop.
	_ = testShop
}
