package httpstream

import (
	"net/http"
	"strconv"

	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/topic"
)

// Handler serves a topic at one address over every transport, and picks the one
// that a request asks for:
//
//	Upgrade: websocket             a WebSocket connection, as Socket does
//	Accept: text/event-stream      an event stream, as Events does
//	Accept: application/x-ndjson   a stream of JSON lines, as Stream does
//	?wait= in the query            a long poll, as LongPoll does
//	anything else                  a short poll, as ShortPoll does
//	POST                           publishes, where Options.Allow lets it
//
// It is cheap to make, also for each request:
//
//	http.HandleFunc("/rooms/{name}", func(w http.ResponseWriter, r *http.Request) {
//		httpstream.Handler(hub.Source(r.PathValue("name")), options).ServeHTTP(w, r)
//	})
func Handler(src topic.Source, o *Options) http.Handler { return newEndpoint(src, o, negotiated) }

// ShortPoll answers at once: 200 with what follows the cursor, 204 when there
// is nothing, 304 when If-None-Match has the cursor that the answer would have.
func ShortPoll(src topic.Source, o *Options) http.Handler { return newEndpoint(src, o, shortPoll) }

// LongPoll answers as soon as there is something after the cursor, with all
// that there is; 204 when the time of ?wait= is over, or of Options.MaxWait.
func LongPoll(src topic.Source, o *Options) http.Handler { return newEndpoint(src, o, longPoll) }

// Stream answers with JSON lines (application/x-ndjson) for as long as the
// client stays: each item as soon as it is there.
func Stream(src topic.Source, o *Options) http.Handler { return newEndpoint(src, o, ndjson) }

// endpoint serves a source over one transport, or over all.
type endpoint struct {
	src  topic.Source
	o    Options // resolved
	kind transport

	sockets sockets
}

func newEndpoint(src topic.Source, o *Options, kind transport) *endpoint {
	return &endpoint{src: src, o: o.resolved(), kind: kind}
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := e.serve(w, r); err != nil {
		e.o.refuse(w, r, err)
	}
}

// serve answers a request, or says how it is refused.
func (e *endpoint) serve(w http.ResponseWriter, r *http.Request) *RefusedError {
	if err := e.admit(w, r); err != nil {
		return err
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, "":
		return e.read(w, r)
	case http.MethodPost:
		return e.publish(w, r)
	case http.MethodOptions:
		e.options(w, r)
		return nil
	}
	return e.notAllowed("This address is read with GET" + e.orPublished() + ".")
}

// admit holds what is the same for all transports and methods: which pages may
// ask, how much a head may be, what the application says, and that there is no
// shutdown.
func (e *endpoint) admit(w http.ResponseWriter, r *http.Request) *RefusedError {
	if err := e.o.checkOrigin(w.Header(), r); err != nil {
		return hold(r, err)
	}
	if err := checkFields(r); err != nil { // a page may read that
		return err
	}
	if r.Method == http.MethodOptions {
		return hold(r, nil) // it has no credentials and changes nothing
	}
	if e.o.Check != nil {
		if err := e.o.Check(r); err != nil {
			return hold(r, refusal(err))
		}
	}
	if e.o.Group.closing() {
		return hold(r, shuttingDown())
	}
	if r.Method != http.MethodPost {
		return hold(r, nil)
	}
	return nil
}

// maxFields is how many fields a request may have. net/http bounds the bytes of
// a head (http.Server.MaxHeaderBytes), not its fields, each of which takes a
// hundred bytes for the four that it has come with; and it holds them for as long
// as a long poll or a stream runs.
const maxFields = handshake.DefaultFields

// checkFields counts the fields of a request. One that is there twice counts
// twice.
//
// RFC 6585, 5: 431 "can be used both when the set of request header fields in
// total is too large, and when a single header field is at fault."
func checkFields(r *http.Request) *RefusedError {
	n := 0
	for _, values := range r.Header {
		n += len(values)
	}
	if n <= maxFields {
		return nil
	}
	err := refused(http.StatusRequestHeaderFieldsTooLarge, tokenTooLarge, "The request has more than "+strconv.Itoa(maxFields)+" fields.")
	err.close = true
	return err
}

// hold sees to it that the body of a request is not waited for: net/http would
// read what is left of it before it sends the head of an answer, for as long as
// the client likes. Without a body it is err; with one the connection is closed
// behind the answer.
//
// RFC 9110, 9.3.1: "content received in a GET request has no generally defined
// semantics, cannot alter the meaning or target of the request, and might lead
// some implementations to reject the request and close the connection because of
// its potential as a request smuggling attack".
func hold(r *http.Request, err *RefusedError) *RefusedError {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return err
	}
	if err == nil {
		err = refused(http.StatusBadRequest, tokenBadRequest, "A request of this method has no body here.")
	}
	err.close = true
	return err
}

// read answers a GET or HEAD.
func (e *endpoint) read(w http.ResponseWriter, r *http.Request) *RefusedError {
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	kind := e.kind
	if kind == negotiated {
		addVary(w.Header(), "Accept")
		kind = choose(r, &q)
	}
	switch kind {
	case socket:
		return e.socket(w, r, &q)
	case eventStream:
		if err := q.preferLastID(r); err != nil {
			return err
		}
		return e.events(w, r, &q)
	case ndjson:
		return e.stream(w, r, &q)
	}
	return e.poll(w, r, &q, kind == longPoll)
}

// notAllowed refuses a method.
//
// RFC 9110, 15.5.6: "The origin server MUST generate an Allow header field in a
// 405 response"
func (e *endpoint) notAllowed(message string) *RefusedError {
	err := refused(http.StatusMethodNotAllowed, tokenMethod, message)
	err.Header = http.Header{"Allow": {e.methods()}}
	return err
}

func (e *endpoint) orPublished() string {
	if e.publisher() != nil {
		return " and published to with POST"
	}
	return ""
}
