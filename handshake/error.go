package handshake

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// An Error is what a peer did wrong in its half of the handshake. The text
// may hold a piece of what the peer sent, always quoted and at most
// [maxQuote] bytes of it, so that it is safe in a log and in an answer.
//
// Errors are made anew for each fault: Header belongs to the receiver and may
// be changed. Two errors match in the sense of errors.Is when their tokens
// are equal.
type Error struct {
	// Status is the HTTP status to answer with. It is 0 for a fault of a
	// server that a client has found: nobody is there to answer.
	Status int
	Token  string      // stable name for counting, as "handshake_key_invalid"
	Reason string      // one sentence: what happened (why, what to do)
	Header http.Header // fields that the answer needs, as Allow; may be nil
}

func (e *Error) Error() string { return "handshake: " + e.Reason }

// Is makes errors.Is(err, &Error{Token: "handshake_key_invalid"}) work.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Token != "" && t.Token == e.Token
}

// A ConfigError is a mistake on our own side: a header field, pattern, target
// or subprotocol that the caller passed and that cannot be sent or used. A
// server answers it with 500 and keeps the text to itself.
type ConfigError struct {
	Token  string // stable name, as "handshake_config_field_name"
	Reason string // one sentence: what is wrong (why, what to do)
}

func (e *ConfigError) Error() string { return "handshake: " + e.Reason }

// Is makes errors.Is match by token, as [Error.Is] does.
func (e *ConfigError) Is(target error) bool {
	t, ok := target.(*ConfigError)
	return ok && t.Token != "" && t.Token == e.Token
}

// maxQuote is how many bytes of a peer's own an error text repeats.
const maxQuote = 40

// quote makes s safe to show: bounded, and escaped as a Go string in ASCII.
func quote(s string) string {
	if len(s) > maxQuote {
		return strconv.QuoteToASCII(s[:maxQuote]) + " and more"
	}
	return strconv.QuoteToASCII(s)
}

// with makes the error of a fault; args fill the verbs of its sentence and
// have to be quoted where they come from a peer.
func (f fault) with(args ...any) *Error {
	d := &faults[f]
	e := &Error{Status: d.status, Token: d.token, Reason: d.reason}
	if len(args) > 0 {
		e.Reason = fmt.Sprintf(d.reason, args...)
	}
	switch f {
	case faultMethod:
		// RFC 9110, 15.5.6: "The origin server MUST generate an Allow header
		// field in a 405 response"
		e.Header = http.Header{"Allow": {"GET"}}
	case faultNotUpgrade:
		// RFC 9110, 15.5.22: "The server MUST send an Upgrade header field in
		// a 426 response"; 7.8: "A sender of Upgrade MUST also send an
		// 'Upgrade' connection option in the Connection header field"
		e.Header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}}
	case faultVersionMissing, faultVersion:
		// RFC 6455, 4.4: "it MUST respond with a |Sec-WebSocket-Version|
		// header field (...) containing all versions it is willing to use".
		// The status is 426, so it takes Upgrade along as above.
		e.Header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, headerVersion: {version}}
	case faultVersionRepeated:
		e.Header = http.Header{headerVersion: {version}}
	}
	return e
}

// config makes the error of a fault on our own side.
func (f fault) config(args ...any) *ConfigError {
	e := f.with(args...)
	return &ConfigError{Token: e.Token, Reason: e.Reason}
}

// AppendError appends a whole HTTP/1.1 answer for e to dst: the status, the
// fields of e.Header, and the reason as a sentence of text/plain. The answer
// says Connection: close, so the connection is to be closed after it. A Status
// that is no refusal with a text (outside 300 to 599, or 304) becomes 500.
//
// Fields of e.Header that would break the answer are left out, because an
// answer has to go out: names or values that [CheckHeader] calls malformed,
// and those that frame the body (Content-Length, Content-Type,
// Transfer-Encoding). Options of a Connection field join our "close".
func AppendError(dst []byte, e *Error) []byte {
	status := e.Status
	if status < 300 || status > 599 || status == http.StatusNotModified {
		status = http.StatusInternalServerError
	}
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, http.StatusText(status)...) // empty if unknown: RFC 9112, 4 allows that
	dst = append(dst, "\r\nConnection: close"...)
	names := sortedNames(e.Header)
	for _, name := range names {
		if !strings.EqualFold(name, "Connection") {
			continue
		}
		for _, v := range e.Header[name] {
			if validToken(v) && !strings.EqualFold(v, "close") {
				dst = append(dst, ", "...)
				dst = append(dst, v...)
			}
		}
	}
	dst = append(dst, "\r\n"...)
	for _, name := range names {
		if answerOwns(name) || !validToken(name) {
			continue
		}
		for _, v := range e.Header[name] {
			if validValue(v) {
				dst = appendField(dst, name, v)
			}
		}
	}
	// No type is guessed from the text, which may quote the peer.
	dst = append(dst, "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: "...)
	reason := strings.TrimSpace(e.Reason)
	if reason == "" {
		reason = http.StatusText(status)
	}
	dst = strconv.AppendInt(dst, int64(len(reason)+1), 10)
	dst = append(dst, "\r\n\r\n"...)
	dst = append(dst, reason...)
	return append(dst, '\n')
}

// answerOwns names the fields that AppendError writes itself.
func answerOwns(name string) bool {
	return slices.ContainsFunc([]string{
		"Connection", "Content-Length", "Content-Type", "Transfer-Encoding", "Trailer", "X-Content-Type-Options",
	}, func(s string) bool { return strings.EqualFold(s, name) })
}
