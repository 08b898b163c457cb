package webpush

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"time"
)

// RFC 8292, 2: "An "exp" claim MUST NOT be more than 24 hours from the time of
// the request."
const maxTokenLife = 24 * time.Hour

// VAPID is what a sender says of itself, once [VerifyVAPID] has found that it
// holds the key.
type VAPID struct {
	PublicKey string    // in base64url, as [Key.PublicKey] gives it
	Subject   string    // who to turn to, unverified; "" if it does not say
	Expiry    time.Time // of the token
	Audience  []string  // usually one
}

// VerifyVAPID checks the Authorization field of a request to a push service
// whose origin is audience, as "https://push.example.net". A fault is a
// [*VAPIDError], and nothing of the field is to be used then.
//
// It is lenient in form: the scheme in any case, parameters in any order, with
// or without space around commas and equal signs, quoted or not, and unknown
// ones ignored. It is strict in what is claimed: signature, audience and time,
// which is now.
func VerifyVAPID(authorization string, audience string, now time.Time) (*VAPID, error) {
	if len(authorization) > maxAuthorization {
		return nil, faultVAPIDSize.vapid(len(authorization), maxAuthorization)
	}
	token, key, err := parseAuthorization(authorization)
	if err != nil {
		return nil, err
	}
	// RFC 8292, 3.2: "The "k" parameter includes an ECDSA public key [FIPS186]
	// in uncompressed form [X9.62] that is encoded using base64url encoding"
	point, ok := decode64(key)
	if !ok || len(point) != publicSize {
		return nil, faultVAPIDKey.vapid()
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, faultVAPIDKey.vapid()
	}
	payload, err := verifyToken(token, public)
	if err != nil {
		return nil, err
	}
	v, err := parseClaims(payload)
	if err != nil {
		return nil, err
	}
	// RFC 8292, 4.2 lists what makes a token invalid: "the current time is
	// later than the time identified in the "exp" (Expiry) claim or more than
	// 24 hours before the expiry time", "the origin of the push resource is
	// not included in the "aud" (Audience) claim".
	switch {
	case !containsOrigin(v.Audience, audience):
		return nil, faultVAPIDAudience.vapid(quote(strings.Join(v.Audience, ", ")))
	case now.After(v.Expiry):
		return nil, faultVAPIDExpired.vapid(v.Expiry.Format(time.RFC3339))
	case v.Expiry.Sub(now) > maxTokenLife:
		return nil, faultVAPIDTooLong.vapid(v.Expiry.Format(time.RFC3339))
	}
	v.PublicKey = raw64.EncodeToString(point)
	return v, nil
}

// containsOrigin compares as URLs do: some senders leave a slash at the end.
func containsOrigin(list []string, origin string) bool {
	for _, s := range list {
		if strings.EqualFold(strings.TrimSuffix(s, "/"), origin) {
			return true
		}
	}
	return false
}

// verifyToken returns the claims of a token that the key has signed.
func verifyToken(token string, public *ecdsa.PublicKey) ([]byte, error) {
	input, last, ok := cutLast(token, '.')
	if !ok || strings.Count(input, ".") != 1 {
		return nil, faultVAPIDToken.vapid()
	}
	head, payload, _ := strings.Cut(input, ".")
	signature, ok := decodeToken(last)
	if !ok || len(signature) != 64 {
		return nil, faultVAPIDToken.vapid()
	}
	// RFC 8292, 2: "The JWT MUST use a JSON Web Signature (JWS) [RFC7515]. The
	// signature MUST use ECDSA on the NIST P-256 curve [FIPS186], which is
	// identified as "ES256"". The algorithm is not chosen by what it says.
	raw, ok := decodeToken(head)
	if !ok {
		return nil, faultVAPIDToken.vapid()
	}
	var h struct {
		Algorithm string          `json:"alg"`
		Critical  json.RawMessage `json:"crit"`
	}
	if err := json.Unmarshal(raw, &h); err != nil {
		return nil, faultVAPIDHeader.vapid()
	}
	if h.Algorithm != "ES256" {
		return nil, faultVAPIDAlgorithm.vapid(quote(h.Algorithm))
	}
	// RFC 7515, 4.1.11: "If any of the listed extension Header Parameters are
	// not understood and supported by the recipient, then the JWS is invalid."
	if h.Critical != nil {
		return nil, faultVAPIDHeader.vapid()
	}
	claims, ok := decodeToken(payload)
	if !ok {
		return nil, faultVAPIDToken.vapid()
	}
	hash := sha256.Sum256([]byte(input))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(public, hash[:], r, s) {
		return nil, faultVAPIDSignature.vapid()
	}
	return claims, nil
}

// decodeToken reads a part of a token. encoding/base64 would skip line ends,
// and so give one token many spellings.
func decodeToken(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := raw64.DecodeString(s)
	return b, err == nil
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

// parseClaims reads aud, which may be one or a list (RFC 7519, 4.1.3), exp and
// sub.
func parseClaims(b []byte) (*VAPID, error) {
	var in struct {
		Audience json.RawMessage `json:"aud"`
		Expiry   *float64        `json:"exp"`
		Subject  string          `json:"sub"`
	}
	if err := json.Unmarshal(b, &in); err != nil || in.Expiry == nil {
		return nil, faultVAPIDClaims.vapid()
	}
	v := &VAPID{Subject: in.Subject}
	if bytes.HasPrefix(in.Audience, []byte("[")) {
		if json.Unmarshal(in.Audience, &v.Audience) != nil {
			return nil, faultVAPIDClaims.vapid()
		}
	} else {
		v.Audience = make([]string, 1)
		if json.Unmarshal(in.Audience, &v.Audience[0]) != nil || v.Audience[0] == "" {
			return nil, faultVAPIDClaims.vapid()
		}
	}
	// RFC 7519, 2: a NumericDate may have a fraction.
	whole, part := math.Modf(*in.Expiry)
	if *in.Expiry < 0 || whole > 1<<40 {
		return nil, faultVAPIDClaims.vapid()
	}
	v.Expiry = time.Unix(int64(whole), int64(part*1e9)).UTC()
	return v, nil
}
