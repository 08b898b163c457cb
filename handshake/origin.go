package handshake

import "strings"

// Origins says which web pages may connect. A browser sends the cookies of a
// site along with every WebSocket to it, whichever page opened it, and no
// same-origin policy stands in between: the server has to look at Origin.
//
// The zero value lets in pages of the server's own origin, scheme included:
// a page that came by http must not speak for one that came by https.
// Requests without Origin come from programs and not from browsers, which
// always send it (RFC 6455, 4.2.1: "A connection attempt lacking this header
// field SHOULD NOT be interpreted as coming from a browser client"), and are
// let in; they need another proof of who they are.
type Origins struct {
	// Allow lists origins that are welcome besides the server's own, in
	// full: scheme, host and the port unless it is the scheme's default.
	// "https://*.example.com" stands for every name with one label or more
	// before .example.com, and not for example.com itself. Hosts and schemes
	// are compared without regard to case. "null" is possible and dangerous:
	// any page can give itself this origin with a sandboxed frame.
	Allow []string
	// Any lets in every page: for public data that needs no credentials.
	Any bool
	// Host replaces the Host field where a proxy changes it: "example.com",
	// "example.com:8443", or, where a proxy ends TLS and the connection to
	// here is plain, the public origin "https://example.com".
	Host string
}

// Check says whether r may connect. The error is an *[Error] with status 403.
// Malformed patterns in o match nothing; [Origins.Validate] finds them.
//
// RFC 6455, 10.2: "If the origin indicated is unacceptable to the server,
// then it SHOULD respond to the WebSocket handshake with a reply containing
// HTTP 403 Forbidden status code."
func (o Origins) Check(r *Request) error {
	if o.Any {
		return nil
	}
	sent := r.Origin
	switch values := r.Header["Origin"]; {
	case len(values) > 1:
		return faultOriginRepeated.with()
	case len(values) == 1:
		sent = values[0]
	case sent == "":
		return nil
	}
	if sent == "null" {
		for _, a := range o.Allow {
			if a == sent {
				return nil
			}
		}
		return faultOriginNull.with()
	}
	own, ok := o.own(r)
	if ok && own.written(sent) {
		return nil
	}
	page, valid := parseOrigin(sent)
	if !valid || page.wild {
		return faultOriginMalformed.with(quote(sent))
	}
	if ok && own.matches(page) {
		return nil
	}
	for _, a := range o.Allow {
		if pattern, ok := parseOrigin(a); ok && pattern.matches(page) {
			return nil
		}
	}
	if ok && own.sameHost(page.authority) && !strings.EqualFold(own.scheme, page.scheme) {
		return faultOriginScheme.with(quote(sent))
	}
	return faultOriginForbidden.with(quote(sent))
}

// Validate reports the first pattern that is malformed, and so would match
// nothing, as a *[ConfigError]. Call it once, when the server starts.
func (o Origins) Validate() error {
	for _, a := range o.Allow {
		if _, ok := parseOrigin(a); !ok && a != "null" {
			return faultConfigOriginPattern.config(quote(a))
		}
	}
	if o.Host != "" {
		if own, ok := o.own(&Request{}); !ok || own.wild {
			return faultConfigOriginHost.config(quote(o.Host))
		}
	}
	return nil
}

// own is the origin that pages of this server have.
func (o Origins) own(r *Request) (origin, bool) {
	host := r.Host
	if o.Host != "" {
		host = o.Host
	}
	if strings.Contains(host, "://") {
		own, ok := parseOrigin(host)
		return own, ok && !own.wild
	}
	a, ok := parseAuthority(host)
	scheme := "http"
	if r.Secure {
		scheme = "https"
	}
	return origin{scheme: scheme, authority: a}, ok
}

// An origin is the scheme, host and port of a page (RFC 6454, 4), or a
// pattern for them.
type origin struct {
	scheme string
	authority
	wild bool // host is ".example.com" and stands for the names that end so
}

// parseOrigin reads the ASCII serialization of an origin (RFC 6454, 6.2): a
// path, even a single slash, user info and lists of origins are refused. The
// scheme may be any, since browser extensions have their own.
func parseOrigin(s string) (o origin, ok bool) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !validScheme(scheme) {
		return o, false
	}
	o.scheme = scheme
	if strings.HasPrefix(rest, "*.") {
		o.wild = true
		rest = rest[1:]
	}
	o.authority, ok = parseAuthority(rest)
	if o.wild && (len(o.host) < 2 || !validLabels(o.host[1:])) {
		return o, false
	}
	return o, ok
}

// validScheme holds s against RFC 3986, 3.1.
func validScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || !('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return false
		}
	}
	return s != ""
}

// validLabels says whether no label of the name is empty.
func validLabels(name string) bool {
	return name != "" && name[0] != '.' && name[len(name)-1] != '.' && !strings.Contains(name, "..")
}

// written says whether s is o letter by letter, which need not be parsed then. It
// is for servers with a name and at the default port, as most are.
func (o origin) written(s string) bool {
	n := len(o.scheme)
	return o.host != "" && o.port == noPort && len(s) == n+len("://")+len(o.host) &&
		s[:n] == o.scheme && s[n:n+len("://")] == "://" && s[n+len("://"):] == o.host
}

// matches says whether the page has the origin o or fits the pattern o.
func (o origin) matches(page origin) bool {
	if !strings.EqualFold(o.scheme, page.scheme) || o.portOr(o.scheme) != page.portOr(page.scheme) {
		return false
	}
	if !o.wild {
		return o.sameHost(page.authority)
	}
	n := len(page.host) - len(o.host)
	return n > 0 && strings.EqualFold(page.host[n:], o.host) && validLabels(page.host[:n])
}
