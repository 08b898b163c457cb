package peers

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/handshake"
)

// browser is headless Chromium with one page. Its methods wait until the
// script has done what they ask.
type browser struct{ *child }

func newBrowser(t *testing.T) *browser {
	t.Helper()
	return &browser{start(t, "browser", "node/browser.mjs", node, nodeModules, chromium)}
}

// view is the window that a page is opened in.
type view struct {
	width, height int
	phone, dark   bool
}

var (
	desktop = view{width: 1200, height: 820}
	phone   = view{width: 390, height: 844, phone: true, dark: true}
)

// open goes to url in a fresh profile and returns the answer's fields.
func (b *browser) open(t *testing.T, url string, v view) map[string]string {
	t.Helper()
	b.do(t, command{"cmd": "open", "url": url, "width": v.width, "height": v.height, "phone": v.phone, "dark": v.dark})
	e := b.want(t, "opened")
	if e.Code != http.StatusOK {
		t.Fatalf("%s: status %d", url, e.Code)
	}
	return e.Headers
}

func (b *browser) act(t *testing.T, cmd string, fields command) {
	t.Helper()
	fields["cmd"] = cmd
	b.do(t, fields)
	b.want(t, "done")
}

func (b *browser) fill(t *testing.T, selector, text string) {
	t.Helper()
	b.act(t, "type", command{"selector": selector, "text": text})
}

func (b *browser) press(t *testing.T, key string) {
	t.Helper()
	b.act(t, "press", command{"key": key})
}

func (b *browser) click(t *testing.T, selector string) {
	t.Helper()
	b.act(t, "click", command{"selector": selector})
}

// wait waits until the last element that selector matches and that has text
// in it is there, and returns the whole text of it.
func (b *browser) wait(t *testing.T, selector, text string) string {
	t.Helper()
	b.do(t, command{"cmd": "wait", "selector": selector, "text": text})
	return result[string](t, b)
}

// eval calls a JavaScript function in the page.
func eval[T any](t *testing.T, b *browser, function string, arg any) T {
	t.Helper()
	b.do(t, command{"cmd": "eval", "text": function, "arg": arg})
	return result[T](t, b)
}

func result[T any](t *testing.T, b *browser) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(b.want(t, "result").Result, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// visit opens one WebSocket, sends what it is told to once it is open, sends
// back what comes if it is told to, closes after that many messages, and tells
// in the end what it saw.
const visit = `({ url, protocols = [], send = [], echo = false, close }) => new Promise((resolve) => {
  const decode = (s) => Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
  const encode = (bytes) => {
    let s = "";
    for (let i = 0; i < bytes.length; i += 8192) s += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(s);
  };
  const ws = new WebSocket(url, protocols);
  ws.binaryType = "arraybuffer";
  const seen = { opened: false, got: [] };
  ws.onopen = () => {
    seen.opened = true;
    for (const { type, data } of send) {
      const bytes = decode(data);
      ws.send(type === "text" ? new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) : bytes);
    }
    if (close?.after === 0) ws.close(close.code, close.reason);
  };
  ws.onmessage = ({ data }) => {
    if (echo) ws.send(data);
    seen.got.push(typeof data === "string"
      ? { type: "text", data: encode(new TextEncoder().encode(data)) }
      : { type: "binary", data: encode(new Uint8Array(data)) });
    if (close && seen.got.length === close.after) ws.close(close.code, close.reason);
  };
  ws.onclose = ({ code, reason, wasClean }) =>
    resolve({ ...seen, protocol: ws.protocol, extensions: ws.extensions, code, reason, clean: wasClean });
})`

type visiting struct {
	URL       string    `json:"url"`
	Protocols []string  `json:"protocols,omitempty"`
	Send      []payload `json:"send,omitempty"`
	Echo      bool      `json:"echo,omitempty"`
	Close     *closing  `json:"close,omitempty"`
}

type payload struct {
	Type string `json:"type"`
	Data []byte `json:"data"`
}

type closing struct {
	After  int    `json:"after"` // messages received
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

type visited struct {
	Opened               bool
	Protocol, Extensions string
	Got                  []payload
	Code                 int
	Reason               string
	Clean                bool
}

// site is a web server with a blank page, an echo, and a WebSocket whose
// server's end is the test's.
type site struct {
	http, ws string // without a path
	conns    chan *pushwire.Conn
	allow    *pushwire.AcceptOptions // of /allowed and /handed, set before their use
}

func newSite(t *testing.T, s *secure) *site {
	t.Helper()
	v := &site{conns: make(chan *pushwire.Conn), allow: &pushwire.AcceptOptions{}}
	hand := func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
		select {
		case v.conns <- c:
			<-c.Done()
		case <-ctx.Done():
		}
	}
	echo := func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
		for m, err := range c.Messages(ctx) {
			if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
				return
			}
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<!doctype html><title>blank</title><link rel=icon href=data:,>")
	})
	mux.Handle("/echo", pushwire.Handler(echo, nil))
	mux.Handle("/conn", pushwire.Handler(hand, &pushwire.AcceptOptions{Protocols: serverProtocols}))
	mux.HandleFunc("/allowed", func(w http.ResponseWriter, r *http.Request) {
		pushwire.Handler(echo, v.allow).ServeHTTP(w, r)
	})
	mux.HandleFunc("/handed", func(w http.ResponseWriter, r *http.Request) {
		pushwire.Handler(hand, v.allow).ServeHTTP(w, r)
	})
	server := httptest.NewUnstartedServer(mux)
	// Chromium drops the first connection over the certificate, then goes on.
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if s != nil {
		server.TLS = &tls.Config{Certificates: []tls.Certificate{s.pair}}
		server.EnableHTTP2 = true // as ListenAndServeTLS has it
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	v.http = server.URL
	v.ws = strings.Replace(server.URL, "http", "ws", 1)
	return v
}

