package deflate

import "strings"

// elementName is the token before the parameters of an element of a
// Sec-WebSocket-Extensions field. Names are compared exactly, as in package
// handshake.
func elementName(element string) string {
	element = strings.TrimLeft(element, " \t")
	if i := strings.IndexAny(element, "; \t"); i >= 0 {
		return element[:i]
	}
	return element
}

// parseElement reads an offer or an answer with our name. fault is nil, or
// says what is wrong with the parameter part.
//
// RFC 7692, 7, for an offer; the words for an answer are the same: "A server
// MUST decline an extension negotiation offer for this extension if any of the
// following conditions are met: The negotiation offer contains an extension
// parameter not defined for use in an offer. (...) an extension parameter with
// an invalid value. (...) multiple extension parameters with the same name."
func parseElement(element string, answer bool) (t terms, fault *answerFault, part string) {
	head, rest, more := strings.Cut(element, ";")
	if strings.Trim(head, " \t") != Name {
		return t, &faultSyntax, element
	}
	for more {
		begin := rest
		var name, value string
		var hasValue, ok bool
		name, value, hasValue, rest, more, ok = cutParameter(rest)
		part = strings.Trim(begin[:len(begin)-len(rest)], " \t;")
		if !ok {
			return t, &faultSyntax, part
		}
		var repeated, valid bool
		switch name {
		case serverNoContext:
			// 7.1.1.1: "This extension parameter has no value."
			repeated, valid = t.serverNoContext, !hasValue
			t.serverNoContext = true
		case clientNoContext:
			// 7.1.1.2: "This extension parameter has no value."
			repeated, valid = t.clientNoContext, !hasValue
			t.clientNoContext = true
		case serverMaxBits:
			// 7.1.2.1: "This parameter has a decimal integer value"
			repeated = t.serverBits != 0
			t.serverBits, valid = parseBits(value)
		case clientMaxBits:
			// 7.1.2.2: "This parameter has no value or a decimal integer
			// value"; in an answer it always has one.
			repeated = t.clientBits != 0
			if t.clientBits, valid = parseBits(value); !hasValue {
				t.clientBits, valid = anyBits, !answer
			}
		default:
			return t, &faultUnknown, part
		}
		switch {
		case repeated:
			return t, &faultRepeated, part
		case !valid:
			return t, &faultValue, part
		}
	}
	return t, nil, ""
}

// parseBits reads the value of a window. RFC 7692, 7.1.2: "a decimal integer
// value without leading zeroes between 8 to 15, inclusive".
func parseBits(value string) (bits int, ok bool) {
	switch {
	case len(value) == 1 && (value[0] == '8' || value[0] == '9'):
		return int(value[0] - '0'), true
	case len(value) == 2 && value[0] == '1' && '0' <= value[1] && value[1] <= '5':
		return 10 + int(value[1]-'0'), true
	}
	return 0, false
}

// cutParameter takes one parameter off the front of s: a token, and a value
// that is a token or a quoted string. It ends with a semicolon (more is true)
// or with s. RFC 7692, 5.2: "The value may be quoted."
func cutParameter(s string) (name, value string, hasValue bool, rest string, more, ok bool) {
	s = strings.TrimLeft(s, " \t")
	n := strings.IndexAny(s, "=; \t")
	if n < 0 {
		n = len(s)
	}
	name, s = s[:n], strings.TrimLeft(s[n:], " \t")
	if s != "" && s[0] == '=' {
		hasValue = true
		s = strings.TrimLeft(s[1:], " \t")
		if s != "" && s[0] == '"' {
			if value, s, ok = cutQuoted(s[1:]); !ok {
				return name, "", true, "", false, false
			}
		} else {
			if n = strings.IndexAny(s, "; \t"); n < 0 {
				n = len(s)
			}
			value, s = s[:n], s[n:]
		}
		s = strings.TrimLeft(s, " \t")
	}
	switch {
	case s == "":
		return name, value, hasValue, "", false, name != ""
	case s[0] == ';':
		return name, value, hasValue, s[1:], true, name != ""
	}
	return name, value, hasValue, "", false, false
}

// cutQuoted reads a quoted string behind its first quote. RFC 6455, 9.1: "the
// value after quoted-string unescaping MUST conform to the 'token' ABNF": the
// values here are digits, which parseBits checks.
func cutQuoted(s string) (value, rest string, ok bool) {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return string(b), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b = append(b, s[i])
	}
	return "", "", false
}
