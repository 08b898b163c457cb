package peers

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/webpush"
	"github.com/pushwire/pushwire/webpush/pushservice"
	"github.com/pushwire/pushwire/webpush/webpushtest"
)

// TestPushServiceSenders: senders that are not ours send through our push
// service to a restricted subscription of our user agent, all by TLS.
func TestPushServiceSenders(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start func(t *testing.T) *child
	}{{"npm web-push", npmPush}, {"pywebpush", pyPush}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			peer := tt.start(t)
			s := newSecure(t)
			server := httptest.NewUnstartedServer(nil)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{s.pair}}
			service, err := pushservice.New(&pushservice.Options{URL: "https://" + server.Listener.Addr().String()})
			if err != nil {
				t.Fatal(err)
			}
			server.Config.Handler = service
			server.StartTLS()
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), endTime)
				defer cancel()
				service.Shutdown(ctx)
				server.Close()
			})
			agent := webpushtest.NewUserAgentAt(t, server.URL, &pushwire.DialOptions{TLS: &tls.Config{RootCAs: s.roots}})
			key, err := webpush.GenerateKey()
			if err != nil {
				t.Fatal(err)
			}
			sub := agent.Subscribe(key.PublicKey())
			send := func(sub *webpush.Subscription, by *webpush.Key, payload []byte, want int) {
				t.Helper()
				private, ok := by.Private()
				if !ok {
					t.Fatal("no private key")
				}
				peer.do(t, command{
					"cmd": "send", "subscription": sub, "key": map[string]string{"public": by.PublicKey(), "private": private},
					"subject": "mailto:push@example.com", "data": payload, "ttl": 60, "urgency": "high", "topic": "upd", "ca": s.ca,
				})
				if e := peer.want(t, "sent"); e.Code != want {
					t.Fatalf("%d bytes: answered %d %s, want %d", len(payload), e.Code, e.Message, want)
				}
			}
			for _, n := range []int{1, 1000, webpush.MaxPlaintext} {
				payload := []byte(strings.Repeat("u", n))
				send(sub, key, payload, http.StatusCreated)
				if m := agent.Next(); m.Err != nil || !bytes.Equal(m.Data, payload) {
					t.Fatalf("%d bytes: %d came, %v", n, len(m.Data), m.Err)
				}
			}
			other, err := webpush.GenerateKey()
			if err != nil {
				t.Fatal(err)
			}
			send(sub, other, []byte("x"), http.StatusForbidden)
			// The same topic twice while nobody is there: the later one stays.
			agent.Disconnect()
			send(sub, key, []byte("replaced"), http.StatusCreated)
			send(sub, key, []byte("replaces"), http.StatusCreated)
			agent.Connect()
			if m := agent.Next(); string(m.Data) != "replaces" {
				t.Errorf("got %q, %v", m.Data, m.Err)
			}
			agent.Unsubscribe(sub)
			send(sub, key, []byte("x"), http.StatusGone)
		})
	}
}
