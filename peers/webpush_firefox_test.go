package peers

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/webpush"
	"github.com/pushwire/pushwire/webpush/pushservice"
)

// pushTime is what a message may take from us through the browser's push
// service client to the service worker.
const pushTime = 30 * time.Second

// firefoxPush are the preferences with which Firefox takes the service at url
// for its push service. It is Firefox's own client that connects, with TLS as
// the only thing left out.
func firefoxPush(url string) map[string]any {
	return map[string]any{
		"dom.push.serverURL":                       url,
		"dom.push.testing.allowInsecureServerURL":  true,
		"dom.push.connection.enabled":              true, // remote control switches it off otherwise
		"permissions.default.desktop-notification": 1,    // granted
		"network.manage-offline-status":            false,
		"alerts.useSystemBackend":                  false,
	}
}

// TestWebPushFirefox is Web Push with nobody else's service in it: real
// Firefox, connected to ours, gets what our sender sends, and says so.
func TestWebPushFirefox(t *testing.T) {
	hellos := make(chan string, 16)
	acks := make(chan pushservice.Ack, 16)
	service, err := pushservice.New(&pushservice.Options{Trace: &pushservice.Trace{
		Hello: func(agent string) { hellos <- agent },
		Acked: func(a pushservice.Ack) { acks <- a },
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(service)
	t.Cleanup(srv.Close)
	t.Cleanup(func() { service.Shutdown(t.Context()) })
	page, seen := pushPage(t)

	f := startFirefox(t, firefoxPush("ws"+strings.TrimPrefix(srv.URL, "http")+"/"))
	// Firefox connects by itself, soon after it started. A page that subscribes
	// before would race with it.
	within(t, hellos, firefoxTime, "Firefox's hello")
	f.open(t, page+"/")
	f.eval(t, registerWorker, nil)
	var raw json.RawMessage
	f.eval(t, subscribePush, &raw, nil)
	sub, err := webpush.ParseSubscription(raw)
	if err != nil {
		t.Fatalf("Firefox's subscription %s: %v", raw, err)
	}
	if !strings.HasPrefix(sub.Endpoint, srv.URL+"/push/") {
		t.Fatalf("Firefox's endpoint is %s", sub.Endpoint)
	}
	for _, n := range []int{1, 1000, 3993} {
		plain := make([]byte, n)
		rand.Read(plain)
		body, err := webpush.Encrypt(sub, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		location := postPush(t, sub.Endpoint, body, http.StatusCreated)
		s := within(t, seen, pushTime, "the push event")
		if got := s.bytes(t); !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: the service worker got %d other ones", n, len(got))
		}
		if !s.shows(strconv.Itoa(n)) {
			t.Errorf("%d bytes: Firefox shows the notifications %v", n, s.Shown)
		}
		a := within(t, acks, pushTime, "the acknowledgement")
		if a.Code != pushservice.AckDelivered || !strings.HasSuffix(location, "/message/"+a.Message) {
			t.Errorf("%d bytes: acknowledged as %+v, the message is %s", n, a, location)
		}
	}
	body, err := webpush.Encrypt(sub, []byte("one bit of this is flipped"), nil)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)-5] ^= 0x10
	postPush(t, sub.Endpoint, body, http.StatusCreated)
	if a := within(t, acks, pushTime, "the acknowledgement of what can't be decrypted"); a.Code != pushservice.AckUndecryptable {
		t.Errorf("one flipped bit was acknowledged as %+v", a)
	}
	if n := service.Stats().Messages; n != 0 {
		t.Errorf("%d messages still wait", n)
	}
	// The event of a later message comes next: the broken one had none.
	plain := []byte("after the flipped bit")
	if body, err = webpush.Encrypt(sub, plain, nil); err != nil {
		t.Fatal(err)
	}
	postPush(t, sub.Endpoint, body, http.StatusCreated)
	if got := within(t, seen, pushTime, "the push event").bytes(t); !bytes.Equal(got, plain) {
		t.Errorf("after the flipped bit the service worker got %q", got)
	}
	within(t, acks, pushTime, "the acknowledgement")

	var ok bool
	f.eval(t, unsubscribePush, &ok)
	if !ok {
		t.Error("Firefox did not unsubscribe")
	}
	postPush(t, sub.Endpoint, body, http.StatusGone)
}

// postPush sends an encrypted body as RFC 8030, 5, has it, and returns the
// message's URL.
func postPush(t *testing.T, endpoint string, body []byte, status int) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("TTL", "60")
	req.Header.Set("Content-Encoding", "aes128gcm")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != status {
		t.Fatalf("the service answered %s, want %d", res.Status, status)
	}
	return res.Header.Get("Location")
}
