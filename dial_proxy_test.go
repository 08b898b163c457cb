package pushwire

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/pushwire/pushwire/internal/memconn"
)

// testProxy is an HTTP and SOCKS5 proxy by hand. It connects to no place but
// to, or the one that was asked for.
type testProxy struct {
	to         string     // where every tunnel leads, "" where it was asked for
	user, pass string     // wanted by SOCKS5; "" for no authentication
	answer     string     // to CONNECT, instead of a tunnel
	good       string     // to CONNECT, with a tunnel
	reply      byte       // of SOCKS5; not 0: instead of a tunnel
	mu         sync.Mutex //
	asked      []string   // "CONNECT host:port" or "name host:port", "ip4 ...", "ip6 ..."
	auth       []string   // Proxy-Authorization, or user:pass
}

// start serves one scheme and returns the URL of the proxy.
func (p *testProxy) start(t *testing.T, scheme string) *url.URL {
	t.Helper()
	f := p.http
	switch scheme {
	case "https":
		f = overTLS(p.http)
	case "socks5", "socks5h":
		f = p.socks
	}
	return &url.URL{Scheme: scheme, Host: dialPeer(t, f)}
}

func (p *testProxy) note(asked, auth string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, asked)
	if auth != "" {
		p.auth = append(p.auth, auth)
	}
}

func (p *testProxy) was(t *testing.T, asked, auth []string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.asked, asked) || !slices.Equal(p.auth, auth) {
		t.Errorf("the proxy was asked %q with %q, want %q with %q", p.asked, p.auth, asked, auth)
	}
}

func (p *testProxy) http(nc net.Conn) {
	br := bufio.NewReader(nc)
	r, err := http.ReadRequest(br)
	if err != nil {
		return
	}
	p.note(r.Method+" "+r.RequestURI+" "+r.Host, r.Header.Get("Proxy-Authorization"))
	if p.answer != "" {
		io.WriteString(nc, p.answer)
		io.Copy(io.Discard, br)
		return
	}
	p.splice(nc, br, cmp.Or(p.to, r.RequestURI), cmp.Or(p.good, "HTTP/1.1 200 OK\r\n\r\n"))
}

// splice joins nc to the target after greeting it.
func (p *testProxy) splice(nc net.Conn, br *bufio.Reader, to, greeting string) {
	up, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer up.Close()
	io.WriteString(nc, greeting)
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(up, br)
		up.Close()
	}()
	io.Copy(nc, up)
	nc.Close()
	<-done
}

