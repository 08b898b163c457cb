package pushwire

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// Dial opens a WebSocket connection to a ws or wss URL; http and https are
// taken for them. User information in the URL becomes Basic authorization,
// unless o.Header has an Authorization field. o may be nil.
//
// ctx bounds the opening handshake, which gets 10 s in all if ctx has no
// deadline. Once Dial has returned, ctx has no more say over the connection;
// its values stay reachable through [Conn.Context]. o.NetDial, o.Proxy and
// o.Jar are called from within Dial and must themselves give up when ctx
// ends, as net.Dialer does (a look-up of a name that it has given up may stay
// behind in Go's resolver for a few seconds more).
//
// o.Header may hold Host and Origin. The fields of the handshake itself can't
// be set; a field that is not valid is an error and never rewritten.
//
// o.Proxy gets a request with an http or https URL and the field Upgrade:
// websocket, so that [net/http.ProxyFromEnvironment] and the like work.
// o.TLS is used for an https proxy as well, with the proxy's name.
//
// A redirect to another origin (scheme, host, port) does not get the
// Authorization, Cookie, Proxy-Authorization and Host of o.Header, nor the
// URL's user information, nor the client certificates of o.TLS, nor is its
// ServerName asked for there; and neither do further hops. It gets all other fields of o.Header. Cookies of the Jar
// follow the Jar's rules. Dial does not go from wss to ws.
//
// The error is a [*DialError]. The response is nil if no answer came.
// Otherwise, on success as on failure, it has status and header; after a
// refusal its Body holds the first KiB of the body, and need not be closed.
//
// RFC 6455, 4.1, wants a client to have one connection per address in its
// opening handshake at a time. That restrains scripts which a browser loads
// from anywhere; Dial leaves it to the program.
func Dial(ctx context.Context, rawURL string, o *DialOptions) (*Conn, *http.Response, error) {
	if o == nil {
		o = &DialOptions{}
	}
	to, err := parseTarget(rawURL)
	if err != nil {
		return nil, nil, &DialError{URL: withoutUser(rawURL), Err: err}
	}
	d := &dialing{o: o, tls: o.TLS, to: to}
	err = o.Deflate.check()
	if err == nil {
		err = d.takeHeader()
	}
	if err != nil {
		return nil, nil, &DialError{URL: to.String(), Err: err}
	}
	base := ctx
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, handshakeTimeout, errHandshakeTimeout)
		defer cancel()
	}
	d.ctx = ctx

	for redirects := 0; ; redirects++ {
		a, err := d.hop()
		if err == nil && a.head.Status == http.StatusSwitchingProtocols {
			if err = d.release(); err == nil {
				// A copy, so that no idle connection keeps the buffer.
				c := newConn(base, a.conn, frame.Client, &o.Config, a.agreed, bytes.Clone(a.unread), nil)
				return c, a.response(), nil
			}
		}
		from := d.to
		if err == nil {
			err = d.redirect(a, redirects) // nil: d.to is the next hop
		}
		if err != nil {
			de := &DialError{URL: from.String(), Err: err}
			if a != nil {
				a.readBody(d.raw)
				de.Status = a.head.Status
			}
			d.drop()
			return nil, a.response(), de
		}
		d.drop()
	}
}

// dialing is one call of Dial. One goroutine uses it; only the context's end
// comes from another, and closes raw.
type dialing struct {
	ctx context.Context
	o   *DialOptions
	to  target // of this hop

	// What the next request carries, less after a redirect elsewhere.
	header       http.Header // o.Header without Host and Origin
	host, origin string      // from o.Header, else ""
	tls          *tls.Config // o.TLS, or without client certificates

	raw  net.Conn    // of this hop, below TLS and proxies
	stop func() bool // takes the context's hold off raw
}

