package pushwire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// world is a few servers that redirect. Names are resolved by dial.
type world struct {
	addrs map[string]string // from host:port to where it listens
	hits  chan string       // "wss://host:port/path field=value ..."
}

func (w *world) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	to, ok := w.addrs[addr]
	if !ok {
		return nil, fmt.Errorf("nobody is at %s", addr)
	}
	return new(net.Dialer).DialContext(ctx, network, to)
}

// private are the fields that world reports.
var private = []string{"Authorization", "Cookie", "Proxy-Authorization", "X-Own"}

// newWorld has a server at each of hosts, "wss://name" or "ws://name:port".
// Each answers /to?status=302&at=URL with a redirect and all else with 101.
func newWorld(t *testing.T, hosts ...string) *world {
	w := &world{addrs: make(map[string]string), hits: make(chan string, 64)}
	for _, h := range hosts {
		to := mustTarget(t, h)
		f := dialAnswer(func(r *http.Request) string {
			hit := h + r.RequestURI
			if r.Host != to.hostField() {
				hit += " Host=" + r.Host
			}
			for _, name := range private {
				if v := r.Header.Values(name); len(v) > 0 {
					hit += " " + name + "=" + strings.Join(v, "|")
				}
			}
			w.hits <- hit
			if r.URL.Path == "/to" {
				return "HTTP/1.1 " + r.FormValue("status") + " Moved\r\nLocation: " + r.FormValue("at") + "\r\nSet-Cookie: hop=1; Path=/\r\nContent-Length: 4\r\n\r\nbody"
			}
			return dialHello(r)
		})
		if to.secure() {
			f = overTLS(f)
		}
		w.addrs[to.addr()] = dialPeer(t, f)
	}
	return w
}

