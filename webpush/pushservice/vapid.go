package pushservice

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pushwire/pushwire/webpush"
)

// authorize finds out who sends, as far as the sender says, and refuses who
// may not: key is the point that the subscription is restricted to, nil for
// none. It returns the sender's point, nil when it says nothing.
func (s *Service) authorize(r *http.Request, key []byte) ([]byte, error) {
	v := r.Header["Authorization"]
	var sender []byte
	if len(v) > 0 {
		var err error
		sender, err = s.verified.verify(v[0], s.origin(r), time.Now())
		var ve *webpush.VAPIDError
		switch {
		case err == nil && len(v) == 1:
		case errors.As(err, &ve) && ve.Missing: // another scheme, which is none of ours
			sender = nil
		default:
			// RFC 8292, 2: "A push service MAY reject a request with a 403
			// (Forbidden) status code [RFC7231] if the JWT signature or its
			// claims are invalid. A push service MUST NOT use information
			// from an invalid token."
			message := "the request has Authorization twice"
			if err != nil {
				message = strings.TrimPrefix(err.Error(), "webpush: ")
			}
			return nil, &refusal{status: http.StatusForbidden, token: "vapid_invalid", message: message}
		}
	}
	switch {
	case sender == nil && (key != nil || s.st.o.RequireVAPID):
		// RFC 8292, 4.2: "A push service MUST reject a message sent to a
		// restricted push message subscription if that message includes no
		// "vapid" authentication or invalid "vapid" authentication. A 401
		// (Unauthorized) status code might be used if the authentication is
		// absent; a 403 (Forbidden) status code might be used if
		// authentication is invalid."
		return nil, &refusal{status: http.StatusUnauthorized, token: "vapid_missing",
			message: "this subscription takes messages of its application server only; identify with VAPID"}
	case key != nil && !bytes.Equal(sender, key):
		// "the public key used to sign the JWT doesn't match the one that was
		// included in the creation of the push message subscription."
		return nil, &refusal{status: http.StatusForbidden, token: "vapid_other_key",
			message: "this subscription was made for another application server's key"}
	}
	return sender, nil
}

const maxTokens = 4_096 // verified tokens that are remembered

// tokenCache remembers tokens that were verified, since a signature costs more
// than all else that a message does.
//
// RFC 8292, 5: "Application servers are therefore encouraged to reuse tokens,
// which permits the push service to cache the results of signature
// validation."
type tokenCache struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]knownToken
}

type knownToken struct {
	point  []byte
	expiry time.Time
}

// verify returns the point of who signed the Authorization field.
func (t *tokenCache) verify(authorization, audience string, now time.Time) ([]byte, error) {
	id := sha256.Sum256([]byte(audience + "\n" + authorization))
	t.mu.Lock()
	k, ok := t.known[id]
	t.mu.Unlock()
	if ok && !now.After(k.expiry) {
		return k.point, nil
	}
	v, err := webpush.VerifyVAPID(authorization, audience, now)
	if err != nil {
		return nil, err
	}
	point, err := parsePoint(v.PublicKey)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = make(map[[sha256.Size]byte]knownToken)
	}
	for old := range t.known {
		if len(t.known) < maxTokens {
			break
		}
		delete(t.known, old) // any: what is used comes back
	}
	t.known[id] = knownToken{point, v.Expiry}
	return point, nil
}

var errPoint = errors.New("pushservice: not a point on P-256 in base64url")

const pointSize = 65 // bytes of an uncompressed point on P-256

// parsePoint reads a public key as RFC 8292, 3.2, and browsers write it:
// uncompressed, in base64url, with or without padding.
func parsePoint(s string) ([]byte, error) {
	if len(s) > 2*pointSize {
		return nil, errPoint
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil || len(b) != pointSize {
		return nil, errPoint
	}
	if _, err := ecdh.P256().NewPublicKey(b); err != nil {
		return nil, errPoint
	}
	return b, nil
}

// sameKeys reports whether the sender signs with the key that the message was
// encrypted with. In aes128gcm that is the keyid (RFC 8291, 4): after salt,
// record size and its length.
func sameKeys(sender []byte, c content) bool {
	const at = 16 + 4 + 1
	switch c.Encoding {
	case "aes128gcm":
		return sender != nil && len(c.Body) >= at+pointSize && bytes.Equal(c.Body[at:at+pointSize], sender)
	case "aesgcm":
		dh, err := parsePoint(c.CryptoKey)
		return err == nil && bytes.Equal(dh, sender)
	}
	return false
}
