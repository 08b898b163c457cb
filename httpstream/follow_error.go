package httpstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxRefusal    = 4 << 10         // bytes kept of the body of a refusal
	mostRetryHint = 5 * time.Minute // the most that a server's wish to come later is obeyed
)

// StatusError is an answer with a status that is no success. Of [Follow] and
// [Publish] it is the end if its status is one of a request that will never be
// right, as 401.
type StatusError struct {
	Transport  Transport // that was refused; 0 for a publication
	StatusCode int
	Token      string      // the server's name of the fault; "" if the answer is not of this protocol
	Message    string      // the server's sentence
	Header     http.Header // of the answer
	Body       []byte      // its beginning, 4 KiB at most
}

// Error names the status, and the server's sentence if there is one.
func (e *StatusError) Error() string {
	s := "httpstream: the server answered " + strings.TrimSpace(strconv.Itoa(e.StatusCode)+" "+http.StatusText(e.StatusCode))
	if e.Transport != 0 {
		s += " to " + e.Transport.String()
	}
	if e.Message != "" {
		s += fmt.Sprintf(" (%.200s)", e.Message)
	}
	return s
}

// TransportError is a transport that does not get through here, which is most
// often a proxy's doing. Follow goes on with another one and tells of it in
// [State].
type TransportError struct {
	Transport Transport
	Reason    string
	Err       error // may be nil
}

// Error says what is wrong with the transport.
func (e *TransportError) Error() string {
	s := "httpstream: " + e.Transport.String() + " does not get through: " + e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns Err.
func (e *TransportError) Unwrap() error { return e.Err }

// SilentError is a server, or what is before it, that was silent for too long.
// It satisfies [net.Error].
type SilentError struct{ After time.Duration }

// Error says for how long.
func (e *SilentError) Error() string {
	return fmt.Sprintf("httpstream: the server was silent for %v", e.After)
}

// Timeout returns true.
func (e *SilentError) Timeout() bool { return true }

// Temporary returns true.
func (e *SilentError) Temporary() bool { return true }

// finalError is one that another attempt would meet again.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

// statusError looks at a refusal.
func statusError(t Transport, status int, h http.Header, body []byte) *StatusError {
	r := parseRefusal(body)
	return &StatusError{Transport: t, StatusCode: status, Token: r.Token, Message: r.Message, Header: h, Body: body}
}

// garbledMost is how many answers of 400 in a row, by nobody known, are taken
// for requests that did not arrive whole.
const garbledMost = 3

// garbled reports whether the request may have been cut off on its way: net/http
// and others answer 400 to a head that ends in the middle. Ours are well-formed,
// and where the server of this protocol finds a fault in one it names it.
func (e *StatusError) garbled() bool {
	return e.StatusCode == http.StatusBadRequest && e.Token == ""
}

// fault says what the status tells of the transport.
func (e *StatusError) fault() fault {
	switch s := e.StatusCode; {
	case e.garbled():
		return faultServer
	case s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable && (e.Token != "" || e.Header.Get("Retry-After") != ""):
		return faultBusy
	case s == http.StatusNotImplemented, s == http.StatusHTTPVersionNotSupported:
		return faultTransport
	case s >= 500, s == http.StatusRequestTimeout, s == http.StatusTooEarly:
		return faultServer
	case s >= 400:
		return faultRefused
	}
	return faultTransport
}

// final reports whether the refusal holds for every transport. Only the server
// itself can know, and it names its reasons; 401 is nobody else's either.
func (e *StatusError) final() bool {
	switch e.Token {
	case "", tokenMethod, tokenNotAcceptable, tokenBadRequest, tokenTimeout, tokenGone:
		return e.StatusCode == http.StatusUnauthorized
	}
	return e.fault() == faultRefused
}

// askedFor is the time that the answer asks for (RFC 9110, 10.2.3), within
// bounds; 0 for none.
func askedFor(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	var d time.Duration
	if n, err := strconv.ParseUint(v, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		d = time.Duration(min(n, uint64(mostRetryHint/time.Second))) * time.Second
	} else if t, err := http.ParseTime(v); err == nil {
		d = t.Sub(now)
	}
	return min(max(d, 0), mostRetryHint)
}

// faultOf says what an error tells of the transport that it came from.
func faultOf(err error) fault {
	var se *StatusError
	var te *TransportError
	switch {
	case errors.As(err, &se):
		return se.fault()
	case errors.As(err, &te):
		return faultTransport
	}
	return faultNetwork
}

// isFinal reports whether another attempt, on whatever transport, would meet
// the same error again.
func isFinal(err error) bool {
	var fe *finalError
	var se *StatusError
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &fe) || errors.As(err, &untrusted) || errors.As(err, &se) && se.final()
}

// isSilence reports whether err means that nothing was heard, as opposed to
// something that was: an end, a reset, an answer.
func isSilence(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// contextError is the end of the caller's context.
func contextError(ctx context.Context) error {
	return fmt.Errorf("httpstream: follow: %w", context.Cause(ctx))
}
