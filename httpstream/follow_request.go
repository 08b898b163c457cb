package httpstream

import (
	"context"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/topic"
)

// target is the URL that is followed or published to.
type target struct {
	url   url.URL // http or https, without fragment
	query string  // that of the caller
}

// parseTarget takes an absolute http, https, ws or wss URL.
func parseTarget(raw string) (t target, err error) {
	u, err := url.Parse(raw)
	if err != nil {
		return t, fmt.Errorf("httpstream: the URL is not valid: %w", err)
	}
	switch u.Scheme {
	case "http", "https":
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	default:
		return t, fmt.Errorf("httpstream: the URL %.200q has the scheme %.20q and not http, https, ws or wss", u.Redacted(), u.Scheme)
	}
	if u.Host == "" {
		return t, fmt.Errorf("httpstream: the URL %.200q has no host", u.Redacted())
	}
	u.Fragment, u.RawFragment = "", ""
	t.url = *u
	t.query = withoutOurs(u.RawQuery)
	return t, nil
}

// withoutOurs takes out of a query what Follow sets itself. The rest stays as
// it is, byte for byte: it may be signed.
func withoutOurs(query string) string {
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		switch name {
		case "", "after", "wait", "limit":
		default:
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// with returns the URL with name, value pairs in its query.
func (t *target) with(pairs ...string) string {
	q := t.query
	for i := 0; i < len(pairs); i += 2 {
		if q != "" {
			q += "&"
		}
		q += pairs[i] + "=" + url.QueryEscape(pairs[i+1])
	}
	u := t.url
	u.RawQuery = q
	return u.String()
}

// at returns the URL for what follows a cursor.
func (t *target) at(after topic.Cursor, pairs ...string) string {
	if after != "" {
		pairs = append(pairs, "after", string(after))
	}
	return t.with(pairs...)
}

// get sends a request whose answer is wanted in a media type.
func (f *follower) get(l *link, url, mediaType string) (*http.Response, error) {
	ctx := httptrace.WithClientTrace(l.ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { l.reached.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, &finalError{fmt.Errorf("httpstream: follow: %w", err)}
	}
	setHeader(req, f.o.Header)
	req.Header.Set("Accept", mediaType)
	if req.Header.Get("Cache-Control") == "" {
		req.Header.Set("Cache-Control", "no-cache")
	}
	if mediaType != typeJSON && req.Header.Get("Accept-Encoding") == "" {
		// What compresses on the way also collects before it sends.
		req.Header.Set("Accept-Encoding", "identity")
	}
	res, err := f.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("httpstream: follow: %w", err)
	}
	return res, nil
}

// setHeader puts the caller's fields into a request.
func setHeader(req *http.Request, h http.Header) {
	for name, values := range h {
		if name = http.CanonicalHeaderKey(name); name == "Host" && len(values) > 0 {
			req.Host = values[0]
		}
		req.Header[name] = append([]string(nil), values...)
	}
}

// untimed is the client, without a time for the whole of an answer.
func untimed(c *http.Client) *http.Client {
	if c == nil {
		return http.DefaultClient
	}
	if c.Timeout == 0 {
		return c
	}
	u := *c
	u.Timeout = 0
	return &u
}

// dialOptions are those of the WebSocket handshake.
func (o *FollowOptions) dialOptions(c *http.Client) *pushwire.DialOptions {
	d := &pushwire.DialOptions{}
	if o.Dial != nil {
		*d = *o.Dial
	} else {
		d.MaxRedirects = 10
		d.Jar = c.Jar
		likeTransport(d, c.Transport)
	}
	h := make(http.Header)
	for _, from := range []http.Header{d.Header, o.Header} {
		for name, values := range from {
			h[http.CanonicalHeaderKey(name)] = values
		}
	}
	d.Header = h
	if d.MaxMessage == 0 {
		d.MaxMessage = int64(o.MaxMessage)
	}
	if d.Ping == 0 && d.PongTimeout == 0 {
		d.Ping, d.PongTimeout = o.Idle/2, o.Idle/2
	}
	return d
}

// likeTransport lets a WebSocket go the way of the other requests.
func likeTransport(d *pushwire.DialOptions, rt http.RoundTripper) {
	if rt == nil {
		rt = http.DefaultTransport
	}
	t, ok := rt.(*http.Transport)
	if !ok {
		return
	}
	t = t.Clone() // which waits for what net/http changes in it at first use
	d.NetDial = t.DialContext
	d.Proxy = t.Proxy
	if d.Proxy == nil {
		d.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	}
	if d.TLS = t.TLSClientConfig; d.TLS != nil {
		d.TLS.NextProtos = nil // h2, of net/http
	}
}

// reaching returns a dial function that notes success.
func (l *link) reaching(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := dial(ctx, network, addr)
		if err == nil {
			l.reached.Store(true)
		}
		return nc, err
	}
}

func hasMediaType(field, want string) bool {
	essence, _, err := mime.ParseMediaType(field)
	return err == nil && essence == want
}
