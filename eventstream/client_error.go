package eventstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxErrorBody is how much of the body of a refusal is kept, in bytes: APIs
// explain themselves there.
const maxErrorBody = 4 << 10

// StatusError is an answer with another status than 200.
type StatusError struct {
	StatusCode int
	Status     string      // "503 Service Unavailable"
	Header     http.Header // of the answer
	Body       []byte      // its beginning, 4 KiB at most
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("eventstream: the server answered %q and not with a stream", e.Status)
}

// ContentTypeError is an answer with status 200 that is no event stream, or
// one in a content coding that the request asked for and nobody undoes:
// net/http undoes gzip, unless the request has an Accept-Encoding of its own.
type ContentTypeError struct {
	ContentType     string // as sent; "" for none
	ContentEncoding string // the same
	Body            []byte // its beginning, 4 KiB at most
}

func (e *ContentTypeError) Error() string {
	if e.ContentEncoding != "" {
		return fmt.Sprintf("eventstream: the server answered in the content coding %.100q, which was not undone", e.ContentEncoding)
	}
	return fmt.Sprintf("eventstream: the server answered with content of the type %.100q and not %q", e.ContentType, mediaType)
}

// IdleError is a server that was silent for too long. It satisfies net.Error.
type IdleError struct{ After time.Duration }

func (e *IdleError) Error() string {
	return fmt.Sprintf("eventstream: the server was silent for %v", e.After)
}

// Timeout returns true.
func (e *IdleError) Timeout() bool { return true }

// Temporary returns true.
func (e *IdleError) Temporary() bool { return true }

var (
	errNoContent = errors.New("eventstream: the server answered 204: there are no more events")
	errEnded     = fmt.Errorf("eventstream: the server ended its answer: %w", io.EOF)
)

// finalError is one after which no attempt is made.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

// check200 looks at the head of an answer. body is what the beginning of a
// refusal is read from.
func check200(res *http.Response, body io.Reader) error {
	if res.StatusCode != http.StatusOK {
		return &StatusError{StatusCode: res.StatusCode, Status: res.Status, Header: res.Header, Body: beginning(body)}
	}
	// HTML, 9.2.2: "if ... res's status is not 200, or if res's `Content-Type`
	// is not `text/event-stream`, then fail the connection". Parameters have
	// no meaning.
	ct := res.Header.Get("Content-Type")
	essence, _, _ := strings.Cut(ct, ";")
	if !strings.EqualFold(strings.TrimSpace(essence), mediaType) {
		return &ContentTypeError{ContentType: ct, Body: beginning(body)}
	}
	if coding := res.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return &ContentTypeError{ContentType: ct, ContentEncoding: coding, Body: beginning(body)}
	}
	return nil
}

func beginning(r io.Reader) []byte {
	b, _ := io.ReadAll(io.LimitReader(r, maxErrorBody))
	return b
}

// networkError is what an attempt that got no answer failed with. HTML, 9.2.2:
// "if res is a network error, then reestablish the connection, unless the user
// agent knows that to be futile".
func networkError(err error) error {
	err = fmt.Errorf("eventstream: client: %w", err)
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return &finalError{err}
	}
	return err
}

func contextError(ctx context.Context) error {
	return fmt.Errorf("eventstream: client: %w", context.Cause(ctx))
}
