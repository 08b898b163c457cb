package webpush

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// An outgoing message is encrypted once and then tried, maybe several times: a
// service that got it before may know it again.
type outgoing struct {
	url    *url.URL
	origin string
	fields fields
	m      *Message
	body   []byte // nil without a payload
}

// prepare reads the subscription and encrypts the message for it.
func (c *Client) prepare(sub *Subscription, m *Message) (*outgoing, error) {
	if err := c.setup(); err != nil {
		return nil, err
	}
	if sub == nil {
		return nil, faultSubscriptionMissing.subscription()
	}
	if m == nil {
		m = &Message{} // which has no data
	}
	f, err := m.check()
	if err != nil {
		return nil, err
	}
	u, err := parseEndpoint(sub.Endpoint)
	if err != nil {
		return nil, err
	}
	public, auth, err := sub.Keys.decode()
	if err != nil {
		return nil, err
	}
	out := &outgoing{url: u, origin: originOf(u), fields: f, m: m}
	if m.Payload != nil {
		out.body, err = seal(public, &auth, m.Payload, paddedSize(len(m.Payload), m.Pad))
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// NewRequest returns the request that sends m to sub, for those who send it by
// themselves: encrypted, with a token, and ready for any http.Client. What sends
// it has to do what [Client.Send] does with the answer, and has no [Guard].
func (c *Client) NewRequest(ctx context.Context, sub *Subscription, m *Message) (*http.Request, error) {
	out, err := c.prepare(sub, m)
	if err != nil {
		return nil, err
	}
	return c.request(ctx, out)
}

// linkReceipt begins the Link field that names a receipt subscription, RFC
// 8030, 5.1.
const relReceipt = "urn:ietf:params:push:receipt"

func (c *Client) request(ctx context.Context, out *outgoing) (*http.Request, error) {
	auth, receipt, err := c.origins.authorization(ctx, c.Key, out.origin, c.contact)
	if err != nil {
		return nil, fmt.Errorf("webpush: no token for %s: %w", out.origin, err)
	}
	// The values of all fields are cut from one slice.
	values := make([]string, 0, 8)
	h := make(http.Header, 8)
	set := func(name, value string) {
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	set("Authorization", auth)
	set("Ttl", out.fields.ttl)
	if out.m.Urgency != "" {
		set("Urgency", string(out.m.Urgency))
	}
	if out.m.Topic != "" {
		set("Topic", out.m.Topic)
	}
	if out.m.Receipt {
		// RFC 8030, 5.1: "An application server can include the Prefer header
		// field [RFC7240] with the "respond-async" preference"
		set("Prefer", "respond-async")
		if receipt != "" {
			set("Link", "<"+receipt+`>; rel="`+relReceipt+`"`)
		}
	}
	body := http.NoBody
	r := &http.Request{Method: http.MethodPost, URL: out.url, Host: out.url.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: body}
	if out.body != nil {
		// RFC 8291, 4: "The Content-Encoding header field therefore has exactly
		// one value, which is "aes128gcm"."
		set("Content-Encoding", "aes128gcm")
		set("Content-Type", out.fields.contentType)
		r.Body = readBody(out.body)
		r.GetBody = func() (io.ReadCloser, error) { return readBody(out.body), nil }
		r.ContentLength = int64(len(out.body))
	}
	return r.WithContext(ctx), nil
}

type bodyReader struct{ bytes.Reader }

func (*bodyReader) Close() error { return nil }

func readBody(b []byte) io.ReadCloser {
	r := &bodyReader{}
	r.Reset(b)
	return r
}
