package webpush

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Accepted is what a push service says of a message that it has taken. It has
// not been delivered then: RFC 8030, 5 says no more than that.
type Accepted struct {
	StatusCode int           // 201, or 202 with a receipt to come
	Location   string        // URL of the message, with which it can be deleted; "" for none
	TTL        time.Duration // that the service keeps it for, if it says; -1 if not
	Receipts   string        // URL of the receipt subscription, "" for none
	Attempts   int           // that it took
}

// accepted reads the answer to a message that was taken.
func accepted(endpoint *url.URL, res *http.Response) *Accepted {
	a := &Accepted{StatusCode: res.StatusCode, TTL: -1}
	// RFC 8030, 5: "A URI for the push message resource that was created in
	// response to the request MUST be returned in the Location header field."
	if s := res.Header.Get("Location"); s != "" {
		if u, err := endpoint.Parse(s); err == nil {
			a.Location = u.String()
		}
	}
	// RFC 8030, 5.2: "It indicates this by returning a TTL header field in its
	// response with the actual TTL."
	if s := res.Header.Get("Ttl"); s != "" {
		if n, err := strconv.ParseUint(s, 10, 31); err == nil {
			a.TTL = time.Duration(n) * time.Second
		}
	}
	// RFC 8030, 5.1: "a URI for the receipt subscription resource in a link
	// relation of type "urn:ietf:params:push:receipt""
	for _, s := range res.Header["Link"] {
		if target, ok := linkTarget(s, relReceipt); ok {
			// It is sent back to this origin, and to no other.
			if u, err := endpoint.Parse(target); err == nil && u.Scheme == endpoint.Scheme && u.Host == endpoint.Host {
				a.Receipts = u.String()
			}
		}
	}
	return a
}

// linkTarget finds the target of a relation in a Link field (RFC 8288, 3).
func linkTarget(s, rel string) (string, bool) {
	for s != "" {
		_, rest, ok := strings.Cut(s, "<")
		if !ok {
			return "", false
		}
		target, rest, ok := strings.Cut(rest, ">")
		if !ok {
			return "", false
		}
		params, next, _ := strings.Cut(rest, ",")
		for p := range strings.SplitSeq(params, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			if strings.EqualFold(strings.TrimSpace(name), "rel") && strings.Trim(strings.TrimSpace(value), `"`) == rel {
				return target, true
			}
		}
		s = next
	}
	return "", false
}