func (v *site) accept(t *testing.T) end {
	t.Helper()
	return (&ourServer{conns: v.conns}).accept(t)
}

// TestBrowser uses WebSockets from a blank page in Chromium.
func TestBrowser(t *testing.T) {
	b := newBrowser(t)
	certificate := newSecure(t)
	for _, scheme := range []string{"ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			var s *secure
			if scheme == "wss" {
				s = certificate
			}
			v := newSite(t, s)
			b.open(t, v.http, desktop)
			t.Run("echo", func(t *testing.T) { testBrowserEcho(t, b, v) })
			t.Run("server speaks", func(t *testing.T) { testBrowserServerSpeaks(t, b, v) })
			t.Run("server closes", func(t *testing.T) { testBrowserServerCloses(t, b, v) })
			t.Run("page closes", func(t *testing.T) { testBrowserPageCloses(t, b, v) })
			t.Run("subprotocol", func(t *testing.T) { testBrowserSubprotocol(t, b, v) })
			t.Run("origin", func(t *testing.T) { testBrowserOrigin(t, b, v, newSite(t, s)) })
		})
	}
}

func testBrowserEcho(t *testing.T, b *browser, v *site) {
	var send []payload
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, maxMessage} {
		send = append(send, payload{"text", []byte(text(n))}, payload{"binary", []byte(bytesOf(n))})
	}
	got := eval[visited](t, b, visit, visiting{
		URL: v.ws + "/echo", Send: send, Close: &closing{After: len(send), Code: 1000, Reason: "done"},
	})
	if len(got.Got) != len(send) {
		t.Fatalf("%d messages came back, want %d; ended with %d %q", len(got.Got), len(send), got.Code, got.Reason)
	}
	for i, m := range got.Got {
		if m.Type != send[i].Type || string(m.Data) != string(send[i].Data) {
			t.Errorf("message %d: got %s of %d bytes, want %s of %d bytes, or the bytes differ",
				i, m.Type, len(m.Data), send[i].Type, len(send[i].Data))
		}
	}
	// The answer to a close frame repeats its code; its reason need not be.
	if got.Code != 1000 || !got.Clean || got.Extensions != "" {
		t.Errorf("ended with %d, clean %v, extensions %q", got.Code, got.Clean, got.Extensions)
	}
}

