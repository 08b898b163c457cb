package pushwire

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// dialSeen answers with a frame in the same segment, and sends the requests
// to the channel.
func dialSeen(t *testing.T) (addr string, seen <-chan *http.Request) {
	ch := make(chan *http.Request, 8)
	return dialPeer(t, dialAnswer(func(r *http.Request) string {
		ch <- r
		return dialHello(r)
	})), ch
}

func TestDialSendsTheRequestThatRFC6455AsksFor(t *testing.T) {
	addr, seen := dialSeen(t)
	o := direct()
	o.Protocols = []string{"chat", "superchat"}
	c, res := mustDial(t, "ws://"+addr+"/chat?room=1", o)
	wantHello(t, c)
	r := <-seen
	// RFC 6455, 4.1: method, version, resource name.
	if r.Method != "GET" || r.Proto != "HTTP/1.1" || r.RequestURI != "/chat?room=1" {
		t.Errorf("request line: %s %s %s", r.Method, r.RequestURI, r.Proto)
	}
	if r.Host != addr {
		t.Errorf("Host: %s, want %s", r.Host, addr)
	}
	key := r.Header.Get("Sec-WebSocket-Key")
	if b, err := base64.StdEncoding.DecodeString(key); err != nil || len(b) != 16 {
		t.Errorf("Sec-WebSocket-Key %q is not 16 bytes of base64", key)
	}
	r.Header.Del("Sec-WebSocket-Key")
	want := http.Header{
		"Upgrade":                {"websocket"},
		"Connection":             {"Upgrade"},
		"Sec-Websocket-Version":  {"13"},
		"Sec-Websocket-Protocol": {"chat, superchat"},
	}
	if d := cmp.Diff(want, r.Header); d != "" {
		t.Errorf("fields (-want +got):\n%s", d)
	}
	if res.StatusCode != 101 || res.Header.Get("Upgrade") != "websocket" {
		t.Errorf("response: %v", res)
	}
	if b, err := io.ReadAll(res.Body); len(b) != 0 || err != nil {
		t.Errorf("body of the 101: %q, %v", b, err)
	}
	if c.Protocol() != "" {
		t.Errorf("protocol %q, none was chosen", c.Protocol())
	}
}

func TestDialTakesAFreshKeyForEachConnection(t *testing.T) {
	addr, seen := dialSeen(t)
	keys := make(map[string]bool)
	for range 8 {
		mustDial(t, "ws://"+addr, direct())
		keys[(<-seen).Header.Get("Sec-WebSocket-Key")] = true
	}
	if len(keys) != 8 {
		t.Errorf("%d different keys in 8 connections", len(keys))
	}
}

func TestDialTakesTheChosenProtocol(t *testing.T) {
	addr := dialPeer(t, dialAnswer(func(r *http.Request) string {
		return dialAccept(r, "Sec-WebSocket-Protocol: superchat")
	}))
	o := direct()
	o.Protocols = []string{"chat", "superchat"}
	c, _ := mustDial(t, "ws://"+addr, o)
	if c.Protocol() != "superchat" {
		t.Errorf("protocol %q", c.Protocol())
	}
}

func TestDialSendsTheCallersFieldsAsTheyAre(t *testing.T) {
	addr, seen := dialSeen(t)
	o := direct()
	o.Header = http.Header{
		"host":       {"virtual.example:81"},
		"Origin":     {"https://page.example"},
		"X-Token":    {"a, b", "c"},
		"User-Agent": {"test/1"},
	}
	before := o.Header.Clone()
	mustDial(t, "ws://"+addr, o)
	r := <-seen
	if r.Host != "virtual.example:81" {
		t.Errorf("Host %q", r.Host)
	}
	for k, want := range map[string][]string{"Origin": {"https://page.example"}, "X-Token": {"a, b", "c"}, "User-Agent": {"test/1"}} {
		if got := r.Header.Values(k); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", k, got, want)
		}
	}
	if d := cmp.Diff(before, o.Header); d != "" {
		t.Errorf("the options were changed (-before +after):\n%s", d)
	}
}