// socks is RFC 1928 with RFC 1929.
func (p *testProxy) socks(nc net.Conn) {
	br := bufio.NewReader(nc)
	take := func(n int) []byte {
		b := make([]byte, n)
		io.ReadFull(br, b)
		return b
	}
	methods := take(int(take(2)[1]))
	auth := ""
	if p.user == "" {
		nc.Write([]byte{5, 0})
	} else if slices.Contains(methods, 2) {
		nc.Write([]byte{5, 2})
		auth = string(take(int(take(2)[1]))) + ":" + string(take(int(take(1)[0])))
		if auth != p.user+":"+p.pass {
			nc.Write([]byte{1, 1})
			return
		}
		nc.Write([]byte{1, 0})
	} else {
		nc.Write([]byte{5, 0xff})
		return
	}
	var kind, host string
	switch take(4)[3] {
	case 1:
		kind, host = "ip4", net.IP(take(4)).String()
	case 3:
		kind, host = "name", string(take(int(take(1)[0])))
	case 4:
		kind, host = "ip6", net.IP(take(16)).String()
	default:
		return
	}
	addr := net.JoinHostPort(host, fmt.Sprint(binary.BigEndian.Uint16(take(2))))
	p.note(kind+" "+addr, auth)
	if p.reply != 0 {
		nc.Write([]byte{5, p.reply, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	p.splice(nc, br, cmp.Or(p.to, addr), "\x05\x00\x00\x03\x05proxy\x00\x50")
}

func TestDialThroughEveryKindOfProxy(t *testing.T) {
	plain, secure := dialPeer(t, dialAnswer(dialHello)), dialPeer(t, overTLS(dialAnswer(dialHello)))
	for _, scheme := range []string{"http", "https", "socks5", "socks5h"} {
		for _, c := range []struct{ url, to, connect, socks string }{
			// The name is the proxy's to look up.
			{"ws://example.com/", plain, "CONNECT example.com:80 example.com:80", "name example.com:80"},
			{"wss://example.com/", secure, "CONNECT example.com:443 example.com:443", "name example.com:443"},
			{"wss://example.com:9443/", secure, "CONNECT example.com:9443 example.com:9443", "name example.com:9443"},
			{"ws://192.0.2.1:81/", plain, "CONNECT 192.0.2.1:81 192.0.2.1:81", "ip4 192.0.2.1:81"},
			{"ws://[2001:db8::1]/", plain, "CONNECT [2001:db8::1]:80 [2001:db8::1]:80", "ip6 [2001:db8::1]:80"},
			{"ws://b\u00fccher.example/", plain, "CONNECT xn--bcher-kva.example:80 xn--bcher-kva.example:80", "name xn--bcher-kva.example:80"},
		} {
			t.Run(scheme+" "+c.url, func(t *testing.T) {
				p := &testProxy{to: c.to}
				u := p.start(t, scheme)
				o := &DialOptions{TLS: trusted(), Proxy: http.ProxyURL(u)}
				conn, _ := mustDial(t, c.url, o)
				wantHello(t, conn)
				if strings.HasPrefix(scheme, "socks") {
					p.was(t, []string{c.socks}, nil)
				} else {
					p.was(t, []string{c.connect}, nil)
				}
			})
		}
	}
}

func TestDialAuthorizesItselfAtProxies(t *testing.T) {
	seen := make(chan *http.Request, 1)
	plain := dialPeer(t, dialAnswer(func(r *http.Request) string { seen <- r; return dialHello(r) }))
	for _, scheme := range []string{"http", "https", "socks5"} {
		t.Run(scheme, func(t *testing.T) {
			p := &testProxy{to: plain, user: "ednamode", pass: "nocapes!"}
			u := p.start(t, scheme)
			u.User = url.UserPassword("ednamode", "nocapes!")
			o := &DialOptions{TLS: trusted(), Proxy: http.ProxyURL(u)}
			c, _ := mustDial(t, "ws://example.com/", o)
			wantHello(t, c)
			if r := <-seen; r.Header.Get("Proxy-Authorization") != "" || r.Header.Get("Authorization") != "" {
				t.Errorf("the proxy's credentials reached the server: %v", r.Header)
			}
			want := "Basic ZWRuYW1vZGU6bm9jYXBlcyE=" // the example of RFC 6455, 4.1
			if scheme == "socks5" {
				want = "ednamode:nocapes!"
			}
			if !slices.Equal(p.auth, []string{want}) {
				t.Errorf("credentials %q", p.auth)
			}
		})
	}
	t.Run("wrong for socks5", func(t *testing.T) {
		p := &testProxy{user: "a", pass: "b"}
		u := p.start(t, "socks5")
		u.User = url.UserPassword("a", "secret")
		_, _, err := Dial(t.Context(), "ws://example.com/", &DialOptions{Proxy: http.ProxyURL(u)})
		if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "proxy socks5://") {
			t.Errorf("%v", err)
		}
	})
}

func TestDialReportsAProxyThatRefuses(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for _, scheme := range []string{"http", "https"} {
		for _, c := range []struct {
			name, answer string
			status       int
			body         string
		}{
			{"407", "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nwho?", 407, "who?"},
			{"502, a long body", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3000\r\n\r\n" + long, 502, long[:1024]},
			{"503, HTTP/1.0", "HTTP/1.0 503 Busy\r\nContent-Length: 2\r\n\r\nno", 503, "no"},
			{"101 is no tunnel", "HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, ""},
			{"204 is no tunnel to us", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
			{"a redirect is not followed", "HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n", 302, ""},
		} {
			t.Run(scheme+" "+c.name, func(t *testing.T) {
				p := &testProxy{answer: c.answer}
				u := p.start(t, scheme)
				u.User = url.UserPassword("user", "secret")
				_, res, err := Dial(t.Context(), "ws://example.com/", &DialOptions{TLS: trusted(), Proxy: http.ProxyURL(u), MaxRedirects: 5})
				var pe *ProxyError
				var de *DialError
				if res != nil || !errors.As(err, &pe) || !errors.As(err, &de) {
					t.Fatalf("%v, %v", res, err)
				}
				if pe.Status != c.status || string(pe.Body) != c.body || pe.Proxy != scheme+"://"+u.Host || de.Status != 0 {
					t.Errorf("status %d, proxy %s, body %.20q of %d bytes; status of the server %d", pe.Status, pe.Proxy, pe.Body, len(pe.Body), de.Status)
				}
				if msg := err.Error(); strings.Contains(msg, "secret") || !strings.Contains(msg, fmt.Sprint(c.status)) {
					t.Error(msg)
				}
			})
		}
	}
}

func TestDialBoundsWhatAProxyMaySend(t *testing.T) {
	for name, answer := range map[string]string{
		"endless line":   "HTTP/1.1 200 " + strings.Repeat("x", 1<<20),
		"endless head":   "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 1<<18),
		"endless 1xx":    strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1<<12),
		"garbage":        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
		"another server": "220 smtp.example ESMTP\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := &testProxy{answer: answer}
			_, res, err := Dial(t.Context(), "ws://example.com/", &DialOptions{Proxy: http.ProxyURL(p.start(t, "http"))})
			if res != nil || err == nil || !strings.Contains(err.Error(), "proxy http://127.0.0.1") {
				t.Errorf("%v, %v", res, err)
			}
		})
	}
}

func TestDialReportsASOCKSProxyThatRefuses(t *testing.T) {
	p := &testProxy{reply: 5} // RFC 1928, 6: connection refused
	_, res, err := Dial(t.Context(), "ws://example.com/", &DialOptions{Proxy: http.ProxyURL(p.start(t, "socks5"))})
	if res != nil || err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("%v, %v", res, err)
	}
}

func TestDialTakesAnHTTP10ProxysTunnel(t *testing.T) {
	plain := dialPeer(t, dialAnswer(dialHello))
	p := &testProxy{to: plain, good: "HTTP/1.0 200 Connection established\r\nProxy-Agent: old\r\n\r\n"}
	c, _ := mustDial(t, "ws://example.com/", &DialOptions{Proxy: http.ProxyURL(p.start(t, "http"))})
	wantHello(t, c)
}

// A server may be quick, and its proxy may put the first bytes of the tunnel
// into the segment of its own answer.
func TestDialKeepsBytesBehindTheProxysAnswer(t *testing.T) {
	const good = "HTTP/1.1 200 OK\r\n\r\n"
	t.Run("plain", func(t *testing.T) {
		const early = "HTTP/1.1 100 Continue\r\n\r\n"
		p := &testProxy{to: dialPeer(t, dialAnswer(dialHello)), good: good + early}
		c, _ := mustDial(t, "ws://example.com/", &DialOptions{Proxy: http.ProxyURL(p.start(t, "http"))})
		wantHello(t, c)
	})
	t.Run("TLS", func(t *testing.T) {
		// TLS servers do not speak first, so the bytes show as what they
		// are: no record.
		p := &testProxy{to: dialPeer(t, overTLS(dialAnswer(dialHello))), good: good + "early"}
		_, _, err := Dial(t.Context(), "wss://example.com/", &DialOptions{TLS: trusted(), Proxy: http.ProxyURL(p.start(t, "http"))})
		var re tls.RecordHeaderError
		if !errors.As(err, &re) || string(re.RecordHeader[:]) != "early" {
			t.Errorf("%v", err)
		}
	})
}

func TestEarlyConnReadsOnBehindTheEarlyBytes(t *testing.T) {
	client, server := memconn.Pipe()
	defer client.Close()
	io.WriteString(server, "late")
	server.Close()
	c := behind(client, []byte("early "))
	if b, err := io.ReadAll(iotest.OneByteReader(c)); string(b) != "early late" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if behind(client, nil) != net.Conn(client) {
		t.Error("a connection without early bytes was wrapped")
	}
}

func TestDialVerifiesAnHTTPSProxyForItsOwnName(t *testing.T) {
	secure := dialPeer(t, overTLS(dialAnswer(dialHello)))
	p := &testProxy{to: secure}
	u := p.start(t, "https")
	to := &dialTo{addr: u.Host}
	o := &DialOptions{TLS: trusted(), NetDial: to.dial}
	o.TLS.ServerName = "example.com" // for the server alone
	for _, c := range []struct {
		host string
		ok   bool
	}{
		{"example.com:8443", true},
		{"127.0.0.1", true},
		{"proxy.example.org", false},
	} {
		o.Proxy = http.ProxyURL(&url.URL{Scheme: "https", Host: c.host})
		conn, _, err := Dial(t.Context(), "wss://example.org/", o)
		if conn != nil {
			wantHello(t, conn)
			conn.CloseNow()
		}
		var cert *tls.CertificateVerificationError
		if (err == nil) != c.ok || !c.ok && !errors.As(err, &cert) {
			t.Errorf("proxy %s: %v", c.host, err)
		}
	}
	if got := to.String(); got != "tcp example.com:8443, tcp 127.0.0.1:443, tcp proxy.example.org:443" {
		t.Errorf("the caller's dialer was asked for %s", got)
	}
}

func TestDialConnectsToProxiesWithTheCallersDialer(t *testing.T) {
	plain := dialPeer(t, dialAnswer(dialHello))
	for scheme, want := range map[string]string{
		"http": "tcp p.example:80", "socks5": "tcp p.example:1080", "socks5h": "tcp p.example:1080",
	} {
		p := &testProxy{to: plain}
		to := &dialTo{addr: p.start(t, scheme).Host}
		o := &DialOptions{Proxy: http.ProxyURL(&url.URL{Scheme: scheme, Host: "p.example"}), NetDial: to.dial}
		c, _ := mustDial(t, "ws://example.com/", o)
		wantHello(t, c)
		if got := to.String(); got != want {
			t.Errorf("%s: the dialer was asked for %s, want %s", scheme, got, want)
		}
	}
}

func TestDialAsksTheProxyFunctionInHTTPTerms(t *testing.T) {
	for raw, want := range map[string]string{
		"ws://user:pw@example.com/x?y":  "http://example.com/x?y",
		"wss://user:pw@example.com/x?y": "https://example.com/x?y",
	} {
		stop := errors.New("stop")
		o := &DialOptions{Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.String() != want || r.Header.Get("Upgrade") != "websocket" {
				t.Errorf("asked for %s, %v; want %s", r.URL, r.Header, want)
			}
			return nil, stop
		}}
		if _, _, err := Dial(t.Context(), raw, o); !errors.Is(err, stop) {
			t.Errorf("%v", err)
		}
	}
}

