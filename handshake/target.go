package handshake

import "strings"

// parseTarget reads the target of a request line. resource is its path and
// query; host is set only if the target is absolute.
//
// RFC 6455, 4.2.1: "a "Request-URI" that should be interpreted as a
// /resource name/ defined in Section 3 (or an absolute HTTP/HTTPS URI
// containing the /resource name/)". So "*" and "host:port", which belong to
// OPTIONS and CONNECT, are refused.
func parseTarget(s string) (resource, host string, err *Error) {
	if strings.HasPrefix(s, "/") {
		if !validResource(s) {
			return "", "", faultTarget.with(quote(s))
		}
		return s, "", nil
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !equalFold(scheme, "http") && !equalFold(scheme, "https") {
		return "", "", faultTargetForm.with(quote(s))
	}
	host, resource = rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host, resource = rest[:i], rest[i:]
	}
	if strings.Contains(host, "@") {
		return "", "", faultTargetForm.with(quote(s))
	}
	if _, ok := parseAuthority(host); !ok {
		return "", "", faultHostInvalid.with(quote(host))
	}
	// RFC 6455, 3: the resource name begins with "/" if the path is empty.
	if !strings.HasPrefix(resource, "/") {
		resource = "/" + resource
	}
	if !validResource(resource) {
		return "", "", faultTarget.with(quote(s))
	}
	return resource, host, nil
}

// validResource says whether s is a path, which begins with a slash, and
// perhaps a query. Browsers leave some characters alone that RFC 3986 wants
// escaped, "|" and "{" among them, so all visible ASCII may pass but "#":
// RFC 6455, 3, "Fragment identifiers are meaningless in the context of
// WebSocket URIs and MUST NOT be used on these URIs". Escapes in the path
// have to be whole, for net/http refuses others; in the query it does not
// look at them.
func validResource(s string) bool {
	if s == "" || s[0] != '/' {
		return false
	}
	query := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ' || c >= 0x7f || c == '#':
			return false
		case c == '?':
			query = true
		case c == '%' && !query:
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
		}
	}
	return true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// parseVersion reads "HTTP/1.1" as 11. Major versions other than 1 have
// another form on the wire and are refused; a later minor version than 1 is
// read as it is, since RFC 9110, 2.5, promises that its syntax is ours.
func parseVersion(s string) (int, *Error) {
	const form = "HTTP/1.1"
	if len(s) != len(form) || s[:5] != form[:5] || s[6] != '.' || !isDigit(s[5]) || !isDigit(s[7]) {
		return 0, faultHTTPVersionSyntax.with(quote(s))
	}
	if s[5] != '1' {
		return 0, faultHTTPVersion.with(s)
	}
	return 10 + int(s[7]-'0'), nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