func TestDialRefusesFieldsThatDoNotBelong(t *testing.T) {
	var dials int
	o := direct()
	o.NetDial = func(context.Context, string, string) (net.Conn, error) {
		dials++
		return nil, errors.New("dialled")
	}
	for _, h := range []http.Header{
		{"Sec-WebSocket-Key": {"AQIDBAUGBwgJCgsMDQ4PEA=="}},
		{"X": {"a\r\nY: b"}},
		{"X\r\nY": {"a"}},
		{"X": {"a\x00"}},
		{"": {"a"}},
		{"Host": {"a", "b"}},
		{"Host": {"a"}, "host": {"b"}},
		{"Origin": {"https://a", "https://b"}},
		{"Host": {"a\r\nX: y"}},
		{"Origin": {"a\r\nX: y"}},
	} {
		o.Header = h
		_, res, err := Dial(t.Context(), "ws://127.0.0.1:1/", o)
		var de *DialError
		if !errors.As(err, &de) || res != nil {
			t.Errorf("%q: %v, %v", h, res, err)
		}
	}
	o.Header = nil
	for _, p := range [][]string{{"a b"}, {""}, {"a", "a"}, {"a,b"}, {"a\r\n"}} {
		o.Protocols = p
		if _, _, err := Dial(t.Context(), "ws://127.0.0.1:1/", o); err == nil || strings.Contains(err.Error(), "dialled") {
			t.Errorf("protocols %q: %v", p, err)
		}
	}
	if dials != 0 {
		t.Errorf("%d of the requests that can't be sent led to a connection", dials)
	}
}

func TestDialTurnsUserInformationIntoBasicAuthorization(t *testing.T) {
	addr, seen := dialSeen(t)
	mustDial(t, "ws://Aladdin:open%20sesame@"+addr+"/", direct())
	r := <-seen
	// RFC 7617, 2: the example.
	if got := r.Header.Get("Authorization"); got != "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" {
		t.Errorf("Authorization %q", got)
	}
	if strings.Contains(r.Host+r.RequestURI, "Aladdin") {
		t.Errorf("user information in Host %q or %q", r.Host, r.RequestURI)
	}
	o := direct()
	o.Header = http.Header{"authorization": {"Bearer x"}}
	mustDial(t, "ws://user:pw@"+addr+"/", o)
	if got := (<-seen).Header.Values("Authorization"); !slices.Equal(got, []string{"Bearer x"}) {
		t.Errorf("Authorization %q, the caller's should stand", got)
	}
}

func TestDialUsesTheJarForWSAsForHTTP(t *testing.T) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan *http.Request, 1)
	answer := dialHello
	f := dialAnswer(func(r *http.Request) string { seen <- r; return answer(r) })
	plain, secure := dialPeer(t, f), dialPeer(t, overTLS(f))
	u := &url.URL{Scheme: "http", Host: "example.com", Path: "/"}
	jar.SetCookies(u, []*http.Cookie{{Name: "a", Value: "1"}})
	jar.SetCookies(&url.URL{Scheme: "https", Host: "example.com", Path: "/"}, []*http.Cookie{{Name: "s", Value: "2", Secure: true}})
	o := direct()
	o.Jar, o.TLS = jar, trusted()
	o.Header = http.Header{"Cookie": {"own=0", "two=0"}}
	o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		to := map[string]string{"example.com:80": plain, "example.com:443": secure}[addr]
		return new(net.Dialer).DialContext(ctx, network, to)
	}

	answer = func(r *http.Request) string { return dialAccept(r, "Set-Cookie: b=3; Path=/", "Set-Cookie: c=4") }
	mustDial(t, "ws://example.com/", o)
	// RFC 6265, 5.4: one Cookie field. Secure cookies stay off plain ws.
	if got := (<-seen).Header["Cookie"]; len(got) != 1 || got[0] != "own=0; two=0; a=1" {
		t.Errorf("over ws: Cookie %q", got)
	}
	o.Header = nil
	answer = func(r *http.Request) string {
		return "HTTP/1.1 403 Forbidden\r\nSet-Cookie: why=refused\r\nContent-Length: 0\r\n\r\n"
	}
	if _, _, err := Dial(t.Context(), "wss://example.com/", o); err == nil {
		t.Error("a 403 made a connection")
	}
	got := (<-seen).Header.Get("Cookie")
	for _, want := range []string{"a=1", "s=2", "b=3", "c=4"} {
		if !strings.Contains(got, want) {
			t.Errorf("over wss: Cookie %q lacks %s", got, want)
		}
	}
	if got := fmt.Sprint(jar.Cookies(u)); !strings.Contains(got, "why=refused") {
		t.Errorf("the cookies of a refusal did not reach the jar: %s", got)
	}
}

