package pushwire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/http/httpproxy"
	"golang.org/x/net/proxy"
)

// route opens the way to d.to: directly or through a proxy. early is what
// came from the other end already.
//
// RFC 6455, 4.1: "If the client is configured to use a proxy when using the
// WebSocket Protocol to connect to host /host/ and port /port/, then the
// client SHOULD connect to that proxy and ask it to open a TCP connection to
// the host given by /host/ and the port given by /port/."
func (d *dialing) route() (nc net.Conn, early []byte, err error) {
	p, err := d.proxyURL()
	if err != nil {
		return nil, nil, err
	}
	if p == nil {
		nc, err = d.connect(d.to.addr())
		return nc, nil, err
	}
	switch p.Scheme {
	case "http", "https":
		return d.tunnel(p)
	case "socks5", "socks5h":
		nc, err = d.socks(p)
		return nc, nil, err
	}
	return nil, nil, fmt.Errorf("the proxy's scheme %q is none of http, https, socks5 and socks5h", p.Scheme)
}

// proxyURL is the proxy for d.to, nil for none.
//
// RFC 6455, 4.1, has proxy scripts asked with a ws or wss URL; Go's proxy
// functions know http and https only, and can tell by the field Upgrade.
func (d *dialing) proxyURL() (*url.URL, error) {
	to := d.to.http()
	var p *url.URL
	var err error
	if d.o.Proxy == nil {
		p, err = environmentProxy(to)
	} else {
		r := &http.Request{Method: http.MethodGet, URL: to, Host: to.Host, Header: http.Header{"Upgrade": {"websocket"}}}
		p, err = d.o.Proxy(r.WithContext(d.ctx))
	}
	if err != nil {
		return nil, during(d.ctx, "choosing a proxy", err)
	}
	if p == nil {
		return nil, nil
	}
	host, err := asciiHost(p.Hostname())
	if err != nil {
		return nil, fmt.Errorf("the proxy's URL is of no use: %w", err)
	}
	c := &url.URL{Scheme: strings.ToLower(p.Scheme), User: p.User, Host: host}
	if strings.Contains(host, ":") {
		c.Host = "[" + host + "]"
	}
	if port := p.Port(); port != "" {
		c.Host += ":" + port
	}
	return c, nil
}

// environmentProxy reads the environment each time, so that a test or a long
// running program can change it. ALL_PROXY stands in where the scheme has no
// proxy of its own; httpproxy does not know it.
func environmentProxy(to *url.URL) (*url.URL, error) {
	c := httpproxy.FromEnvironment()
	all := os.Getenv("all_proxy")
	if all == "" {
		all = os.Getenv("ALL_PROXY")
	}
	if c.HTTPProxy == "" && all != "" {
		c.HTTPProxy = all
		c.CGI = false // that is about HTTP_PROXY, which a request can set
	}
	if c.HTTPSProxy == "" {
		c.HTTPSProxy = all
	}
	return c.ProxyFunc()(to)
}

// tunnel asks an http or https proxy for a connection to d.to (RFC 9110,
// 9.3.6).
func (d *dialing) tunnel(p *url.URL) (net.Conn, []byte, error) {
	nc, err := d.connect(hostPort(p))
	if err != nil {
		return nil, nil, viaProxy(p, err)
	}
	if p.Scheme == "https" {
		cfg := d.o.TLS.Clone()
		if cfg != nil {
			// Both are the server's, and so is what was to be agreed on
			// with it.
			cfg.ServerName, cfg.EncryptedClientHelloConfigList, cfg.NextProtos = "", nil, nil
		}
		if nc, err = d.startTLS(nc, p.Hostname(), cfg); err != nil {
			return nil, nil, viaProxy(p, err)
		}
	}
	to := net.JoinHostPort(withoutZone(d.to.host()), portOf(d.to.url))
	b := []byte("CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n")
	if p.User != nil {
		b = append(b, "Proxy-Authorization: "+basicAuth(p.User)+"\r\n"...)
	}
	b = append(b, "\r\n"...)
	if _, err := nc.Write(b); err != nil {
		return nil, nil, viaProxy(p, during(d.ctx, "sending CONNECT", err))
	}
	a, err := readAnswer(nc, nil)
	if err != nil {
		return nil, nil, viaProxy(p, during(d.ctx, "waiting for the answer to CONNECT", err))
	}
	if a.head.Status != http.StatusOK {
		a.readBody(d.raw)
		return nil, nil, &ProxyError{Proxy: withoutUser(p.String()), Status: a.head.Status, Phrase: a.head.Phrase, Body: a.body}
	}
	return nc, a.unread, nil
}

// socks asks a SOCKS5 proxy (RFC 1928) for a connection to d.to, by name:
// the proxy looks it up, for socks5 as for socks5h.
func (d *dialing) socks(p *url.URL) (net.Conn, error) {
	var auth *proxy.Auth
	if p.User != nil {
		password, _ := p.User.Password()
		auth = &proxy.Auth{User: p.User.Username(), Password: password}
	}
	// What the dialer returns is a wrapper; the Conn is to have the socket.
	var nc net.Conn
	var missed error // at the proxy itself, clearer than the dialer's words
	s, err := proxy.SOCKS5("tcp", hostPort(p), auth, dialFunc(func(_ context.Context, _, addr string) (net.Conn, error) {
		nc, missed = d.connect(addr)
		return nc, missed
	}))
	if err != nil {
		return nil, viaProxy(p, err)
	}
	cd, ok := s.(proxy.ContextDialer)
	if !ok {
		return nil, viaProxy(p, errors.New("x/net/proxy has a SOCKS5 dialer that takes no context"))
	}
	_, err = cd.DialContext(d.ctx, "tcp", d.to.addr())
	if missed != nil {
		return nil, viaProxy(p, missed)
	}
	if err != nil {
		return nil, viaProxy(p, during(d.ctx, "asking for "+d.to.addr(), err))
	}
	return nc, nil
}

// viaProxy names the proxy at which err came up.
func viaProxy(p *url.URL, err error) error {
	return fmt.Errorf("proxy %s: %w", withoutUser(p.String()), err)
}

// dialFunc is a function as both dialers of x/net/proxy.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

func (f dialFunc) Dial(network, addr string) (net.Conn, error) {
	return f(context.Background(), network, addr)
}

func (f dialFunc) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return f(ctx, network, addr)
}

// earlyConn gives back bytes that were read too early. It is only ever below
// TLS, where nobody needs the type of the socket.
type earlyConn struct {
	net.Conn
	early []byte // of the goroutine that reads
}

func behind(nc net.Conn, early []byte) net.Conn {
	if len(early) == 0 {
		return nc
	}
	return &earlyConn{nc, early}
}

func (c *earlyConn) Read(p []byte) (int, error) {
	if len(c.early) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.early)
	c.early = c.early[n:]
	if len(c.early) == 0 {
		c.early = nil
	}
	return n, nil
}
