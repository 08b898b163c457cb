package webpush_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"time"

	"github.com/pushwire/pushwire/webpush"
)

// browser stands for one that has subscribed: its keys, and what its page sent.
func browser(endpoint string) (*webpush.UserKeys, *webpush.Subscription) {
	keys, err := webpush.NewUserKeys()
	if err != nil {
		log.Fatal(err)
	}
	return keys, keys.Subscription(endpoint)
}

// pushService answers like one; gone subscriptions end in "gone".
func pushService(received func(body []byte)) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := webpush.VerifyVAPID(r.Header.Get("Authorization"), "http://"+r.Host, time.Now()); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		if r.URL.Path == "/push/gone" {
			w.WriteHeader(http.StatusGone)
			return
		}
		body, _ := io.ReadAll(r.Body)
		received(body)
		w.Header().Set("Location", "/message/1")
		w.WriteHeader(http.StatusCreated)
	}))
}

func ExampleClient_Send() {
	var keys *webpush.UserKeys
	service := pushService(func(body []byte) {
		text, err := keys.Decrypt(body)
		fmt.Printf("the browser gets %q, %v\n", text, err)
	})
	defer service.Close()
	keys, sub := browser(service.URL + "/push/1")

	key, err := webpush.GenerateKey()
	if err != nil {
		log.Fatal(err)
	}
	client := &webpush.Client{
		Key:     key,
		Subject: "mailto:push@example.com",
		Guard:   webpush.Guard{Any: true}, // for the example: its service is on this machine
	}
	defer client.CloseIdleConnections()
	accepted, err := client.Send(context.Background(), sub, &webpush.Message{
		Payload: []byte(`{"unread":3}`),
		TTL:     time.Hour,
		Urgency: webpush.High,
		Topic:   "unread",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accepted at attempt", accepted.Attempts)
	// Output:
	// the browser gets "{\"unread\":3}", <nil>
	// accepted at attempt 1
}

func ExampleClient_SendAll() {
	service := pushService(func([]byte) {})
	defer service.Close()
	var all []*webpush.Subscription
	for _, name := range []string{"1", "2", "gone", "3"} {
		_, sub := browser(service.URL + "/push/" + name)
		all = append(all, sub)
	}
	key, err := webpush.GenerateKey()
	if err != nil {
		log.Fatal(err)
	}
	client := &webpush.Client{Key: key, Subject: "mailto:push@example.com", Guard: webpush.Guard{Any: true}}
	defer client.CloseIdleConnections()

	sent, gone := 0, 0
	for r := range client.SendAll(context.Background(), slices.Values(all), &webpush.Message{Payload: []byte("news")}) {
		switch {
		case r.Err == nil:
			sent++
		case errors.Is(r.Err, webpush.ErrGone):
			gone++ // delete r.Subscription
		default:
			log.Print(r.Err)
		}
	}
	fmt.Println(sent, "sent,", gone, "gone")
	// Output: 3 sent, 1 gone
}

func ExampleClient_NewRequest() {
	_, sub := browser("https://push.example.net/push/1")
	key, err := webpush.GenerateKey()
	if err != nil {
		log.Fatal(err)
	}
	client := &webpush.Client{Key: key, Subject: "https://example.com/contact"}
	req, err := client.NewRequest(context.Background(), sub, &webpush.Message{Payload: []byte("x"), TTL: webpush.TTLNow})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(req.Method, req.URL.Host, req.Header.Get("TTL"), req.Header.Get("Content-Encoding"), req.ContentLength)
	// Output: POST push.example.net 0 aes128gcm 231
}

func ExampleParseSubscription() {
	sub, err := webpush.ParseSubscription([]byte(`{
		"endpoint": "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
		"expirationTime": null,
		"keys": {
			"p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
			"auth": "BTBZMqHH6r4Tts7J_aSIgg"
		}
	}`))
	fmt.Println(sub, err)
	_, err = webpush.ParseSubscription([]byte(`{"endpoint": "http://10.0.0.1/admin"}`))
	fmt.Println(err)
	// Output:
	// a subscription at https://push.example.net <nil>
	// webpush: the endpoint's scheme is "http" (RFC 8030 wants https; http is taken for loopback addresses only)
}

func ExampleParseKey() {
	key, err := webpush.ParseKey("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.PublicKey()) // applicationServerKey
	// Output: BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8
}

// A key that never leaves its store, as that of a cloud or of a hardware
// module: whatever signs with P-256 will do.
func ExampleNewKey() {
	var store crypto.Signer
	store, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // in its place
	if err != nil {
		log.Fatal(err)
	}
	key, err := webpush.NewKey(store)
	fmt.Println(len(key.PublicKey()), err)

	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	_, err = webpush.NewKey(p384)
	fmt.Println(err)
	// Output:
	// 87 <nil>
	// webpush: the key is no ECDSA key on the curve P-256 (VAPID knows no other)
}

// What a push service makes of the Authorization field of a message.
func ExampleVerifyVAPID() {
	_, sub := browser("https://push.example.net/push/1")
	key, err := webpush.GenerateKey()
	if err != nil {
		log.Fatal(err)
	}
	client := &webpush.Client{Key: key, Subject: "mailto:push@example.com"}
	req, err := client.NewRequest(context.Background(), sub, &webpush.Message{})
	if err != nil {
		log.Fatal(err)
	}
	sender, err := webpush.VerifyVAPID(req.Header.Get("Authorization"), "https://push.example.net", time.Now())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sender.Subject, sender.PublicKey == key.PublicKey())

	_, err = webpush.VerifyVAPID(req.Header.Get("Authorization"), "https://push.elsewhere.example", time.Now())
	var refused *webpush.VAPIDError
	if errors.As(err, &refused) {
		fmt.Println(refused.Token)
	}
	// Output:
	// mailto:push@example.com true
	// webpush_vapid_audience
}

func ExampleNotification() {
	n := webpush.Notification{Title: "Ada wrote", Body: "See you at eight", Navigate: "https://app.example/m/12"}
	m, err := n.Message()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.ContentType)
	fmt.Println(string(m.Payload))
	// Output:
	// application/notification+json
	// {"web_push":8030,"notification":{"title":"Ada wrote","body":"See you at eight","navigate":"https://app.example/m/12"}}
}

func ExampleEncrypt() {
	keys, sub := browser("https://push.example.net/push/1")
	body, err := webpush.Encrypt(sub, []byte("hello"), &webpush.EncryptOptions{Pad: 1})
	if err != nil {
		log.Fatal(err)
	}
	text, err := webpush.Decrypt(keys.Private, keys.Auth[:], body)
	fmt.Println(len(body), string(text), err)
	// Output: 108 hello <nil>
}

// A StatusError says what the service said, and when to come back.
func ExampleStatusError() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "600")
		http.Error(w, "enough for today", http.StatusTooManyRequests)
	}))
	defer service.Close()
	_, sub := browser(service.URL)
	key, err := webpush.GenerateKey()
	if err != nil {
		log.Fatal(err)
	}
	client := &webpush.Client{Key: key, Subject: "mailto:push@example.com", Guard: webpush.Guard{Any: true}}
	defer client.CloseIdleConnections()
	_, err = client.Send(context.Background(), sub, &webpush.Message{})
	var refused *webpush.StatusError
	if errors.As(err, &refused) {
		fmt.Println(errors.Is(err, webpush.ErrRateLimited), refused.RetryAfter, refused.Words)
	}
	// Output: true 10m0s enough for today
}

// A push service of one's own, in a private network, is let through by name.
func ExampleGuard() {
	guard := webpush.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16")}}
	fmt.Println(guard.Check(netip.MustParseAddr("10.20.0.5")))
	fmt.Println(guard.Check(netip.MustParseAddr("::ffff:169.254.169.254")))
	// Output:
	// <nil>
	// webpush: the endpoint is at ::ffff:169.254.169.254 (link-local: not public, so it is not dialed; Guard.Allow makes exceptions)
}

// Errors that are found before anything is sent have a token for counting.
func ExampleSubscriptionError() {
	_, err := webpush.ParseSubscription([]byte(`{"endpoint":"https://push.example.net/push/1"}`))
	var refused *webpush.SubscriptionError
	if errors.As(err, &refused) {
		fmt.Println(refused.Token)
	}
	// Output: webpush_subscription_p256dh_missing
}
