package handshake

import "slices"

// SelectProtocol returns the first of the server's subprotocols that the
// client offered, or "" if there is none. Names are compared exactly.
//
// RFC 6455, 4.2.2: "The value chosen MUST be derived from the client's
// handshake, specifically by selecting one of the values from the
// |Sec-WebSocket-Protocol| field". The client's order is a preference that a
// server need not follow; the server knows what its protocols are worth.
func SelectProtocol(server, client []string) string {
	for _, s := range server {
		if s != "" && slices.Contains(client, s) {
			return s
		}
	}
	return ""
}

// appendProtocols appends the elements of a Sec-WebSocket-Protocol field to
// dst.
//
// RFC 6455, 4.1: "The elements that comprise this value MUST be non-empty
// strings with characters in the range U+0021 to U+007E not including
// separator characters (...) and MUST all be unique strings. The ABNF for the
// value of this header field is 1#token". The #rule of RFC 2616 allows empty
// elements, which do not count: one real element is needed.
func appendProtocols(dst []string, lines []string) ([]string, *Error) {
	begin := len(dst)
	for _, line := range lines {
		for rest := line; rest != ""; {
			var e string
			e, rest = cutElement(rest)
			if e == "" {
				continue
			}
			if !validToken(e) {
				return dst[:begin], faultProtocolSyntax.with(quote(e))
			}
			dst = append(dst, e)
		}
	}
	if len(lines) > 0 && len(dst) == begin {
		return dst, faultProtocolSyntax.with(`""`)
	}
	if s, ok := repeated(dst[begin:]); ok {
		return dst[:begin], faultProtocolRepeated.with(quote(s))
	}
	return dst, nil
}

// repeated returns an element that list holds twice.
func repeated(list []string) (string, bool) {
	// Few are compared each with each, which needs no memory; a list made to
	// be slow (16,000 fit into a head) is sorted.
	const few = 16
	if len(list) > few {
		list = slices.Clone(list)
		slices.Sort(list)
		for i := 1; i < len(list); i++ {
			if list[i] == list[i-1] {
				return list[i], true
			}
		}
		return "", false
	}
	for i, s := range list {
		if slices.Contains(list[:i], s) {
			return s, true
		}
	}
	return "", false
}