// connect makes the socket of a hop, which from then on closes when the
// context ends.
func (d *dialing) connect(addr string) (net.Conn, error) {
	dial := d.o.NetDial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	nc, err := dial(d.ctx, "tcp", addr)
	if err != nil {
		return nil, during(d.ctx, "connecting to "+addr, err)
	}
	d.raw = nc
	d.stop = context.AfterFunc(d.ctx, func() { nc.Close() })
	return nc, nil
}

// drop gives up the socket of this hop. TLS is not asked to say goodbye,
// which could wait for a peer that does not read.
func (d *dialing) drop() {
	if d.raw != nil {
		d.stop()
		d.raw.Close()
		d.raw = nil
	}
}

// release makes the socket independent of the context, or fails if that has
// ended and closed it.
func (d *dialing) release() error {
	if d.stop() {
		return nil
	}
	return during(d.ctx, "finishing the handshake", net.ErrClosed)
}

// hop connects to d.to, sends the request and reads the answer. The answer
// is nil where none came; it comes with an error if it is a 101 that does not
// hold.
func (d *dialing) hop() (*answer, error) {
	if err := d.ctx.Err(); err != nil {
		return nil, during(d.ctx, "starting", err)
	}
	req := d.request()
	b, err := handshake.AppendRequest(nil, req) // before anybody is bothered
	if err != nil {
		return nil, err
	}
	nc, early, err := d.route()
	if err != nil {
		return nil, err
	}
	if d.to.secure() {
		if nc, err = d.startTLS(behind(nc, early), d.to.host(), d.tls); err != nil {
			return nil, err
		}
		early = nil
	}
	if _, err := nc.Write(b); err != nil {
		return nil, during(d.ctx, "sending the request", err)
	}
	a, err := readAnswer(nc, early)
	if err != nil {
		return nil, during(d.ctx, "waiting for the server's answer", err)
	}
	a.url = d.to.http()
	d.takeCookies(a.head.Header)
	if a.head.Status != http.StatusSwitchingProtocols {
		return a, nil
	}
	if err := a.head.Check(req); err != nil {
		return a, err
	}
	a.agreed, err = d.o.agree(&a.head)
	return a, err
}

// request is the opening handshake for d.to.
func (d *dialing) request() *handshake.Request {
	h := d.header.Clone()
	d.addCookies(h)
	d.addAuthorization(h)
	host := d.host
	if host == "" {
		host = d.to.hostField()
	}
	return &handshake.Request{
		Method: http.MethodGet,
		Target: d.to.resource(),
		Host:   host,
		Origin: d.origin,
		// RFC 6455, 4.1: "The nonce MUST be selected randomly for each
		// connection."
		Key:        handshake.NewKey(),
		Protocols:  d.o.Protocols,
		Extensions: d.o.offer(),
		Header:     h,
		Secure:     d.to.secure(),
	}
}

// startTLS does the TLS handshake over nc for name. cfg is not modified.
//
// RFC 6455, 4.1: "If /secure/ is true, the client MUST perform a TLS
// handshake over the connection after opening the connection and before
// sending the handshake data", "Clients MUST use the Server Name Indication
// extension".
func (d *dialing) startTLS(nc net.Conn, name string, cfg *tls.Config) (net.Conn, error) {
	cfg = cfg.Clone()
	if cfg == nil {
		cfg = &tls.Config{}
	}
	if cfg.ServerName == "" {
		cfg.ServerName = withoutZone(name)
	}
	if cfg.NextProtos == nil {
		cfg.NextProtos = []string{"http/1.1"}
	}
	tc := tls.Client(nc, cfg)
	if err := tc.HandshakeContext(d.ctx); err != nil {
		return nil, during(d.ctx, "TLS handshake with "+name, err)
	}
	if p := tc.ConnectionState().NegotiatedProtocol; p != "" && p != "http/1.1" {
		return nil, fmt.Errorf("TLS handshake with %s: it chose the protocol %q, and the opening handshake needs http/1.1 (see NextProtos in DialOptions.TLS)", name, p)
	}
	return tc, nil
}
