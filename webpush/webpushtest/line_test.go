package webpushtest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pushwire/pushwire/webpush"
	"github.com/pushwire/pushwire/webpush/pushservice"
)

// A service that ends connections, as one that is started again does, is
// connected to anew.
func TestUserAgentConnectsAgain(t *testing.T) {
	var service *pushservice.Service
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { service.ServeHTTP(w, r) }))
	defer server.Close()
	store := &pushservice.Memory{}
	start := func() {
		t.Helper()
		var err error
		if service, err = pushservice.New(&pushservice.Options{Store: store}); err != nil {
			t.Fatal(err)
		}
	}
	start()
	ua := NewUserAgentAt(t, server.URL, nil)
	if _, err := service.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-ua.line.c.Done()
	start()
	defer service.Shutdown(t.Context())
	body, err := webpush.Encrypt(ua.Subscription(), []byte("meanwhile"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodPost, ua.Subscription().Endpoint, bytes.NewReader(body))
	req.Header.Set("TTL", "60")
	w := httptest.NewRecorder()
	if service.ServeHTTP(w, req); w.Code != http.StatusCreated {
		t.Fatalf("answered %d", w.Code)
	}
	ua.Connect()
	if m := ua.Next(); string(m.Data) != "meanwhile" {
		t.Errorf("got %q", m.Data)
	}
}