// testBrowserServerSpeaks sends fragments with pings between them; the page
// sends them back whole.
func testBrowserServerSpeaks(t *testing.T, b *browser, v *site) {
	b.do(t, command{"cmd": "eval", "text": visit, "arg": visiting{URL: v.ws + "/conn", Echo: true}})
	e := v.accept(t)
	testFragmentsBack := func(typ string, parts ...string) {
		t.Helper()
		e.send(t, typ, parts...)
		wantMessage(t, e, message{typ, strings.Join(parts, "")})
	}
	testFragmentsBack("text", "one ", "two ", "three")
	testFragmentsBack("text", "cut \xe4", "\xb8", "\x96 in a character")
	testFragmentsBack("binary", "", bytesOf(70_000), "")
	for range 1000 {
		e.send(t, "text", "small")
	}
	for range 1000 {
		wantMessage(t, e, message{"text", "small"})
	}
	e.ping(t, "")
	e.close(t, 1000, "")
	if got := result[visited](t, b); !got.Clean || got.Code != 1000 || len(got.Got) != 1003 {
		t.Errorf("ended with %d, clean %v, after %d messages", got.Code, got.Clean, len(got.Got))
	}
}

func testBrowserServerCloses(t *testing.T, b *browser, v *site) {
	for _, row := range []struct {
		code   int
		reason string
	}{
		{1000, ""}, {1001, "the server shuts down"}, {1008, "Grüße"}, {1009, ""}, {1011, "世界"}, {1012, ""}, {1013, ""}, {1014, ""},
		{3000, ""}, {4999, strings.Repeat("ü", 61) + "x"},
	} {
		b.do(t, command{"cmd": "eval", "text": visit, "arg": visiting{URL: v.ws + "/conn"}})
		e := v.accept(t)
		e.send(t, "text", "last words")
		e.close(t, row.code, row.reason)
		want := visited{Opened: true, Got: []payload{{"text", []byte("last words")}}, Code: row.code, Reason: row.reason, Clean: true}
		if diff := cmp.Diff(want, result[visited](t, b)); diff != "" {
			t.Errorf("onclose after %d (-want +got):\n%s", row.code, diff)
		}
	}
	b.do(t, command{"cmd": "eval", "text": visit, "arg": visiting{URL: v.ws + "/conn"}})
	v.accept(t).drop(t)
	if got := result[visited](t, b); got.Code != 1006 || got.Clean {
		t.Errorf("a dropped connection: onclose has %d, clean %v", got.Code, got.Clean)
	}
}

func testBrowserPageCloses(t *testing.T, b *browser, v *site) {
	for _, row := range []struct {
		code   int
		reason string
	}{{1000, ""}, {1000, "bye"}, {3000, "Grüße"}, {4999, strings.Repeat("ü", 61) + "x"}} {
		b.do(t, command{"cmd": "eval", "text": visit, "arg": visiting{URL: v.ws + "/conn", Close: &closing{0, row.code, row.reason}}})
		wantEnd(t, "the server's end", v.accept(t), row.code, row.reason)
		if got := result[visited](t, b); got.Code != row.code || !got.Clean {
			t.Errorf("onclose after %d: %d, clean %v", row.code, got.Code, got.Clean)
		}
	}
}

func testBrowserSubprotocol(t *testing.T, b *browser, v *site) {
	b.do(t, command{"cmd": "eval", "text": visit, "arg": visiting{URL: v.ws + "/conn", Protocols: []string{"chat.v1", "chat.v2"}}})
	e := v.accept(t)
	e.close(t, 1000, "")
	if got := result[visited](t, b); got.Protocol != "chat.v2" || e.protocol() != "chat.v2" {
		t.Errorf("the page has %q, the server %q, want the server's first", got.Protocol, e.protocol())
	}
}

// testBrowserOrigin opens a page of another port, which is another origin.
func testBrowserOrigin(t *testing.T, b *browser, v, other *site) {
	b.open(t, other.http, desktop)
	b.console = nil
	if got := eval[visited](t, b, visit, visiting{URL: v.ws + "/echo"}); got.Opened || got.Code != 1006 {
		t.Errorf("a page of another origin: opened %v, ended with %d", got.Opened, got.Code)
	}
	// A page isn't told the status, its console is.
	if said := strings.Join(b.console, "\n"); !strings.Contains(said, "Unexpected response code: 403") {
		t.Errorf("the console said %q, want something about 403", said)
	}
	v.allow.Origins = handshake.Origins{Allow: []string{other.http}}
	got := eval[visited](t, b, visit, visiting{
		URL: v.ws + "/allowed", Send: []payload{{"text", []byte("hello")}}, Close: &closing{After: 1, Code: 1000},
	})
	if !got.Opened || got.Code != 1000 {
		t.Errorf("a page whose origin is allowed: %s", fmt.Sprint(got))
	}
}
