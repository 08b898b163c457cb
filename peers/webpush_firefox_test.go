package peers

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire/webpush"
	"github.com/pushwire/pushwire/webpush/pushservice"
)

// pushTime is what a message may take from us through the browser's push
// client to the service worker, and what a browser may take to connect.
const pushTime = time.Minute

// firefoxPush are the preferences with which Firefox takes the service at url
// for its push service. It is Firefox's own client that connects, with TLS as
// the only thing left out.
func firefoxPush(url string) map[string]any {
	return map[string]any{
		"dom.push.serverURL":                       url,
		"dom.push.testing.allowInsecureServerURL":  true,
		"dom.push.connection.enabled":              true, // remote control switches it off otherwise
		"dom.push.retryBaseInterval":               500,  // ms, in place of 5 s
		"permissions.default.desktop-notification": 1,    // granted
		"network.manage-offline-status":            false,
		"alerts.useSystemBackend":                  false,
	}
}

// firefoxService is our push service at one address, which can end there and
// be started again.
type firefoxService struct {
	*pushservice.Service
	store  string
	hellos chan string
	acks   chan pushservice.Ack
	nacks  chan pushservice.Ack
	at     atomic.Pointer[pushservice.Service] // nil: nobody is there
	url    string
}

func newFirefoxService(t *testing.T) *firefoxService {
	t.Helper()
	f := &firefoxService{
		store:  filepath.Join(t.TempDir(), "push.store"),
		hellos: make(chan string, 16),
		acks:   make(chan pushservice.Ack, 16),
		nacks:  make(chan pushservice.Ack, 16),
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s := f.at.Load(); s != nil {
			s.ServeHTTP(w, r)
			return
		}
		http.Error(w, "the service is away", http.StatusServiceUnavailable)
	}))
	f.url = srv.URL
	f.begin(t)
	f.at.Store(f.Service)
	t.Cleanup(func() {
		f.end(t)
		srv.Close()
	})
	return f
}