func TestDialRefusesProxiesThatItCanNotUse(t *testing.T) {
	for _, raw := range []string{"ftp://p.example", "socks4://p.example", "http://", "//p.example"} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Dial(t.Context(), "ws://example.com/", &DialOptions{Proxy: http.ProxyURL(u)}); err == nil || !strings.Contains(err.Error(), "the proxy's") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestDialReadsProxiesFromTheEnvironment(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"} {
		t.Setenv(name, "")
		t.Setenv(strings.ToLower(name), "")
	}
	t.Setenv("REQUEST_METHOD", "")
	plain, secure := dialPeer(t, dialAnswer(dialHello)), dialPeer(t, overTLS(dialAnswer(dialHello)))
	for _, c := range []struct {
		name, url, to string
		env           map[string]string // % is the proxy's address
		scheme        string
		asked         string // "" for a connection without the proxy
	}{
		{"ws as http", "ws://example.com/", plain, map[string]string{"HTTP_PROXY": "http://%"}, "http", "CONNECT example.com:80 example.com:80"},
		{"ws is not https", "ws://example.com/", plain, map[string]string{"HTTPS_PROXY": "http://%"}, "http", ""},
		{"wss as https", "wss://example.com/", secure, map[string]string{"HTTPS_PROXY": "http://%"}, "http", "CONNECT example.com:443 example.com:443"},
		{"wss is not http", "wss://example.com/", secure, map[string]string{"HTTP_PROXY": "http://%"}, "http", ""},
		{"without a scheme", "ws://example.com/", plain, map[string]string{"http_proxy": "%"}, "http", "CONNECT example.com:80 example.com:80"},
		{"SOCKS5", "wss://example.com/", secure, map[string]string{"https_proxy": "socks5://%"}, "socks5", "name example.com:443"},
		{"all, ws", "ws://example.com/", plain, map[string]string{"ALL_PROXY": "socks5://%"}, "socks5", "name example.com:80"},
		{"all, wss", "wss://example.com/", secure, map[string]string{"all_proxy": "socks5://%"}, "socks5", "name example.com:443"},
		{"all, but one of its own", "ws://example.com/", plain, map[string]string{"ALL_PROXY": "socks5://127.0.0.1:1", "HTTP_PROXY": "%"}, "http", "CONNECT example.com:80 example.com:80"},
		{"none", "ws://example.com/", plain, map[string]string{"ALL_PROXY": "http://%", "NO_PROXY": "example.com"}, "http", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &testProxy{to: c.to}
			u := p.start(t, c.scheme)
			for k, v := range c.env {
				t.Setenv(k, strings.ReplaceAll(v, "%", u.Host))
			}
			// Whoever asks for the server without a proxy gets it.
			to := &dialTo{addr: c.to}
			o := &DialOptions{TLS: trusted(), NetDial: to.dial}
			if c.asked != "" {
				o.NetDial = nil
			}
			conn, _ := mustDial(t, c.url, o)
			wantHello(t, conn)
			if c.asked == "" {
				p.was(t, nil, nil)
			} else {
				p.was(t, []string{c.asked}, nil)
			}
		})
	}
}
