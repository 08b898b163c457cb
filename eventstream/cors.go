package eventstream

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pushwire/pushwire/handshake"
)

// DefaultMaxAge is for how long a browser may remember a preflight request.
// Chromium does so for two hours at most.
const DefaultMaxAge = 2 * time.Hour

// CORS lets pages of other origins read a stream (the CORS protocol of the
// Fetch standard, 3.2).
//
// The origins are those of package handshake: pages of the server's own origin
// are always welcome, Allow lists others, Any lets in all. A page of an origin
// that is not welcome gets 403 and no stream.
//
// A browser asks first, by a preflight request with OPTIONS, when the page
// adds fields of its own, and when it comes back with a Last-Event-ID longer
// than 128 bytes or with bytes such as quotes in it. Accept answers that, so
// the handler has to be reachable with OPTIONS.
type CORS struct {
	handshake.Origins
	// Credentials lets the page send cookies. It can't go with Any.
	Credentials bool
	// Headers are request fields that pages may set, beside Last-Event-ID,
	// Cache-Control and Content-Type.
	Headers []string
	// MaxAge is for how long the answer to a preflight request holds; 0 is
	// 2 h, negative is none.
	MaxAge time.Duration
}

// fields are those that go with every answer. The error is a *RequestError
// for an origin that is not welcome.
func (c *CORS) fields(r *http.Request) (http.Header, error) {
	if c == nil {
		return nil, nil
	}
	if c.Any && c.Credentials {
		return nil, errors.New("eventstream: accept: CORS.Credentials can't go with Any: every page in the world could read with the cookies of its visitor")
	}
	h := make(http.Header)
	if c.Any {
		h.Set("Access-Control-Allow-Origin", "*")
		return h, nil
	}
	// Caches must not give one origin's answer to another (Fetch, 3.2.5).
	h.Set("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return h, nil
	}
	if err := c.Check(&handshake.Request{Host: r.Host, Header: r.Header, Secure: r.TLS != nil}); err != nil {
		return nil, &RequestError{Status: http.StatusForbidden, Reason: "pages of this origin may not read the stream", header: h}
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if c.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	return h, nil
}

// isPreflight reports whether an OPTIONS request is one of CORS.
func isPreflight(r *http.Request) bool {
	return r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// preflight is the answer to a preflight request, with the fields of h.
func (c *CORS) preflight(h http.Header) error {
	vary(h, "Access-Control-Request-Method", "Access-Control-Request-Headers")
	names := append([]string{"Last-Event-ID", "Cache-Control", "Content-Type"}, c.Headers...)
	answer := http.Header{
		"Access-Control-Allow-Methods": {"GET, POST"},
		"Access-Control-Allow-Headers": {strings.Join(names, ", ")},
	}
	if age := orDefault(c.MaxAge, DefaultMaxAge); age > 0 {
		answer.Set("Access-Control-Max-Age", strconv.FormatInt(int64(age/time.Second), 10))
	}
	return refused(h, &RequestError{Status: http.StatusNoContent, Reason: "it is a preflight request of CORS", header: answer})
}
