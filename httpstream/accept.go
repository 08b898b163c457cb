package httpstream

import (
	"net/http"
	"strconv"
	"strings"
)

// transport is a way to read a topic over HTTP.
type transport int

const (
	negotiated transport = iota // of Handler, until it has looked at the request
	shortPoll
	longPoll
	ndjson
	eventStream
	socket
)

// Media types of the answers.
const (
	typeJSON   = "application/json"
	typeNDJSON = "application/x-ndjson"
	typeEvents = "text/event-stream"
)

// choose picks the transport that a GET asks for. A type that is named in
// Accept decides before one that a range lets in: "*/*" alone is a poll.
func choose(r *http.Request, q *query) transport {
	if asksForSocket(r) {
		return socket
	}
	events, lines := named(r.Header["Accept"], typeEvents), named(r.Header["Accept"], typeNDJSON)
	switch {
	case events > 0 && events >= lines:
		return eventStream
	case lines > 0:
		return ndjson
	case q.waits:
		return longPoll
	}
	return shortPoll
}

// asksForSocket reports whether a request wants to become a WebSocket
// connection (RFC 6455, 4.2.1). Whether it may is for the handshake to say.
func asksForSocket(r *http.Request) bool {
	for _, field := range r.Header["Upgrade"] {
		for token := range strings.SplitSeq(field, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "websocket") {
				return true
			}
		}
	}
	return false
}

// maxRanges bounds how many items of an Accept field are looked at.
const maxRanges = 64

// named is the weight, in thousandths, of a media type that Accept names in
// full; 0 if it does not.
func named(fields []string, mediaType string) (best int) {
	eachRange(fields, func(name string, q int) {
		if strings.EqualFold(name, mediaType) {
			best = max(best, q)
		}
	})
	return best
}

// accepts reports whether Accept lets a media type in. The most specific range
// that fits decides (RFC 9110, 12.5.1). No field accepts all.
func accepts(fields []string, mediaType string) bool {
	kind, _, _ := strings.Cut(mediaType, "/")
	best, ok, any := -1, true, false
	eachRange(fields, func(name string, q int) {
		rank := -1
		switch {
		case name == "*/*" || name == "*": // the second is not in the norm, and sent by old clients
			rank = 0
		case strings.EqualFold(name, kind+"/*"):
			rank = 1
		case strings.EqualFold(name, mediaType):
			rank = 2
		}
		any = true
		if rank > best {
			best, ok = rank, q > 0
		} else if rank == best && rank >= 0 {
			ok = ok || q > 0
		}
	})
	return !any || best >= 0 && ok
}

func eachRange(fields []string, f func(name string, q int)) {
	n := 0
	for _, field := range fields {
		for item := range strings.SplitSeq(field, ",") {
			name, q := quality(item)
			if name == "" {
				continue
			}
			if n++; n > maxRanges {
				return
			}
			f(name, q)
		}
	}
}

// quality splits an item of a list into its name and its weight in
// thousandths. A weight that is malformed counts as 1.
//
// RFC 9110, 12.4.2: "qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )"
func quality(item string) (name string, q int) {
	name, params, _ := strings.Cut(item, ";")
	q = 1000
	for p := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(key), "q") {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err == nil && f >= 0 && f <= 1 {
			q = int(f * 1000)
		}
	}
	return strings.TrimSpace(name), q
}

// etagListed reports whether an If-None-Match field lists the tag, which comes
// without its quotes, or is "*".
//
// RFC 9110, 13.1.2: "A recipient MUST use the weak comparison function when
// comparing entity tags for If-None-Match"
func etagListed(fields []string, tag string) (listed, any bool) {
	for _, field := range fields {
		if strings.TrimSpace(field) == "*" {
			any = true
			continue
		}
		for s := strings.TrimLeft(field, " \t,"); s != ""; s = strings.TrimLeft(s, " \t,") {
			s = strings.TrimPrefix(s, "W/")
			if s == "" || s[0] != '"' {
				break // what follows can't be told apart
			}
			value, rest, ok := strings.Cut(s[1:], `"`)
			if !ok {
				break
			}
			listed = listed || value == tag
			s = rest
		}
	}
	return listed, any
}
