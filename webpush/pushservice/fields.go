package pushservice

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Urgency is how urgent a message is, from the least to the most.
type Urgency int8

const (
	VeryLow Urgency = iota - 2
	Low
	Normal // also that of a message without the field
	High
)

var urgencies = map[string]Urgency{"very-low": VeryLow, "low": Low, "normal": Normal, "high": High}

// parseUrgency reads the field Urgency; def stands for none.
//
// RFC 8030, 5.3: "Multiple values for the Urgency header field MUST NOT be
// included in requests; otherwise, the push service MUST return a 400 (Bad
// Request) status code."
func parseUrgency(h http.Header, def Urgency) (Urgency, error) {
	switch v := h["Urgency"]; len(v) {
	case 0:
		return def, nil
	case 1:
		if u, ok := urgencies[strings.ToLower(v[0])]; ok { // strings in ABNF have no case (RFC 5234, 2.3)
			return u, nil
		}
	}
	return 0, badRequest("bad_urgency", "Urgency is one of very-low, low, normal and high")
}

// maxTTL is what every longer TTL counts as.
//
// RFC 8030, 5.2: "If a recipient receives a TTL value greater than the
// greatest integer it can represent, or if any of its subsequent calculations
// overflows, it MUST consider the value to be 2147483648 (2^31)."
const maxTTL = 1 << 31

// parseTTL reads the field TTL. "TTL = 1*DIGIT"
func parseTTL(h http.Header) (time.Duration, error) {
	v := h["Ttl"]
	if len(v) == 0 {
		// RFC 8030, 5.2: "A push service MUST return a 400 (Bad Request)
		// status code in response to requests that omit the TTL header
		// field."
		return 0, badRequest("ttl_missing", "the field TTL is missing: it says for how many seconds the message is worth keeping")
	}
	if len(v) > 1 || v[0] == "" || strings.Trim(v[0], "0123456789") != "" {
		return 0, badRequest("bad_ttl", "TTL is a number of seconds")
	}
	n, err := strconv.ParseUint(v[0], 10, 64)
	if err != nil || n > maxTTL {
		n = maxTTL
	}
	return time.Duration(n) * time.Second, nil
}

// maxTopic is the length of a topic.
const maxTopic = 32

// parseTopic reads the field Topic, "" is none.
//
// RFC 8030, 5.4: "the Topic header field MUST be restricted to no more than 32
// characters from the URL and a filename-safe Base 64 alphabet [RFC4648]. A
// push service that receives a request with a Topic header field that does not
// meet these constraints MUST return a 400 (Bad Request) status code".
func parseTopic(h http.Header) (string, error) {
	v := h["Topic"]
	if len(v) == 0 {
		return "", nil
	}
	if len(v) > 1 || v[0] == "" || len(v[0]) > maxTopic || !base64url(v[0]) {
		return "", badRequest("bad_topic", "Topic is 1 to 32 characters of A-Z, a-z, 0-9, - and _")
	}
	return v[0], nil
}

func base64url(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// preference looks for a preference in the fields Prefer (RFC 7240, 2), and
// returns its value without quotes.
func preference(h http.Header, name string) (value string, ok bool) {
	for _, line := range h["Prefer"] {
		for p := range strings.SplitSeq(line, ",") {
			p, _, _ = strings.Cut(p, ";") // parameters say nothing that we know
			token, v, _ := strings.Cut(p, "=")
			if strings.EqualFold(strings.TrimSpace(token), name) {
				return strings.Trim(strings.TrimSpace(v), `"`), true // the first one counts
			}
		}
	}
	return "", false
}

const (
	relPush    = "urn:ietf:params:push"
	relSet     = "urn:ietf:params:push:set"
	relReceipt = "urn:ietf:params:push:receipt"
)

// link finds the target of the link with that relation in the fields Link
// (RFC 8288, 3), as far as RFC 8030 uses them: a URI in angle brackets and
// parameters, of which rel counts.
func link(h http.Header, rel string) (target string, ok bool) {
	for _, rest := range h["Link"] {
		for {
			_, after, found := strings.Cut(rest, "<")
			if !found {
				break
			}
			uri, params, found := strings.Cut(after, ">")
			if !found {
				break
			}
			end := linkEnd(params)
			if hasRel(params[:end], rel) {
				return uri, true
			}
			rest = params[end:]
		}
	}
	return "", false
}

// linkEnd returns where the comma behind a link's parameters is, or the end.
func linkEnd(s string) int {
	quoted := false
	for i, c := range []byte(s) {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return i
		}
	}
	return len(s)
}

func hasRel(params, rel string) bool {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "rel") {
			continue
		}
		for r := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(value), `"`)) {
			if strings.EqualFold(r, rel) {
				return true
			}
		}
		return false // RFC 8288, 3.3: a second rel is ignored
	}
	return false
}

// param finds a parameter of the older fields Encryption and Crypto-Key
// ("keyid=p256dh;dh=...;p256ecdsa=...", in several elements). It is copied: a
// message keeps it, and the field may be large.
func param(h http.Header, field, name string) string {
	for _, line := range h[field] {
		for element := range strings.SplitSeq(line, ",") {
			for p := range strings.SplitSeq(element, ";") {
				n, v, _ := strings.Cut(p, "=")
				if strings.EqualFold(strings.TrimSpace(n), name) {
					return strings.Clone(strings.Trim(strings.TrimSpace(v), `"`))
				}
			}
		}
	}
	return ""
}

// parseContent reads what is passed on to the user agent, but for the body.
//
// RFC 8030, 5.3 and 5.4: "The push service MUST NOT forward the Urgency header
// field to the user agent" and "The value of the Topic header field MUST NOT be
// forwarded to user agents." RFC 8292, 4.2: "A push service MUST NOT forward
// the JWT or public key to the user agent": the key of the older VAPID stands
// in Crypto-Key, of which only dh goes on.
func parseContent(h http.Header) (content, error) {
	c := content{Type: h.Get("Content-Type"), Encoding: strings.ToLower(h.Get("Content-Encoding"))}
	if c.Encoding == "aesgcm" {
		c.Encryption, c.CryptoKey = param(h, "Encryption", "salt"), param(h, "Crypto-Key", "dh")
		if !base64url(c.Encryption) || !base64url(c.CryptoKey) || c.Encryption == "" || c.CryptoKey == "" {
			return c, badRequest("bad_encryption", "aesgcm needs the fields Encryption with salt and Crypto-Key with dh")
		}
	}
	for _, f := range [...]string{c.Type, c.Encoding, c.Encryption, c.CryptoKey} {
		if len(f) > maxField {
			return c, badRequest("field_too_long", fmt.Sprintf("a field that is kept with the message is longer than %d bytes", maxField))
		}
	}
	return c, nil
}
