package pushwire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DialError is why [Dial] made no connection.
//
//	var de *pushwire.DialError
//	if errors.As(err, &de) && de.Status == http.StatusUnauthorized { ... }
//
// Its chain holds the context's error where that ended the attempt, a
// [*ProxyError] where a proxy refused, a [*handshake.Error] where the answer
// broke the protocol, a [*handshake.ConfigError] where the options make no
// valid request, and otherwise the error of the network.
type DialError struct {
	// URL is where the attempt ended, after redirects, without user
	// information.
	URL string

	// Status is that of the server's answer, 0 where there was none.
	Status int

	Err error
}

// Error says what happened, why, and where that is known, what helps.
func (e *DialError) Error() string {
	s := "pushwire: dial " + e.URL + ": " + e.Err.Error()
	if h := e.hint(); h != "" {
		s += " (" + h + ")"
	}
	return s
}

// hint is what the caller can do about an answer.
func (e *DialError) hint() string {
	switch e.Status {
	case http.StatusOK:
		return "the URL is served, but not as a WebSocket endpoint; check the path"
	case http.StatusUnauthorized:
		return "set Authorization in DialOptions.Header, or user and password in the URL"
	case http.StatusForbidden:
		return "the server may want another Origin in DialOptions.Header, or credentials"
	case http.StatusNotFound:
		return "check the path"
	case http.StatusUpgradeRequired:
		return "the server or a proxy before it does not speak WebSocket version 13 here"
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "try again later; Retry-After may say when"
	}
	return ""
}

// Unwrap returns Err.
func (e *DialError) Unwrap() error { return e.Err }

// Timeout reports whether a time ran out, so that errors of this kind satisfy
// [net.Error].
func (e *DialError) Timeout() bool {
	var ne net.Error
	return errors.As(e.Err, &ne) && ne.Timeout()
}

// Temporary is there for [net.Error]; it is the same as Timeout.
func (e *DialError) Temporary() bool { return e.Timeout() }

// ProxyError is an http or https proxy that answered CONNECT with anything
// but 200.
type ProxyError struct {
	Proxy  string // URL of the proxy, without user information
	Status int
	Phrase string // as the proxy sent it
	Body   []byte // at most the first KiB
}

// Error names the proxy and its answer.
func (e *ProxyError) Error() string {
	s := fmt.Sprintf("the proxy %s refused the tunnel: %s", e.Proxy, statusText(e.Status, e.Phrase))
	if e.Status == http.StatusProxyAuthRequired {
		s += "; put user and password into the proxy's URL"
	}
	return s
}

// statusText is a status with its phrase, quoted where the peer's own words
// could make the message ambiguous.
func statusText(status int, phrase string) string {
	known := http.StatusText(status)
	switch {
	case phrase == "" || strings.EqualFold(phrase, known):
		return strings.TrimSpace(fmt.Sprintf("%d %s", status, known))
	default:
		return fmt.Sprintf("%d %.64q", status, phrase)
	}
}

// deadlineSlack is how long a context's timer may lag behind its deadline.
const deadlineSlack = 20 * time.Millisecond

// during puts what Dial was at before err. Where the context ended, err is
// only how that showed, so the context's own error takes its place, with the
// cause that the caller gave.
func during(ctx context.Context, what string, err error) error {
	// Dialers set the context's deadline on the socket too, and that may be
	// the first of the two to be seen.
	if dl, ok := ctx.Deadline(); ok && !time.Now().Before(dl) {
		select {
		case <-ctx.Done():
		case <-time.After(deadlineSlack):
		}
	}
	if end := ctx.Err(); end != nil {
		err = end
		if cause := context.Cause(ctx); errors.Is(cause, end) || errors.Is(cause, errHandshakeTimeout) {
			err = cause
		} else if cause != nil {
			err = fmt.Errorf("%w: %w", end, cause)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

var errHandshakeTimeout = &timeoutError{"the opening handshake took longer than " + handshakeTimeout.String() + "; give the context a deadline to allow more"}

// withoutUser cuts user information out of a URL. Of one that does not parse
// it cuts all before the last @, since there the password's end is unknown.
func withoutUser(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Opaque == "" {
		u.User = nil
		return u.String()
	}
	i := strings.LastIndexByte(raw, '@')
	if i < 0 {
		return raw
	}
	scheme, _, ok := strings.Cut(raw, "://")
	if !ok || len(scheme) > i {
		return raw[i+1:]
	}
	return scheme + "://" + raw[i+1:]
}
