package handshake

import (
	"net/http"
	"slices"
	"strings"
)

// CheckHeader says whether the fields of h may be added to a request or a
// response of the handshake. The error is a *[ConfigError]: a name that is no
// token, a value with a control byte other than tab (CR and LF above all), or
// a field that the handshake sets itself. Nothing is ever cleaned or left out
// in silence.
//
// Those fields are Upgrade, Connection, all that begin with Sec-WebSocket-,
// Host, and what frames a body or a hop: Content-Length, Transfer-Encoding,
// Trailer, TE, Expect, Keep-Alive, Proxy-Connection, HTTP2-Settings.
func CheckHeader(h http.Header) error {
	if err := checkHeader(h); err != nil {
		return err
	}
	return nil
}

func checkHeader(h http.Header) *ConfigError {
	// In the order of the names, so that of two faults always the same one
	// is reported.
	for _, name := range sortedNames(h) {
		if !validToken(name) {
			return faultConfigFieldName.config(quote(name))
		}
		if owned(name) {
			return faultConfigFieldOwned.config(quote(name))
		}
		for _, v := range h[name] {
			if !validValue(v) {
				return faultConfigFieldValue.config(quote(name))
			}
		}
	}
	return nil
}

// owned tells the fields that the handshake sets itself, and those that
// would give it a body.
func owned(name string) bool {
	const family = "sec-websocket-"
	if len(name) >= len(family) && equalFold(name[:len(family)], family) {
		return true
	}
	for _, s := range [...]string{
		"upgrade", "connection", "host", "content-length", "transfer-encoding", "trailer",
		"te", "expect", "keep-alive", "proxy-connection", "http2-settings",
	} {
		if equalFold(name, s) {
			return true
		}
	}
	return false
}

// sortedNames makes the order of fields on the wire the same each time.
func sortedNames(h http.Header) []string {
	if len(h) == 0 {
		return nil
	}
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// appendHeader appends the fields of h, which checkHeader has passed.
func appendHeader(dst []byte, h http.Header) []byte {
	for _, name := range sortedNames(h) {
		for _, v := range h[name] {
			dst = appendField(dst, name, v)
		}
	}
	return dst
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// appendList appends one field with the elements of a list; none if it is
// empty.
func appendList(dst []byte, name string, list []string) []byte {
	if len(list) == 0 {
		return dst
	}
	return appendField(dst, name, strings.Join(list, ", "))
}
