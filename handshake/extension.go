package handshake

import "strings"

// appendExtensions appends the elements of a Sec-WebSocket-Extensions field
// to dst, each with its parameters and as it was sent. bad is where the
// syntax is broken, quoted, or "".
//
// RFC 6455, 9.1: "If a value is received by either the client or the server
// during negotiation that does not conform to the ABNF below, the recipient
// of such malformed data MUST immediately _Fail the WebSocket Connection_."
//
//	extension-list  = 1#extension
//	extension       = extension-token *( ";" extension-param )
//	extension-param = token [ "=" (token | quoted-string) ]
//
// White space may stand between any two parts ("implied *LWS"), and empty
// elements do not count (the #rule of RFC 2616).
func appendExtensions(dst []string, lines []string) (_ []string, bad string) {
	begin := len(dst)
	for _, line := range lines {
		for rest := line; ; {
			rest = strings.TrimLeft(rest, " \t,")
			if rest == "" {
				break
			}
			n, ok := extensionLen(rest)
			if !ok {
				return dst[:begin], quote(rest)
			}
			dst = append(dst, trimSpace(rest[:n]))
			rest = rest[n:]
		}
	}
	if len(lines) > 0 && len(dst) == begin {
		return dst, `""`
	}
	return dst, ""
}

// extensionLen returns the length of the extension at the beginning of s: up
// to the comma after it or the end.
func extensionLen(s string) (n int, ok bool) {
	i := tokenLen(s)
	if i == 0 {
		return 0, false
	}
	for {
		i += spaceLen(s[i:])
		if i == len(s) || s[i] == ',' {
			return i, true
		}
		if s[i] != ';' {
			return 0, false
		}
		i++
		i += spaceLen(s[i:])
		name := tokenLen(s[i:])
		if name == 0 {
			return 0, false
		}
		i += name
		after := i + spaceLen(s[i:])
		if after == len(s) || s[after] != '=' {
			continue
		}
		i = after + 1
		i += spaceLen(s[i:])
		value := tokenLen(s[i:])
		if value == 0 {
			value = quotedTokenLen(s[i:])
		}
		if value == 0 {
			return 0, false
		}
		i += value
	}
}

// quotedTokenLen returns the length of the quoted string at the beginning of
// s, or 0. RFC 6455, 9.1: "When using the quoted-string syntax variant, the
// value after quoted-string unescaping MUST conform to the 'token' ABNF."
func quotedTokenLen(s string) int {
	if s == "" || s[0] != '"' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"' && i > 1:
			return i + 1
		case s[i] == '\\' && i+1 < len(s) && tokenByte[s[i+1]]:
			i++
		case !tokenByte[s[i]]:
			return 0
		}
	}
	return 0
}

func tokenLen(s string) int {
	i := 0
	for i < len(s) && tokenByte[s[i]] {
		i++
	}
	return i
}

func spaceLen(s string) int {
	i := 0
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

// extensionName is the token before the parameters of an element.
func extensionName(element string) string { return element[:tokenLen(element)] }

// offered says whether an element of that name is in the list. Names are
// compared exactly: RFC 6455 gives no leave to ignore case, and no server is
// known that answers in another one.
func offered(list []string, name string) bool {
	for _, e := range list {
		if extensionName(e) == name {
			return true
		}
	}
	return false
}
