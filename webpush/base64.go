package webpush

import (
	"encoding/base64"
	"strings"
)

// raw64 is how Web Push writes bytes in text. RFC 7515, 2: "Base64 encoding
// using the URL- and filename-safe character set (...) with all trailing '='
// characters omitted". Strict refuses unused bits that are not zero, so that
// every value has one spelling.
var raw64 = base64.RawURLEncoding.Strict()

// decode64 reads base64url, and takes what pages and tools make of it: the
// other alphabet (that of btoa) and padding at the end.
func decode64(s string) ([]byte, bool) {
	s = strings.TrimRight(s, "=")
	if strings.ContainsAny(s, "\r\n") {
		return nil, false // which encoding/base64 would skip
	}
	if strings.ContainsAny(s, "+/") {
		s = strings.NewReplacer("+", "-", "/", "_").Replace(s)
	}
	b, err := raw64.DecodeString(s)
	return b, err == nil
}
