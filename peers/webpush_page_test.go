package peers

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// pushWorker is the service worker of the page: it shows a notification for
// each push message and tells the page's server what it got and what the
// browser says it shows. It fails over two messages, in two ways.
const pushWorker = `
self.addEventListener("install", (e) => e.waitUntil(self.skipWaiting()));
self.addEventListener("activate", (e) => e.waitUntil(self.clients.claim()));
self.addEventListener("push", (e) => {
  const told = e.data ? e.data.text() : "";
  if (told === "throw") throw new Error("as it was told");
  e.waitUntil(told === "reject" ? Promise.reject(new Error("as it was told")) : show(e));
});
async function show(e) {
  const bytes = e.data ? new Uint8Array(await e.data.arrayBuffer()) : null;
  const title = "a message of " + (bytes ? bytes.length : "no") + " bytes";
  await self.registration.showNotification(title, { tag: String(bytes ? bytes.length : "none") });
  const shown = (await self.registration.getNotifications()).map((n) => ({ title: n.title, tag: n.tag }));
  let s = "";
  for (let i = 0; bytes && i < bytes.length; i += 8192) s += String.fromCharCode(...bytes.subarray(i, i + 8192));
  await fetch("/seen", { method: "POST", body: JSON.stringify({ data: bytes ? btoa(s) : null, shown }) });
}
self.addEventListener("pushsubscriptionchange", (e) => e.waitUntil(fetch("/seen", { method: "POST", body: '{"changed":true}' })));
`

// registerWorker has the page register the service worker and wait for it.
const registerWorker = `async () => {
  await navigator.serviceWorker.register("/worker.js");
  return (await navigator.serviceWorker.ready).scope;
}`

// subscribePush subscribes with the application server's key, or without one
// for null, and returns what toJSON() gives.
const subscribePush = `async (key) => {
  const registration = await navigator.serviceWorker.ready;
  const options = { userVisibleOnly: true };
  if (key) options.applicationServerKey = key;
  return (await registration.pushManager.subscribe(options)).toJSON();
}`

const unsubscribePush = `async () => {
  const registration = await navigator.serviceWorker.ready;
  return (await registration.pushManager.getSubscription()).unsubscribe();
}`

// seenPush is what the service worker tells of one message.
type seenPush struct {
	Data    *string // base64; nil for a message without a body
	Shown   []struct{ Title, Tag string }
	Changed bool // pushsubscriptionchange
}

func (s seenPush) bytes(t *testing.T) []byte {
	t.Helper()
	if s.Data == nil {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(*s.Data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// shows reports whether the browser says that it shows a notification with
// that tag.
func (s seenPush) shows(tag string) bool {
	for _, n := range s.Shown {
		if n.Tag == tag {
			return true
		}
	}
	return false
}

// pushPage serves the page on loopback, which browsers take for a secure
// context, and hands on what its service worker tells.
func pushPage(t *testing.T) (url string, seen chan seenPush) {
	t.Helper()
	seen = make(chan seenPush, 16)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<!doctype html><title>push</title>")
	})
	mux.HandleFunc("GET /worker.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		io.WriteString(w, pushWorker)
	})
	mux.HandleFunc("POST /seen", func(w http.ResponseWriter, r *http.Request) {
		var s seenPush
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			t.Errorf("the service worker sent what is no JSON: %v", err)
		}
		seen <- s
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL, seen
}

// within waits for a value.
func within[T any](t *testing.T, ch <-chan T, d time.Duration, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(d):
		t.Fatalf("%s did not come within %v", what, d)
		panic("unreachable")
	}
}