func TestDialKeepsTheContextsValuesAndNotItsEnd(t *testing.T) {
	type key struct{}
	addr, _ := dialSeen(t)
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	c, _, err := Dial(ctx, "ws://"+addr, direct())
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	cancel()
	wantHello(t, c)
	if c.Context().Err() != nil || c.Context().Value(key{}) != "value" {
		t.Errorf("context of the connection: %v, %v", c.Context().Err(), c.Context().Value(key{}))
	}
}

func TestDialOverTLSVerifiesTheServer(t *testing.T) {
	addr := dialPeer(t, overTLS(dialAnswer(dialHello)))
	to := &dialTo{addr: addr}
	good := trusted()
	for _, c := range []struct {
		name, url string
		cfg       *tls.Config
		ok        bool
	}{
		{"address in the certificate", "wss://" + addr, good, true},
		{"https for wss", "https://" + addr, good, true},
		{"name in the certificate", "wss://example.com/", good, true},
		{"name in the certificate with a dot at the end", "wss://EXAMPLE.com/", good, true},
		{"another name", "wss://example.org/", good, false},
		{"another name, ServerName set", "wss://example.org/", &tls.Config{RootCAs: good.RootCAs, ServerName: "example.com"}, true},
		{"nobody trusts it", "wss://example.com/", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := direct()
			o.TLS = c.cfg
			o.NetDial = to.dial
			conn, _, err := Dial(t.Context(), c.url, o)
			if conn != nil {
				defer conn.CloseNow()
				wantHello(t, conn)
			}
			if (err == nil) != c.ok {
				t.Fatalf("%v", err)
			}
			var cert *tls.CertificateVerificationError
			if !c.ok && !errors.As(err, &cert) {
				t.Errorf("%v is not about the certificate", err)
			}
			if c.cfg != nil && (c.cfg.NextProtos != nil || c.cfg == good && c.cfg.ServerName != "") {
				t.Error("the caller's configuration was changed")
			}
		})
	}
}

// helloOf answers TLS with cfg and sends what the client's hello held.
func helloOf(t *testing.T, cfg *tls.Config) (addr string, hello <-chan *tls.ClientHelloInfo) {
	ch := make(chan *tls.ClientHelloInfo, 1)
	server, _ := testTLS()
	cfg = cfg.Clone()
	cfg.Certificates = server.Certificates
	cfg.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		ch <- h
		return nil, nil
	}
	return dialPeer(t, func(nc net.Conn) {
		tc := tls.Server(nc, cfg)
		if tc.Handshake() == nil {
			dialAnswer(dialHello)(tc)
		}
	}), ch
}

func TestDialSendsServerNameAndALPN(t *testing.T) {
	addr, hello := helloOf(t, &tls.Config{NextProtos: []string{"h2", "http/1.1"}})
	o := direct()
	o.TLS = trusted()
	o.NetDial = (&dialTo{addr: addr}).dial
	c, _ := mustDial(t, "wss://example.com/", o)
	wantHello(t, c)
	h := <-hello
	// RFC 6455, 4.1: "Clients MUST use the Server Name Indication extension"
	if h.ServerName != "example.com" || !slices.Equal(h.SupportedProtos, []string{"http/1.1"}) {
		t.Errorf("server name %q, protocols %q", h.ServerName, h.SupportedProtos)
	}

	o.TLS.NextProtos = []string{"h2"}
	_, _, err := Dial(t.Context(), "wss://example.com/", o)
	<-hello
	if err == nil || !strings.Contains(err.Error(), `"h2"`) {
		t.Errorf("after the server chose h2: %v", err)
	}
}