func (w *world) was(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for len(w.hits) > 0 {
		got = append(got, <-w.hits)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the servers saw\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (w *world) options(redirects int) *DialOptions {
	return &DialOptions{Proxy: http.ProxyURL(nil), NetDial: w.dial, TLS: trusted(), MaxRedirects: redirects}
}

func to(base, status, at string) string {
	return base + "/to?status=" + status + "&at=" + url.QueryEscape(at)
}

func TestDialFollowsRedirectsOfEveryStatusAndForm(t *testing.T) {
	w := newWorld(t, "ws://example.com", "wss://example.com", "ws://www.example.com:81")
	for _, status := range []string{"301", "302", "303", "307", "308"} {
		c, res := mustDial(t, to("ws://example.com", status, "/x"), w.options(1))
		wantHello(t, c)
		if res.StatusCode != 101 {
			t.Errorf("%s: response %d", status, res.StatusCode)
		}
		w.was(t, strings.Replace(to("ws://example.com", status, "/x"), "=1", "=1", 1), "ws://example.com/x")
	}
	for at, want := range map[string]string{
		"y?z":                        "ws://example.com/y?z",
		"/a/../b":                    "ws://example.com/b",
		"//www.example.com:81/c":     "ws://www.example.com:81/c",
		"http://www.example.com:81/": "ws://www.example.com:81/",
		"ws://www.example.com:81":    "ws://www.example.com:81/",
		"https://example.com/s":      "wss://example.com/s",
		"wss://example.com:443/s":    "wss://example.com/s",
		"HTTPS://EXAMPLE.COM/s":      "wss://example.com/s",
		"/frag#ment":                 "ws://example.com/frag",
		"ws://u:p@example.com/u":     "ws://example.com/u",
	} {
		c, _ := mustDial(t, to("ws://example.com", "302", at), w.options(1))
		wantHello(t, c)
		w.was(t, to("ws://example.com", "302", at), want)
	}
}

func TestDialFollowsNoRedirectUnlessAsked(t *testing.T) {
	w := newWorld(t, "ws://example.com")
	_, res, err := Dial(t.Context(), to("ws://example.com", "302", "/x"), w.options(0))
	var de *DialError
	if !errors.As(err, &de) || de.Status != 302 || !strings.Contains(err.Error(), "MaxRedirects") {
		t.Fatalf("%v", err)
	}
	if res == nil || res.Header.Get("Location") != "/x" || readAll(t, res) != "body" {
		t.Errorf("response %v", res)
	}
	if u, err := res.Location(); err != nil || u.String() != "http://example.com/x" {
		t.Errorf("Location: %v, %v", u, err)
	}
	w.was(t, to("ws://example.com", "302", "/x"))
}

func TestDialStopsAtTheRedirectThatIsOneTooMany(t *testing.T) {
	w := newWorld(t, "ws://example.com")
	loop := "/to?status=307&at="
	at := "/end"
	for range 3 {
		at = loop + url.QueryEscape(at)
	}
	c, _ := mustDial(t, "ws://example.com"+at, w.options(3))
	wantHello(t, c)
	_, res, err := Dial(t.Context(), "ws://example.com"+at, w.options(2))
	var de *DialError
	if !errors.As(err, &de) || de.Status != 307 || res == nil || res.StatusCode != 307 || !strings.Contains(err.Error(), "2 times") {
		t.Errorf("%v, %v", res, err)
	}
	if de != nil && de.URL != "ws://example.com"+loop+url.QueryEscape("/end") {
		t.Errorf("the error is about %s", de.URL)
	}
}

func TestDialDoesNotFollowOtherAnswers(t *testing.T) {
	w := newWorld(t, "ws://example.com")
	for _, status := range []string{"300", "304", "305", "401", "200"} {
		if _, _, err := Dial(t.Context(), to("ws://example.com", status, "/x"), w.options(5)); err == nil {
			t.Errorf("status %s was followed", status)
		}
		w.was(t, to("ws://example.com", status, "/x"))
	}
	if _, _, err := Dial(t.Context(), to("ws://example.com", "302", ""), w.options(5)); err == nil {
		t.Error("a redirect without a place was followed")
	}
}

func TestDialRefusesRedirectsThatGiveUpTLS(t *testing.T) {
	w := newWorld(t, "wss://example.com", "ws://example.com")
	for _, at := range []string{"ws://example.com/x", "http://example.com/x"} {
		_, res, err := Dial(t.Context(), to("wss://example.com", "302", at), w.options(5))
		if res == nil || err == nil || !strings.Contains(err.Error(), "TLS") {
			t.Errorf("to %s: %v, %v", at, res, err)
		}
		w.was(t, to("wss://example.com", "302", at))
	}
}

func TestDialRefusesRedirectsToNoWebSocketURL(t *testing.T) {
	w := newWorld(t, "ws://example.com")
	for _, at := range []string{"ftp://example.com/", "ws://", "ws://user:secret@bad host/", "ws://h:99999/", "mailto:a@b"} {
		_, res, err := Dial(t.Context(), to("ws://example.com", "302", at), w.options(5))
		if res == nil || err == nil || strings.Contains(err.Error(), "secret@") && !strings.Contains(err.Error(), "at=") {
			t.Errorf("to %s: %v, %v", at, res, err)
		}
	}
}

func TestDialKeepsCredentialsWithinTheOrigin(t *testing.T) {
	w := newWorld(t, "wss://example.com", "wss://example.com:444", "wss://www.example.com", "wss://evil.example.com", "ws://example.com")
	const auth = " Authorization=Basic dTpw"
	const all = " Host=virtual.example" + auth + " Cookie=c=1 Proxy-Authorization=x X-Own=y"
	for _, c := range []struct{ from, at, first, second string }{
		{"wss://u:p@example.com", "/same", all, "wss://example.com/same" + all},
		{"wss://u:p@example.com", "https://example.com:443/same", all, "wss://example.com/same" + all},
		{"wss://u:p@example.com", "wss://example.com:444/port", all, "wss://example.com:444/port X-Own=y"},
		{"wss://u:p@example.com", "wss://www.example.com/host", all, "wss://www.example.com/host X-Own=y"},
		{"wss://u:p@example.com", "wss://evil.example.com/host", all, "wss://evil.example.com/host X-Own=y"},
		{"ws://u:p@example.com", "wss://example.com/scheme", all, "wss://example.com/scheme X-Own=y"},
		{"wss://u:p@example.com", "wss://a:b@evil.example.com/made-up", all, "wss://evil.example.com/made-up X-Own=y"},
		{"wss://example.com", "wss://a:b@example.com/made-up", strings.Replace(all, auth, "", 1), "wss://example.com/made-up" + strings.Replace(all, auth, "", 1)},
	} {
		o := w.options(1)
		o.Header = http.Header{"host": {"virtual.example"}, "cookie": {"c=1"}, "Proxy-Authorization": {"x"}, "X-Own": {"y"}}
		conn, _ := mustDial(t, to(c.from, "302", c.at), o)
		wantHello(t, conn)
		w.was(t, strings.Replace(to(c.from, "302", c.at), "u:p@", "", 1)+c.first, c.second)
	}

	// The way home does not bring them back.
	o := w.options(2)
	o.Header = http.Header{"Authorization": {"Bearer z"}, "X-Own": {"y"}}
	home := "/to?status=302&at=" + url.QueryEscape("wss://example.com/home")
	from := to("wss://example.com", "302", "wss://evil.example.com"+home)
	conn, _ := mustDial(t, from, o)
	wantHello(t, conn)
	w.was(t, from+" Authorization=Bearer z X-Own=y", "wss://evil.example.com"+home+" X-Own=y", "wss://example.com/home X-Own=y")
	if len(o.Header) != 2 {
		t.Errorf("the options were changed: %v", o.Header)
	}
}

func TestDialKeepsTheClientsCertificateWithinTheOrigin(t *testing.T) {
	server, pool := testTLS()
	certs := make(chan int, 4)
	asks := func(f func(net.Conn)) func(net.Conn) {
		cfg := server.Clone()
		cfg.ClientAuth = tls.RequestClientCert
		return func(nc net.Conn) {
			tc := tls.Server(nc, cfg)
			if tc.Handshake() == nil {
				certs <- len(tc.ConnectionState().PeerCertificates)
				f(tc)
			}
		}
	}
	other := dialPeer(t, asks(dialAnswer(dialHello)))
	first := dialPeer(t, asks(dialAnswer(func(*http.Request) string {
		return "HTTP/1.1 302 Found\r\nLocation: https://" + other + "/\r\n\r\n"
	})))
	o := direct()
	o.MaxRedirects = 1
	o.TLS = &tls.Config{RootCAs: pool, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &server.Certificates[0], nil
	}}
	c, _ := mustDial(t, "wss://"+first, o)
	wantHello(t, c)
	if a, b := <-certs, <-certs; a != 1 || b != 0 {
		t.Errorf("%d certificates for the URL's origin and %d for the next, want 1 and 0", a, b)
	}
	if o.TLS.GetClientCertificate == nil {
		t.Error("the options were changed")
	}
}

// A ServerName is for the server of the caller's URL: another one can't prove
// that it has that name.
func TestDialAsksForTheServerNameWithinTheOriginOnly(t *testing.T) {
	other, hello := helloOf(t, &tls.Config{})
	first := dialPeer(t, overTLS(dialAnswer(func(*http.Request) string {
		return "HTTP/1.1 302 Found\r\nLocation: https://" + other + "/\r\n\r\n"
	})))
	o := direct()
	o.MaxRedirects = 1
	o.TLS = trusted()
	o.TLS.ServerName = "example.com" // which the certificate has, as 127.0.0.1
	conn, _ := mustDial(t, "wss://"+first, o)
	wantHello(t, conn)
	if name := (<-hello).ServerName; name != "" {
		t.Errorf("the other server was asked for %q", name)
	}
	if o.TLS.ServerName != "example.com" {
		t.Error("the options were changed")
	}
}

func TestDialRedirectCookiesFollowTheJar(t *testing.T) {
	w := newWorld(t, "ws://example.com", "ws://evil.example.com")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	o := w.options(1)
	o.Jar = jar
	from := to("ws://example.com", "302", "/x")
	c, _ := mustDial(t, from, o)
	wantHello(t, c)
	w.was(t, from, "ws://example.com/x Cookie=hop=1")
	from = to("ws://example.com", "302", "ws://evil.example.com/")
	c, _ = mustDial(t, from, o)
	wantHello(t, c)
	w.was(t, from+" Cookie=hop=1", "ws://evil.example.com/")
}
