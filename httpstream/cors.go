package httpstream

import (
	"net/http"
	"slices"
	"strings"

	"github.com/pushwire/pushwire/handshake"
)

// preflightAge is for how many seconds a browser may remember the answer to a
// preflight request: 2 h, the most that Chromium does.
const preflightAge = "7200"

// What pages may set and see beyond what browsers always let them.
var (
	corsHeaders = "Authorization, Cache-Control, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID"
	corsExposed = []string{headerCursor + ", ETag, Retry-After"}
)

// checkOrigin refuses requests of pages that are not welcome, and sets the
// fields that let the page of an origin that is read the answer (the CORS
// protocol of the Fetch standard, 3.2).
func (o *Options) checkOrigin(h http.Header, r *http.Request) *RefusedError {
	// Caches must not give one origin's answer to another (Fetch, 3.2.5).
	addVary(h, "Origin")
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		if !crossSite(r) {
			return nil
		}
		if !o.Origins.Any {
			return foreign()
		}
		return inTheNameOf(r)
	}
	// A browser that says that the page is of the same origin has compared
	// what we may not see behind a proxy: the public scheme, host and port.
	// Where Origins.Host names these, it decides: a foreign name that leads
	// to this address is of the same origin, too.
	if o.Origins.Host == "" && len(origins) == 1 && r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		return nil
	}
	named := o.Origins
	named.Any = false
	err := named.Check(&handshake.Request{Host: r.Host, Header: r.Header, Secure: r.TLS != nil})
	switch {
	case err == nil:
		h["Access-Control-Allow-Origin"] = origins[:1:1]
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	case o.Origins.Any:
		if err := inTheNameOf(r); err != nil {
			return err
		}
		h["Access-Control-Allow-Origin"] = []string{"*"}
	default:
		e := foreign()
		e.cause = err
		return e
	}
	h["Access-Control-Expose-Headers"] = corsExposed
	return nil
}

func foreign() *RefusedError {
	return refused(http.StatusForbidden, tokenForbiddenOrigin, "Pages of this origin may not use this address.")
}

// inTheNameOf refuses to publish for a foreign page that was let in with all
// others, where the browser has put its visitor's cookies into the request. By
// CORS the page could not read the answer, but the item would be stored by then.
func inTheNameOf(r *http.Request) *RefusedError {
	if !isWrite(r) || r.Method == http.MethodOptions || len(r.Header["Cookie"]) == 0 {
		return nil
	}
	return refused(http.StatusForbidden, tokenForbiddenOrigin, "Pages of this origin may publish here only without cookies.")
}

// crossSite reports whether a request without Origin was caused by the page of
// another site, or of another origin of the same site where it changes
// something. Browsers leave Origin out for links, and for what a page embeds.
//
// A link may be followed: nobody but the person sees where it leads. What is
// embedded can't be read by the page either, but an image that holds a long
// poll costs as much as one, with the visitor's cookies.
func crossSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site":
		return isWrite(r) || r.Header.Get("Sec-Fetch-Mode") != "navigate"
	case "same-site":
		return isWrite(r)
	}
	return false
}

func isWrite(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead
}

// isPreflight reports whether an OPTIONS request is one of CORS.
func isPreflight(r *http.Request) bool {
	return r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// options answers an OPTIONS request of an origin that is welcome.
func (e *endpoint) options(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	methods := e.methods()
	h.Set("Allow", methods)
	if isPreflight(r) {
		addVary(h, "Access-Control-Request-Method")
		addVary(h, "Access-Control-Request-Headers")
		h.Set("Access-Control-Allow-Methods", methods)
		headers := corsHeaders
		for _, name := range e.o.Headers {
			headers += ", " + name
		}
		h.Set("Access-Control-Allow-Headers", headers)
		h.Set("Access-Control-Max-Age", preflightAge)
	}
	e.o.armAnswer(w)
	w.WriteHeader(http.StatusNoContent)
}

// methods are those that the address answers, for Allow.
func (e *endpoint) methods() string {
	if e.publisher() != nil {
		return "GET, HEAD, POST, OPTIONS"
	}
	return "GET, HEAD, OPTIONS"
}

// addVary adds a name to the Vary field of h, once.
func addVary(h http.Header, name string) {
	for _, field := range h["Vary"] {
		for item := range strings.SplitSeq(field, ",") {
			if item = strings.TrimSpace(item); item == "*" || strings.EqualFold(item, name) {
				return
			}
		}
	}
	h["Vary"] = append(slices.Clip(h["Vary"]), name)
}