func TestDialPresentsTheClientsCertificate(t *testing.T) {
	server, pool := testTLS()
	addr, hello := helloOf(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert})
	o := direct()
	o.TLS = &tls.Config{RootCAs: pool, Certificates: server.Certificates}
	c, _ := mustDial(t, "wss://"+addr, o)
	wantHello(t, c)
	<-hello
}

func TestDialConnectsWithTheCallersDialer(t *testing.T) {
	addr, _ := dialSeen(t)
	to := &dialTo{addr: addr}
	o := direct()
	o.NetDial = to.dial
	mustDial(t, "ws://some.example/", o)
	mustDial(t, "ws://[2001:db8::1]:81/", o)
	mustDial(t, "ws://b\u00fccher.example/", o)
	if got := to.String(); got != "tcp some.example:80, tcp [2001:db8::1]:81, tcp xn--bcher-kva.example:80" {
		t.Errorf("dialled %s", got)
	}

	boom := errors.New("boom")
	o.NetDial = func(context.Context, string, string) (net.Conn, error) { return nil, boom }
	_, _, err := Dial(t.Context(), "ws://h/", o)
	if !errors.Is(err, boom) || !strings.Contains(err.Error(), "pushwire: dial ws://h/: connecting to h:80: boom") {
		t.Errorf("error of the dialer: %v", err)
	}
}

func TestDialWithoutOptionsConnects(t *testing.T) {
	// The environment's proxies do not count for loopback.
	addr, _ := dialSeen(t)
	c, _ := mustDial(t, "ws://"+addr, nil)
	wantHello(t, c)
}

func TestDialReportsARefusedConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, res, err := Dial(t.Context(), "ws://"+addr, direct())
	var oe *net.OpError
	if res != nil || !errors.As(err, &oe) {
		t.Errorf("%v, %v", res, err)
	}
}

// The library's own server, behind net/http, which would like to speak HTTP/2.
func TestDialMeetsANetHTTPServer(t *testing.T) {
	h := Handler(func(ctx context.Context, c *Conn, _ *handshake.Request) {
		for m, err := range c.Messages(ctx) {
			if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
				return
			}
		}
	}, &AcceptOptions{Protocols: []string{"echo"}})
	plain := httptest.NewServer(h)
	secure := httptest.NewUnstartedServer(h)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer plain.Close()
	defer secure.Close()
	for _, srv := range []*httptest.Server{plain, secure} {
		for _, scheme := range []string{"", "http", "https", "socks5"} {
			o := direct()
			o.Protocols = []string{"other", "echo"}
			o.TLS = trusted()
			if scheme != "" {
				o.Proxy = http.ProxyURL((&testProxy{}).start(t, scheme))
			}
			c, _ := mustDial(t, srv.URL, o)
			if c.Protocol() != "echo" {
				t.Errorf("protocol %q", c.Protocol())
			}
			want := strings.Repeat("0123456789", 10000)
			if err := c.Write(t.Context(), frame.Binary, []byte(want)); err != nil {
				t.Fatal(err)
			}
			if typ, p, err := c.Read(t.Context()); typ != frame.Binary || string(p) != want || err != nil {
				t.Errorf("%s through %q: %v, %d bytes, %v", srv.URL, scheme, typ, len(p), err)
			}
			if err := c.Close(frame.CodeNormal, ""); err != nil {
				t.Errorf("%s through %q: close: %v", srv.URL, scheme, err)
			}
		}
	}
}

func TestDialGivesTheSocketItself(t *testing.T) {
	// Through SOCKS5 and CONNECT too: the Conn waits on the descriptor.
	addr := dialPeer(t, dialAnswer(dialHello))
	for _, scheme := range []string{"", "http", "socks5"} {
		d := &dialing{ctx: t.Context(), o: &DialOptions{Proxy: http.ProxyURL(nil)}, to: mustTarget(t, "ws://"+addr)}
		if scheme != "" {
			p := &testProxy{}
			d.o.Proxy = http.ProxyURL(p.start(t, scheme))
		}
		a, err := d.hop()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := a.conn.(*net.TCPConn); !ok {
			t.Errorf("%q: the connection is a %T", scheme, a.conn)
		}
		d.drop()
	}
}

func mustTarget(t *testing.T, raw string) target {
	to, err := parseTarget(raw)
	if err != nil {
		t.Fatal(err)
	}
	return to
}
