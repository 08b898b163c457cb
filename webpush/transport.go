package webpush

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"time"
)

const (
	dialTime      = 10 * time.Second
	keepAliveTime = 30 * time.Second
	idleTime      = 90 * time.Second
	maxIdle       = 256      // connections that are kept, to all push services; vendors have a handful of them
	maxHeader     = 32 << 10 // bytes of an answer's header
)

// transport returns what requests go out by. With none of the application's
// own it is made here, and knows no proxy: a guard can't see behind one.
func (c *Client) transport() (http.RoundTripper, error) {
	var given http.RoundTripper
	if c.HTTP != nil {
		given = c.HTTP.Transport
	}
	switch t := given.(type) {
	case nil:
		d := &net.Dialer{Timeout: dialTime, KeepAlive: keepAliveTime, Control: c.Guard.Control}
		return &http.Transport{
			DialContext:            d.DialContext,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // of answers: nothing here is worth it, and a bomb stays small
			MaxIdleConnsPerHost:    c.perOrigin(),
			MaxIdleConns:           max(maxIdle, c.perOrigin()),
			MaxResponseHeaderBytes: maxHeader,
			IdleConnTimeout:        idleTime,
			TLSHandshakeTimeout:    dialTime,
		}, nil
	case *http.Transport:
		if c.Guard.Any {
			return t, nil
		}
		return c.guarded(t), nil
	default:
		if c.Guard.Any {
			return t, nil
		}
		return nil, faultTransport.config(t)
	}
}

// errNoConn is what is wrong with a dialer that returns neither a connection nor
// an error.
var errNoConn = errors.New("webpush: the dialer of the client's HTTP gave neither a connection nor an error")

// guarded returns a copy of t whose connections are looked at before anything
// is sent over them. Where t has no dialer of its own they are not even made.
func (c *Client) guarded(t *http.Transport) *http.Transport {
	t = t.Clone()
	// A transport with a dialer does not speak HTTP/2 by itself. Clone has set
	// up the one that was given, so what it would have spoken shows here.
	if t.TLSClientConfig != nil && slices.Contains(t.TLSClientConfig.NextProtos, "h2") {
		t.ForceAttemptHTTP2 = true
	}
	check := func(nc net.Conn, err error) (net.Conn, error) {
		if err != nil {
			return nil, err
		}
		if nc == nil { // net/http would panic
			return nil, errNoConn
		}
		if err := c.Guard.checkConn(nc); err != nil {
			nc.Close()
			return nil, err
		}
		return nc, nil
	}
	dial := t.DialContext
	//lint:ignore SA1019 net/http still uses it, so it has to be guarded
	if old := t.Dial; dial == nil && old != nil {
		dial = func(_ context.Context, network, addr string) (net.Conn, error) { return old(network, addr) }
	}
	if dial == nil {
		d := &net.Dialer{Timeout: dialTime, KeepAlive: keepAliveTime, Control: c.Guard.Control}
		t.DialContext = d.DialContext
	} else {
		t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			return check(dial(ctx, network, addr))
		}
	}
	if dial := t.DialTLSContext; dial != nil {
		t.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			return check(dial(ctx, network, addr))
		}
	}
	//lint:ignore SA1019 as above
	if dial := t.DialTLS; dial != nil {
		//lint:ignore SA1019 as above
		t.DialTLS = func(network, addr string) (net.Conn, error) { return check(dial(network, addr)) }
	}
	return t
}
