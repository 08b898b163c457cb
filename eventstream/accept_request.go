package eventstream

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/pushwire/pushwire/handshake"
)

const mediaType = "text/event-stream"

// RequestError is why a request opened no stream. It was answered with Status.
type RequestError struct {
	Status int
	Reason string // one sentence
	header http.Header
}

func (e *RequestError) Error() string {
	return fmt.Sprintf("eventstream: no stream: %s (answered with %d)", e.Reason, e.Status)
}

// answer is what a request gets.
type answer struct {
	id       string
	encoding *Encoding // nil for none
}

// answer looks at a request and sets the fields of the answer in h, which may
// hold others.
func (o *Options) answer(r *http.Request, h http.Header) (a answer, err error) {
	cors, err := o.CORS.fields(r)
	if err != nil {
		return a, err
	}
	for name, values := range cors {
		if name != "Vary" {
			h[name] = values
		}
	}
	vary(h, cors["Vary"]...)
	if fields(r) > maxFields {
		return a, refused(h, &RequestError{Status: http.StatusRequestHeaderFieldsTooLarge, Reason: "the request has more than " + strconv.Itoa(maxFields) + " fields"})
	}
	switch r.Method {
	case http.MethodGet, http.MethodPost, http.MethodHead, "":
	case http.MethodOptions:
		if o.CORS != nil && isPreflight(r) {
			return a, o.CORS.preflight(h)
		}
		fallthrough
	default:
		// RFC 9110, 15.5.6: "The origin server MUST generate an Allow header
		// field in a 405 response"
		allow := "GET, HEAD, POST"
		if o.CORS != nil {
			allow += ", OPTIONS"
		}
		return a, refused(h, &RequestError{Status: http.StatusMethodNotAllowed, Reason: "an event stream is asked for with GET or POST", header: http.Header{"Allow": {allow}}})
	}
	if !accepts(r.Header["Accept"]) {
		return a, refused(h, &RequestError{Status: http.StatusNotAcceptable, Reason: "the request's Accept field excludes " + mediaType + ", and there is nothing else here"})
	}
	if len(o.Encodings) > 0 {
		vary(h, "Accept-Encoding")
		var ok bool
		if a.encoding, ok = negotiate(r.Header["Accept-Encoding"], o.Encodings); !ok {
			return a, refused(h, &RequestError{Status: http.StatusNotAcceptable, Reason: "the request's Accept-Encoding field excludes every coding that there is here"})
		}
	}
	if o.Group.isClosed() {
		return a, refused(h, &RequestError{Status: http.StatusServiceUnavailable, Reason: "the server is shutting down (try again in a moment)", header: http.Header{"Retry-After": {"1"}}})
	}
	// HTML, 9.2.5: "This MIME type ... is always encoded as UTF-8": no charset.
	// Chromium refuses any but utf-8.
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	h.Del("Content-Length")
	if a.encoding != nil {
		h.Set("Content-Encoding", a.encoding.Name)
	}
	a.id = lastEventID(r, o.IDParam)
	if r.Method == http.MethodHead {
		// RFC 9110, 9.3.2: "The HEAD method is identical to GET except that
		// the server MUST NOT send content in the response."
		return a, &RequestError{Status: http.StatusOK, Reason: "the method is HEAD", header: h}
	}
	return a, nil
}

// maxFields is how many fields a request may have. net/http bounds the bytes of
// a head (http.Server.MaxHeaderBytes), not its fields, each of which takes a
// hundred bytes for the four that it has come with; and it holds them for as long
// as the stream is open.
const maxFields = handshake.DefaultFields

// fields counts those of r. One that is there twice counts twice.
func fields(r *http.Request) (n int) {
	for _, values := range r.Header {
		n += len(values)
	}
	return n
}

// refused gives an answer that opens no stream the fields that say who may
// read it.
func refused(h http.Header, e *RequestError) error {
	header := make(http.Header)
	for name, values := range h {
		if name == "Vary" || strings.HasPrefix(name, "Access-Control-") {
			header[name] = values
		}
	}
	maps.Copy(header, e.header)
	e.header = header
	return e
}

// refusal is the answer for err. What is not the request's fault is ours, and
// its text stays here.
func refusal(err error) *RequestError {
	var e *RequestError
	if errors.As(err, &e) {
		return e
	}
	return &RequestError{Status: http.StatusInternalServerError, Reason: "the server is not set up to answer this request"}
}

// vary adds names to the Vary field of h, each once.
func vary(h http.Header, names ...string) {
	for _, name := range names {
		if !listed(h["Vary"], name) && !listed(h["Vary"], "*") {
			h.Add("Vary", name)
		}
	}
}

// listed reports whether one of the comma-separated lists holds the token.
func listed(lists []string, token string) bool {
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}

// accepts reports whether an Accept field lets text/event-stream in. The most
// specific range that fits decides (RFC 9110, 12.5.1). No field accepts all.
func accepts(fields []string) bool {
	if strings.TrimSpace(strings.Join(fields, "")) == "" {
		return true
	}
	best, ok := -1, false
	for _, field := range fields {
		for item := range strings.SplitSeq(field, ",") {
			name, q := quality(item)
			rank := -1
			switch strings.ToLower(name) {
			case "*/*", "*": // the second is not in the norm, and sent by old clients
				rank = 0
			case "text/*":
				rank = 1
			case mediaType:
				rank = 2
			}
			if rank > best {
				best, ok = rank, q > 0
			} else if rank == best && rank >= 0 {
				ok = ok || q > 0
			}
		}
	}
	return ok
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

// lastEventID is what the request says of the last event that was seen. The
// field is of the client's reconnection, and newer than what its URL was made
// with.
func lastEventID(r *http.Request, param string) string {
	id := r.Header.Get("Last-Event-ID")
	if id == "" && r.URL != nil && r.URL.RawQuery != "" {
		if param == "" {
			param = DefaultIDParam
		}
		// Not a part of the request's first line, which the stream would hold.
		id = strings.Clone(r.URL.Query().Get(param))
	}
	if strings.ContainsAny(id, "\x00\r\n") {
		return "" // no event can have had it
	}
	return id
}
