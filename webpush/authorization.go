package webpush

import (
	"strings"
)

// maxAuthorization is the longest Authorization field that is taken, in
// bytes. Senders make 300 to 500.
const maxAuthorization = 4 << 10

// parseAuthorization takes token and key out of the field. RFC 8292, 3: "All
// unknown or unsupported parameters to "vapid" authentication credentials MUST
// be ignored."
func parseAuthorization(s string) (token, key string, err error) {
	scheme, rest, _ := strings.Cut(strings.Trim(s, " \t"), " ")
	if !strings.EqualFold(scheme, "vapid") {
		return "", "", faultVAPIDScheme.vapid()
	}
	var seenT, seenK bool
	for rest = strings.TrimLeft(rest, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		var name, value string
		var ok bool
		if name, value, rest, ok = cutParameter(rest); !ok {
			return "", "", faultVAPIDParameter.vapid(quote(rest))
		}
		// RFC 9110, 11.2: "the token name is matched case-insensitively"
		into, seen := &token, &seenT
		switch strings.ToLower(name) {
		case "t":
		case "k":
			into, seen = &key, &seenK
		default:
			continue
		}
		if *seen {
			return "", "", faultVAPIDRepeated.vapid(name)
		}
		*into, *seen = value, true
	}
	if token == "" {
		return "", "", faultVAPIDMissing.vapid("t")
	}
	if key == "" {
		return "", "", faultVAPIDMissing.vapid("k")
	}
	return token, key, nil
}

// cutParameter reads name=value, with what RFC 9110, 11.2 calls bad white space
// around the equal sign, up to the next comma; where it fails, rest is where.
func cutParameter(s string) (name, value, rest string, ok bool) {
	i := strings.IndexByte(s, '=')
	if i < 0 {
		return "", "", s, false
	}
	name = strings.TrimRight(s[:i], " \t")
	if name == "" || strings.ContainsAny(name, " \t\",;") {
		return "", "", s, false
	}
	at := s
	s = strings.TrimLeft(s[i+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		value, s, found := strings.Cut(s, ",")
		value = strings.TrimRight(value, " \t")
		if value == "" && !found || strings.ContainsAny(value, " \t\"") {
			return "", "", at, false
		}
		return name, value, s, true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i == len(s) {
				return "", "", at, false
			}
			b.WriteByte(s[i])
		case '"':
			rest = strings.TrimLeft(s[i+1:], " \t")
			if rest != "" && rest[0] != ',' {
				return "", "", at, false
			}
			return name, b.String(), rest, true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", at, false
}
