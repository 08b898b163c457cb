package webpush

import (
	"bytes"
	"crypto/ecdh"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"time"
)

const (
	publicSize = 65 // bytes of a point on P-256, uncompressed
	authSize   = 16 // bytes of an authentication secret

	// maxSubscription is the longest JSON that is taken, in bytes. Browsers
	// make 250 to 800.
	maxSubscription = 8 << 10
)

// A Subscription is what a page got from PushManager.subscribe and sent to
// its server as JSON. Whoever knows one may send to it (RFC 8030, 8.3 calls
// the endpoint a capability URL) and, with its keys, be believed: store it as
// a secret and keep it out of logs.
//
// One that comes from outside is read by [ParseSubscription] or by
// encoding/json, which both validate it. One that is put together from the
// columns of a database is validated when it is used.
type Subscription struct {
	Endpoint       string    // URL of the push resource
	ExpirationTime time.Time // zero if there is none, which is usual
	Keys           Keys
}

// Keys are what messages to a subscription are encrypted for, as toJSON()
// names and writes them: in base64url.
type Keys struct {
	P256dh string `json:"p256dh"` // the user agent's public key, a point on P-256 of 65 bytes
	Auth   string `json:"auth"`   // the authentication secret, 16 bytes
}

// ParseSubscription reads and validates what PushSubscription.toJSON() gives:
//
//	{"endpoint":"https://...","expirationTime":null,"keys":{"p256dh":"...","auth":"..."}}
//
// The endpoint has to be an https URL (http on a loopback address too), the
// public key a point on the curve, the secret 16 bytes. Keys in the other
// base64 alphabet, or padded, are taken, and are base64url afterwards. Members
// that it does not know are ignored. Whatever is wrong is a
// [*SubscriptionError]. b is not retained.
func ParseSubscription(b []byte) (*Subscription, error) {
	if len(b) > maxSubscription {
		return nil, faultSubscriptionSize.subscription(len(b), maxSubscription)
	}
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] != '{' {
		return nil, faultSubscriptionJSON.subscription("it is of another type")
	}
	var in struct {
		Endpoint       string          `json:"endpoint"`
		ExpirationTime json.RawMessage `json:"expirationTime"`
		Keys           Keys            `json:"keys"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, faultSubscriptionJSON.subscription(jsonFault(err))
	}
	s := &Subscription{Endpoint: in.Endpoint}
	if _, err := parseEndpoint(s.Endpoint); err != nil {
		return nil, err
	}
	key, auth, err := in.Keys.decode()
	if err != nil {
		return nil, err
	}
	s.Keys = Keys{raw64.EncodeToString(key.Bytes()), raw64.EncodeToString(auth[:])}
	if s.ExpirationTime, err = parseExpiration(in.ExpirationTime); err != nil {
		return nil, err
	}
	return s, nil
}

// jsonFault says what encoding/json found, without what it found it in.
func jsonFault(err error) string {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return "a mistake of syntax, or it was cut"
	case errors.As(err, &typ):
		return "a member is of another type"
	}
	return "it can't be read"
}

// maxExpiration is the last time that is taken, in milliseconds: what
// JavaScript's numbers hold without loss.
const maxExpiration = 1 << 53

// Push API, 9: expirationTime is an EpochTimeStamp, milliseconds since 1970,
// or null.
func parseExpiration(raw json.RawMessage) (time.Time, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return time.Time{}, nil
	}
	var ms float64
	if json.Unmarshal(raw, &ms) != nil || ms != math.Trunc(ms) || ms < 0 || ms > maxExpiration {
		return time.Time{}, faultExpirationTime.subscription()
	}
	return time.UnixMilli(int64(ms)).UTC(), nil
}

// decode returns the keys as bytes. RFC 8291, 7: "The user agent and
// application MUST verify that the public key they receive is on the P-256
// curve"; crypto/ecdh does all three steps.
func (k *Keys) decode() (*ecdh.PublicKey, [authSize]byte, error) {
	var auth [authSize]byte
	if k.P256dh == "" {
		return nil, auth, faultP256dhMissing.subscription()
	}
	b, ok := decode64(k.P256dh)
	if !ok {
		return nil, auth, faultP256dhBase64.subscription(len(k.P256dh))
	}
	key, err := ecdh.P256().NewPublicKey(b)
	if err != nil {
		return nil, auth, faultP256dhPoint.subscription()
	}
	if k.Auth == "" {
		return nil, auth, faultAuthMissing.subscription()
	}
	// RFC 8291, 3.2: "a hard-to-guess sequence of 16 octets"
	switch b, ok := decode64(k.Auth); {
	case !ok:
		return nil, auth, faultAuthBase64.subscription(len(k.Auth))
	case len(b) != authSize:
		return nil, auth, faultAuthSize.subscription(len(b))
	default:
		copy(auth[:], b)
	}
	return key, auth, nil
}

// MarshalJSON writes s as PushSubscription.toJSON() does.
func (s Subscription) MarshalJSON() ([]byte, error) {
	out := struct {
		Endpoint       string `json:"endpoint"`
		ExpirationTime *int64 `json:"expirationTime"`
		Keys           Keys   `json:"keys"`
	}{Endpoint: s.Endpoint, Keys: s.Keys}
	if !s.ExpirationTime.IsZero() {
		ms := s.ExpirationTime.UnixMilli()
		out.ExpirationTime = &ms
	}
	return json.Marshal(out)
}

// UnmarshalJSON is [ParseSubscription] for encoding/json: in a larger message
// of a page, a subscription is validated too.
func (s *Subscription) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil // by encoding/json's convention
	}
	parsed, err := ParseSubscription(b)
	if err != nil {
		return err
	}
	*s = *parsed
	return nil
}

// String returns the origin of the endpoint, which is what a log may hold.
func (s Subscription) String() string {
	u, err := parseEndpoint(s.Endpoint)
	if err != nil {
		return "a subscription whose endpoint can't be used"
	}
	return "a subscription at " + originOf(u)
}

// LogValue gives log/slog what String returns: its JSON handler would write
// the endpoint and the keys.
func (s Subscription) LogValue() slog.Value { return slog.StringValue(s.String()) }
