package peers

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/webpush"
	"github.com/pushwire/pushwire/webpush/webpushtest"
)

// cdp is headless Chromium with one page, driven by the Chrome DevTools
// Protocol over a WebSocket connection of ours.
type cdp struct{ *remote }

// startChromium starts Chromium with a fresh profile and one blank page.
func startChromium(t *testing.T) *cdp {
	t.Helper()
	at := startBrowser(t, chromium.need(t), nil, "DevTools listening on ",
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--remote-debugging-port=0", "--user-data-dir="+t.TempDir(), "about:blank")
	c := &cdp{dialRemote(t, at)}
	var target struct{ TargetID string }
	c.call(t, "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	c.call(t, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	return c
}

// open goes to url and waits until it is loaded.
func (c *cdp) open(t *testing.T, url string) {
	t.Helper()
	c.call(t, "Page.enable", nil, nil)
	c.call(t, "Page.navigate", map[string]any{"url": url}, nil)
	c.event(t, "Page.loadEventFired", func(json.RawMessage) bool { return true })
}

// event waits for an event that f takes.
func (c *cdp) event(t *testing.T, method string, f func(params json.RawMessage) bool) {
	t.Helper()
	for {
		if a := within(t, c.events, eventTime, method); a.Method == method && f(a.Params) {
			return
		}
	}
}

// eval calls an async JavaScript function in the page and decodes what it
// returns.
func (c *cdp) eval(t *testing.T, function string, into any) {
	t.Helper()
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	c.call(t, "Runtime.evaluate", map[string]any{"expression": "(" + function + ")()", "awaitPromise": true, "returnByValue": true}, &answer)
	if e := answer.ExceptionDetails; e != nil {
		t.Fatalf("Chromium: %s", e.Exception.Description)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(answer.Result.Value, into); err != nil {
		t.Fatalf("Chromium returned %q: %v", answer.Result.Value, err)
	}
}

// TestWebPushChromium: Chromium's own push client speaks with its vendor's
// service only. In its place our user agent gets the messages, through our
// service, and hands what it decrypted to Chromium where that client would: to
// the service worker.
func TestWebPushChromium(t *testing.T) {
	page, seen := pushPage(t)
	c := startChromium(t)
	u, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	origin := u.Scheme + "://" + u.Host
	c.whole().call(t, "Browser.grantPermissions", map[string]any{"origin": origin, "permissions": []string{"notifications"}}, nil)
	c.open(t, page+"/")
	var scope string
	c.eval(t, registerWorker, &scope)
	if scope != page+"/" {
		t.Fatalf("the service worker's scope is %q", scope)
	}
	c.call(t, "ServiceWorker.enable", nil, nil)
	var registration string
	c.event(t, "ServiceWorker.workerRegistrationUpdated", func(params json.RawMessage) bool {
		var p struct {
			Registrations []struct{ RegistrationID, ScopeURL string }
		}
		if err := json.Unmarshal(params, &p); err != nil {
			t.Fatal(err)
		}
		for _, r := range p.Registrations {
			if r.ScopeURL == scope {
				registration = r.RegistrationID
			}
		}
		return registration != ""
	})

	key, err := webpush.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	agent := webpushtest.NewUserAgent(t)
	sub := agent.Subscribe(key.PublicKey())
	client := &webpush.Client{Key: key, Subject: "push@example.net", Guard: webpush.Guard{Any: true}}
	t.Cleanup(client.CloseIdleConnections)
	for _, n := range []int{1, 1000, webpush.MaxPlaintext} {
		// The protocol takes text only.
		plain := bytes.Repeat([]byte("€"), n/3)
		plain = append(plain, "xx"[:n%3]...)
		if _, err := client.Send(t.Context(), sub, &webpush.Message{Payload: plain}); err != nil {
			t.Fatal(err)
		}
		m := agent.Next()
		if m.Err != nil || !strings.HasPrefix(m.Header.Get("Authorization"), "vapid ") {
			t.Fatalf("our user agent got %v, %v", m.Err, m.Header)
		}
		c.call(t, "ServiceWorker.deliverPushMessage", map[string]any{"origin": origin, "registrationId": registration, "data": string(m.Data)}, nil)
		s := within(t, seen, pushTime, "the push event")
		if got := s.bytes(t); !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: the service worker got %d other ones", n, len(got))
		}
		if !s.shows(strconv.Itoa(n)) {
			t.Errorf("%d bytes: Chromium shows the notifications %v", n, s.Shown)
		}
	}
}
