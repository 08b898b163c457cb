package handshake

import (
	"net/http"
	"net/textproto"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Names of the fields of the handshake, in the form that http.Header keeps
// them under. On the wire we write them as the RFC does (appendField's
// callers), since some peers compare by case.
const (
	headerKey        = "Sec-Websocket-Key"
	headerVersion    = "Sec-Websocket-Version"
	headerProtocol   = "Sec-Websocket-Protocol"
	headerExtensions = "Sec-Websocket-Extensions"
	headerAccept     = "Sec-Websocket-Accept"
)

// version is the one version of the protocol that exists.
// RFC 6455, 4.1: "The value of this header field MUST be 13."
const version = "13"

// tokenByte tells the bytes of a token (RFC 9110, 5.6.2).
var tokenByte = func() (t [256]bool) {
	for c := range t {
		t[c] = c < 0x80 && httpguts.IsTokenRune(rune(c))
	}
	return t
}()

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// bytesOf makes a table of the bytes of set.
func bytesOf(set string) (t [256]bool) {
	for i := range len(set) {
		t[set[i]] = true
	}
	return t
}

func validToken(s string) bool { return httpguts.ValidHeaderFieldName(s) }

// validValue allows no control byte but tab in a field value.
func validValue(s string) bool { return httpguts.ValidHeaderFieldValue(s) }

// spareValues is room for the elements of list fields (subprotocols and
// extensions) in the one slice that holds all values of a head: browsers send
// one extension and seldom more than two subprotocols.
const spareValues = 4

// parseFields reads the field lines of a head that scanHead has passed.
// lines holds whole lines without the empty one at the end. All strings of
// the result are parts of lines; spare is room for at least spareValues
// more. The field of the name out, if not "", stays out of the map: the values
// are given to take.
func parseFields(lines string, l Limits, out string, take func(value string)) (h http.Header, spare []string, err *Error) {
	count := strings.Count(lines, "\n")
	if count > l.Fields {
		return nil, nil, faultFieldsTooMany.with(l.Fields)
	}
	values := make([]string, 0, count+spareValues)
	names := count
	if out != "" && count > 0 {
		names-- // a map for 9 names takes twice the memory of one for 8
	}
	h = make(http.Header, names)
	var seen uint64 // marks of the names in h
	for lines != "" {
		end := strings.IndexByte(lines, '\r') // scanHead has seen to the LF
		line := lines[:end]
		lines = lines[end+len(crlf):]
		// RFC 9112, 5.2: "A server that receives an obs-fold in a request
		// message (...) MUST either reject the message by sending a 400 (Bad
		// Request) (...) or replace each received obs-fold"
		if line != "" && (line[0] == ' ' || line[0] == '\t') {
			return nil, nil, faultFieldFolded.with()
		}
		name, value, err := cutField(line)
		if err != nil {
			return nil, nil, err
		}
		if out != "" && name == out {
			take(value)
			continue
		}
		// Nearly every name is new, and most of those can be told without
		// asking the map.
		bit := mark(name)
		if seen&bit != 0 {
			if old := h[name]; old != nil {
				h[name] = append(old, value)
				continue
			}
		}
		seen |= bit
		i := len(values)
		values = append(values, value)
		h[name] = values[i : i+1 : i+1] // append will not reach the neighbour
	}
	return h, values[len(values):], nil
}

// mark is one bit for a name, which a few others have too.
func mark(name string) uint64 {
	return 1 << ((len(name)*8 + int(name[0]) + int(name[len(name)-1])) % 64)
}

// cutField splits a field line into its canonical name and its value.
func cutField(line string) (name, value string, err *Error) {
	upper, canonical := true, true
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case tokenByte[c]:
			if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
				canonical = false
			}
			upper = c == '-'
			continue
		case c == ':' && i > 0:
			name = line[:i]
			if !canonical {
				name = canonicalName(name)
			}
			return name, trimSpace(line[i+1:]), nil
		}
		// RFC 9112, 5.1: "A server MUST reject, with a response status code
		// of 400 (Bad Request), any received request message that contains
		// whitespace between a header field name and colon."
		if i := strings.IndexByte(line, ':'); i >= 0 {
			return "", "", faultFieldName.with(quote(line[:i]))
		}
		break
	}
	return "", "", faultFieldColon.with(quote(line))
}

// canonicalName returns the form that http.Header uses. The names that every
// handshake has are not canonical on the wire and cost no allocation.
func canonicalName(name string) string {
	switch name {
	case "Sec-WebSocket-Key", "sec-websocket-key":
		return headerKey
	case "Sec-WebSocket-Version", "sec-websocket-version":
		return headerVersion
	case "Sec-WebSocket-Protocol", "sec-websocket-protocol":
		return headerProtocol
	case "Sec-WebSocket-Extensions", "sec-websocket-extensions":
		return headerExtensions
	case "Sec-WebSocket-Accept", "sec-websocket-accept":
		return headerAccept
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}

// trimSpace removes optional white space: spaces and tabs (RFC 9110, 5.6.3).
func trimSpace(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// checkFraming looks at what says how long a body is. It refuses what
// net/http refuses, and what two readers could understand differently; body
// says whether there is one. A response may be answered by an old server:
// there a repeated but equal length, or a length beside chunked, is let
// through, as the connection ends after it anyway.
func checkFraming(h http.Header, http11, request bool) (body bool, err *Error) {
	lengths, codings := h["Content-Length"], h["Transfer-Encoding"]
	if len(lengths) == 0 && len(codings) == 0 {
		return false, nil
	}
	for i, s := range lengths {
		if s == "" || len(s) > len("999999999999999999") || strings.Trim(s, "0123456789") != "" {
			return false, faultContentLength.with()
		}
		if i > 0 && (request || s != lengths[0]) {
			return false, faultContentLength.with()
		}
		body = body || strings.Trim(s, "0") != ""
	}
	if len(codings) == 0 {
		return body, nil
	}
	// RFC 9112, 6.1: "A server MAY reject a request that contains both
	// Content-Length and Transfer-Encoding"; 6.3: a transfer coding in
	// HTTP/1.0 "ought to be handled as an error".
	if len(codings) > 1 || !equalFold(codings[0], "chunked") ||
		request && (!http11 || len(lengths) > 0 || h["Trailer"] != nil) {
		return false, faultTransferEncoding.with()
	}
	return true, nil
}