// begin makes a service on the store, which nobody can reach yet.
func (f *firefoxService) begin(t *testing.T) {
	t.Helper()
	store, err := pushservice.OpenFile(f.store)
	if err != nil {
		t.Fatal(err)
	}
	f.Service, err = pushservice.New(&pushservice.Options{
		URL: f.url, Store: store,
		Trace: &pushservice.Trace{
			Hello:  func(agent string) { f.hellos <- agent },
			Acked:  func(a pushservice.Ack) { f.acks <- a },
			Nacked: func(a pushservice.Ack) { f.nacks <- a },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (f *firefoxService) end(t *testing.T) {
	t.Helper()
	f.at.Store(nil)
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	f.Shutdown(ctx) // a browser that is slow to close does not matter
}

// TestWebPushFirefox is Web Push with nobody else's service in it: real
// Firefox, connected to ours, gets what our sender sends, and says so.
func TestWebPushFirefox(t *testing.T) {
	service := newFirefoxService(t)
	page, seen := pushPage(t)
	key, err := webpush.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	client := &webpush.Client{Key: key, Subject: "push@example.net", Guard: webpush.Guard{Any: true}}
	t.Cleanup(client.CloseIdleConnections)

	f := startFirefox(t, firefoxPush("ws"+strings.TrimPrefix(service.url, "http")+"/"))
	// Firefox connects by itself, soon after it started. A page that subscribes
	// before would race with it.
	agent := within(t, service.hellos, browserTime, "Firefox's hello")
	f.open(t, page+"/")
	f.eval(t, registerWorker, nil)
	var raw json.RawMessage
	f.eval(t, subscribePush, &raw, key.PublicKey())
	sub, err := webpush.ParseSubscription(raw)
	if err != nil {
		t.Fatalf("Firefox's subscription %s: %v", raw, err)
	}
	if !strings.HasPrefix(sub.Endpoint, service.url+"/push/") {
		t.Fatalf("Firefox's endpoint is %s", sub.Endpoint)
	}
	// arrives holds what the service worker, the notifications and the
	// acknowledgement say of a message against what was sent.
	arrives := func(plain []byte, location string) {
		t.Helper()
		s := within(t, seen, pushTime, "the push event")
		if got := s.bytes(t); !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: the service worker got %d other ones", len(plain), len(got))
		}
		if !s.shows(strconv.Itoa(len(plain))) {
			t.Errorf("%d bytes: Firefox shows the notifications %v", len(plain), s.Shown)
		}
		a := within(t, service.acks, pushTime, "the acknowledgement")
		if a.Code != pushservice.AckDelivered || a.Agent != agent || !strings.HasSuffix(location, "/message/"+a.Message) {
			t.Errorf("%d bytes: acknowledged as %+v, the message is %s", len(plain), a, location)
		}
	}
	for _, n := range []int{1, 1000, webpush.MaxPlaintext} {
		plain := make([]byte, n)
		rand.Read(plain)
		sent, err := client.Send(t.Context(), sub, &webpush.Message{Payload: plain, Receipt: true})
		if err != nil {
			t.Fatal(err)
		}
		arrives(plain, sent.Location)
		if got := get(t, sent.Receipts+"?wait=10"); !strings.Contains(got, sent.Location) || !strings.Contains(got, `\"status\":204`) {
			t.Errorf("%d bytes: the receipts are %s", n, got)
		}
	}

	// One flipped bit: no event, and Firefox says why.
	req := request(t, client, sub, []byte("one bit of this is flipped"))
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)-5] ^= 0x10
	req.Body = io.NopCloser(bytes.NewReader(body))
	post(t, req, http.StatusCreated)
	if a := within(t, service.acks, pushTime, "the acknowledgement of what can't be decrypted"); a.Code != pushservice.AckUndecryptable {
		t.Errorf("one flipped bit was acknowledged as %+v", a)
	}
	// The event of a later message comes next: the broken one had none.
	plain := []byte("after the flipped bit")
	sent, err := client.Send(t.Context(), sub, &webpush.Message{Payload: plain})
	if err != nil {
		t.Fatal(err)
	}
	arrives(plain, sent.Location)
	if n := service.Stats().Messages; n != 0 {
		t.Errorf("%d messages still wait", n)
	}

	// A service worker that fails over a message: Firefox has acknowledged it
	// by then, and reports the failure.
	for plain, code := range map[string]pushservice.AckCode{"throw": pushservice.NackException, "reject": pushservice.NackRejection} {
		sent, err := client.Send(t.Context(), sub, &webpush.Message{Payload: []byte(plain)})
		if err != nil {
			t.Fatal(err)
		}
		if a := within(t, service.acks, pushTime, "the acknowledgement"); a.Code != pushservice.AckDelivered {
			t.Errorf("%s: acknowledged as %+v", plain, a)
		}
		if a := within(t, service.nacks, pushTime, "the report of a failure"); a.Code != code || a.Agent != agent || !strings.HasSuffix(sent.Location, "/message/"+a.Message) {
			t.Errorf("%s: reported as %+v, want %d", plain, a, code)
		}
	}

	// The service goes and comes again, and has got a message before Firefox
	// is back.
	service.end(t)
	service.begin(t)
	plain = []byte("while you were away")
	w := httptest.NewRecorder()
	service.ServeHTTP(w, request(t, client, sub, plain))
	if w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	service.at.Store(service.Service)
	if again := within(t, service.hellos, pushTime, "Firefox's second hello"); again != agent {
		t.Errorf("Firefox was %s and is %s", agent, again)
	}
	arrives(plain, w.Header().Get("Location"))

	var ok bool
	f.eval(t, unsubscribePush, &ok)
	if !ok {
		t.Error("Firefox did not unsubscribe")
	}
	post(t, request(t, client, sub, plain), http.StatusGone)
}

func request(t *testing.T, c *webpush.Client, sub *webpush.Subscription, plain []byte) *http.Request {
	t.Helper()
	r, err := c.NewRequest(t.Context(), sub, &webpush.Message{Payload: plain})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func post(t *testing.T, r *http.Request, status int) {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != status {
		t.Fatalf("the service answered %s, want %d", res.Status, status)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
