package httpstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// Tokens of refusals: stable names, for clients and for counting.
const (
	tokenBadCursor       = "bad_cursor"
	tokenBadQuery        = "bad_query"
	tokenBadRequest      = "bad_request"
	tokenBadItem         = "bad_item"
	tokenForbidden       = "forbidden"
	tokenForbiddenOrigin = "forbidden_origin"
	tokenGone            = "gone"
	tokenNotFound        = "not_found"
	tokenMethod          = "method_not_allowed"
	tokenNotAcceptable   = "not_acceptable"
	tokenTimeout         = "timeout"
	tokenTooLarge        = "too_large"
	tokenShuttingDown    = "shutting_down"
	tokenUnavailable     = "unavailable"
)

// RefusedError refuses a request; Options.Check and Options.Allow return one to
// say how. The answer is Status with the body
//
//	{"error":Token,"message":Message}
type RefusedError struct {
	Status  int         // 400 to 599; another one becomes 403
	Token   string      // stable, for programs; "" becomes "forbidden"
	Message string      // one sentence, for people
	Header  http.Header // fields that the answer needs, as WWW-Authenticate; may be nil

	gone  *topic.GoneError // which the body tells of, too
	close bool             // the connection can't be used again
	cause error            // for the log
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("httpstream: refused with %d (%s: %s)", e.Status, e.Token, e.Message)
}

// Unwrap returns the cause, as a *[topic.GoneError].
func (e *RefusedError) Unwrap() error {
	if e.gone != nil {
		return e.gone
	}
	return e.cause
}

func refused(status int, token, message string) *RefusedError {
	return &RefusedError{Status: status, Token: token, Message: message}
}

// refusal is what the error of a hook comes to.
func refusal(err error) *RefusedError {
	var e *RefusedError
	if !errors.As(err, &e) {
		e = refused(http.StatusForbidden, tokenForbidden, "This request is not allowed here.")
		e.cause = err
		return e
	}
	c := *e // the application may return the same one each time
	if c.Status < 400 || c.Status > 599 {
		c.Status = http.StatusForbidden
	}
	if c.Token == "" {
		c.Token = tokenForbidden
	}
	return &c
}

// sourceRefusal is what an error of the source comes to, before anything has
// been sent.
func sourceRefusal(err error) *RefusedError {
	var gone *topic.GoneError
	var cursor *topic.CursorError
	var e *RefusedError
	switch {
	case errors.As(err, &e):
		return refusal(e) // a source that knows what to answer
	case errors.As(err, &gone):
		e = refused(http.StatusGone, tokenGone, "Items after this cursor are not kept any more. Go on from the oldest, and know that some are missing.")
		e.gone = gone
	case errors.As(err, &cursor):
		e = refused(http.StatusBadRequest, tokenBadCursor, "That is not a cursor.")
	case errors.Is(err, topic.ErrClosed):
		e = unavailable("This topic has ended.")
	case errors.Is(err, topic.ErrName):
		e = refused(http.StatusNotFound, tokenNotFound, "There is no topic of this name.")
	case errors.Is(err, topic.ErrFull):
		e = unavailable("There are too many topics at the moment.")
	default:
		e = unavailable("This topic can't be reached at the moment.")
	}
	e.cause = err
	return e
}

// Bounds of Retry-After, in seconds. Clients that are all refused at once must
// not all come back at once.
const (
	retryAfterMin = 1
	retryAfterMax = 5
)

// RFC 9110, 10.2.3: "When sent with a 503 (Service Unavailable) response,
// Retry-After indicates how long the service is expected to be unavailable to
// the client."
func retryAfter() string {
	return strconv.Itoa(retryAfterMin + rand.IntN(retryAfterMax-retryAfterMin+1))
}

func unavailable(message string) *RefusedError {
	e := refused(http.StatusServiceUnavailable, tokenUnavailable, message)
	e.Header = http.Header{"Retry-After": {retryAfter()}}
	return e
}

func shuttingDown() *RefusedError {
	e := refused(http.StatusServiceUnavailable, tokenShuttingDown, "The server is shutting down. Come back in a moment.")
	e.Header = http.Header{"Retry-After": {retryAfter()}}
	e.close = true // the next request is to reach another server
	return e
}

// linger is how long what is left of the body of a refused request may come.
const linger = 2 * time.Second

// refuse answers a request with e. Nothing has been sent before.
func (o *Options) refuse(w http.ResponseWriter, r *http.Request, e *RefusedError) {
	h := w.Header()
	for name, values := range e.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	if e.close {
		h.Set("Connection", "close")
		if r.ProtoMajor == 1 && r.ContentLength != 0 {
			// net/http reads on for a while before it closes, so that the
			// answer is not overtaken by a reset; it has no end of its own.
			http.NewResponseController(w).SetReadDeadline(time.Now().Add(linger))
		}
	}
	if e.gone != nil && e.gone.Oldest != "" {
		h.Set(headerCursor, string(e.gone.Oldest))
	}
	// RFC 9110, 15.5.11: "A 410 response is heuristically cacheable"
	h.Set("Cache-Control", "no-store")
	h.Del("Etag")
	o.logRefusal(r, e)
	o.send(w, r, e.Status, appendRefusal(nil, e.Token, e.Message, e.gone))
}

func (o *Options) logRefusal(r *http.Request, e *RefusedError) {
	if o.Logger == nil || e.cause == nil || e.gone != nil || r.Context().Err() != nil {
		return
	}
	level := o.Logger.Info
	if e.Status >= 500 {
		level = o.Logger.Error
	}
	level("httpstream: request refused", "status", e.Status, "token", e.Token, "remote", r.RemoteAddr, "cause", e.cause)
}

// send sends a whole JSON answer and gives the client its time to take it.
func (o *Options) send(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	o.sendHead(w, status, len(body))
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

// sendHead begins an answer with a JSON body of that many bytes, and gives the
// client its time to take it.
func (o *Options) sendHead(w http.ResponseWriter, status, size int) {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["X-Content-Type-Options"] = nosniff
	h.Set("Content-Length", strconv.Itoa(size))
	o.armAnswer(w)
	w.WriteHeader(status)
}

// armAnswer gives the client its time to take an answer that is about to be
// written. net/http takes the deadline back before the next request.
func (o *Options) armAnswer(w http.ResponseWriter) {
	var due time.Time
	if o.WriteTimeout > 0 {
		due = time.Now().Add(o.WriteTimeout)
	}
	http.NewResponseController(w).SetWriteDeadline(due) // where w has none, so be it: a poll ends anyway
}

// Field names and values that do not change. The slices are not to be written
// to.
const headerCursor = "Pushwire-Cursor"

var (
	jsonType = []string{"application/json"}
	nosniff  = []string{"nosniff"}
	noStore  = []string{"no-store"}
	noCache  = []string{"no-cache"}
)

// isContext reports whether err is the end of a context rather than a fault of
// the source.
func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
