package webpush

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// What an answer means to the application, for errors.Is. The [*StatusError]
// that matches says more.
var (
	// ErrGone (404, 410): the subscription has ended. Delete it.
	ErrGone = errors.New("webpush: the subscription has ended")

	// ErrTooLarge (413, and a payload over MaxPlaintext): the message does not
	// fit.
	ErrTooLarge = errors.New("webpush: the message is too large")

	// ErrRateLimited (429): too many messages. StatusError.RetryAfter says when
	// to come back, if the service does.
	ErrRateLimited = errors.New("webpush: too many messages")

	// ErrUnauthorized (401, 403): the service does not take the token or the
	// key. Usually the subscription was made with another key.
	ErrUnauthorized = errors.New("webpush: the service refuses the key or the token")
)

const (
	maxWords = 4 << 10 // bytes of an answer that are kept
	maxShown = 200     // bytes of them that an error text repeats
)

// A StatusError is a push service's refusal.
type StatusError struct {
	StatusCode int
	Origin     string        // of the endpoint; the rest of it is a secret
	Words      string        // what the service says, from its JSON or text; "" for nothing
	RetryAfter time.Duration // from its Retry-After field, 0 without
	Header     http.Header   // of the answer
	Body       []byte        // its beginning, 4 KiB at most
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("webpush: %s answered %d", e.Origin, e.StatusCode)
	if text := http.StatusText(e.StatusCode); text != "" {
		s += " " + text
	}
	if e.StatusCode >= 300 && e.StatusCode < 400 {
		s += " (redirects are not followed)"
	}
	if e.Words != "" {
		words := e.Words
		if len(words) > maxShown {
			words = words[:maxShown] + " and more"
		}
		s += ": " + strconv.QuoteToASCII(words)
	}
	if e.RetryAfter > 0 {
		s += fmt.Sprintf(" (try again after %v)", e.RetryAfter)
	}
	return s
}

// Is matches the class of the status: [ErrGone], [ErrTooLarge],
// [ErrRateLimited] or [ErrUnauthorized].
func (e *StatusError) Is(target error) bool {
	return target != nil && target == e.class()
}

func (e *StatusError) class() error {
	switch e.StatusCode {
	// RFC 8030, 7.3: "A push service MUST return a 404 (Not Found) status code
	// if an application server attempts to send a push message to an expired
	// push message subscription." Many services say 410.
	case http.StatusNotFound, http.StatusGone:
		return ErrGone
	case http.StatusRequestEntityTooLarge:
		return ErrTooLarge
	case http.StatusTooManyRequests:
		return ErrRateLimited
	case http.StatusUnauthorized, http.StatusForbidden:
		return ErrUnauthorized
	}
	return nil
}

// Token returns a stable name for counting: "webpush_status_410".
func (e *StatusError) Token() string { return "webpush_status_" + strconv.Itoa(e.StatusCode) }

// words finds the sentence that a person is to read. Mozilla's service has it
// in the member message, Apple's in reason, Google's is plain text, and
// Microsoft's comes in a field.
func words(h http.Header, body []byte) string {
	var in map[string]any
	if json.Unmarshal(body, &in) == nil {
		for _, name := range []string{"message", "reason", "error", "error_description"} {
			if s, ok := in[name].(string); ok && s != "" {
				return s
			}
		}
	}
	if s := h.Get("X-Wns-Error-Description"); s != "" {
		return s
	}
	s := strings.TrimSpace(string(body))
	if !utf8.ValidString(s) { // cut within a character, or no text at all
		s = strings.ToValidUTF8(s, "")
	}
	return s
}

// retryAfter reads the field of RFC 9110, 10.2.3: "Retry-After = HTTP-date /
// delay-seconds". A date is held against that of the answer, so that a wrong
// clock does no harm.
func retryAfter(h http.Header, now time.Time) time.Duration {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(n, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(0, at.Sub(now)), maxRetryAfter)
}

// maxRetryAfter is what longer times count as.
const maxRetryAfter = 365 * 24 * time.Hour
