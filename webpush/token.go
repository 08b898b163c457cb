package webpush

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/json"
	"math/big"
	"strings"
	"time"
)

// tokenHead is {"typ":"JWT","alg":"ES256"} in base64url, as RFC 8292, 2.4 has
// it.
const tokenHead = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9"

// claims are those that RFC 8292, 2 and 2.1 name, in the order of its example.
type claims struct {
	Audience string `json:"aud"`
	Expiry   int64  `json:"exp"`
	Subject  string `json:"sub,omitempty"`
}

// signingInput is what is signed, and all of a token but its signature.
func signingInput(audience, subject string, expiry time.Time) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // an ampersand in a mailto URI stays one
	if err := e.Encode(claims{audience, expiry.Unix(), subject}); err != nil {
		return "", err
	}
	return tokenHead + "." + raw64.EncodeToString([]byte(strings.TrimSuffix(b.String(), "\n"))), nil
}

// authorization signs a token and returns the value of the Authorization
// field.
func (k *Key) authorization(audience, subject string, expiry time.Time) (string, error) {
	input, err := signingInput(audience, subject, expiry)
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256([]byte(input))
	der, err := k.signer.Sign(rand.Reader, hash[:], crypto.SHA256)
	if err != nil {
		return "", err
	}
	var s struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &s); err != nil || len(rest) > 0 || !isScalar(s.R) || !isScalar(s.S) {
		return "", faultKeySigner.config()
	}
	// A service would answer 403 to each message and not say why.
	if !ecdsa.Verify(k.public, hash[:], s.R, s.S) {
		return "", faultKeySigner.config()
	}
	// RFC 7518, 3.4: R and S "as octet sequences in big-endian order, with
	// each array being be 32 octets long", one after the other.
	var signature [64]byte
	s.R.FillBytes(signature[:32])
	s.S.FillBytes(signature[32:])
	return "vapid t=" + input + "." + raw64.EncodeToString(signature[:]) + ", k=" + k.text, nil
}

func isScalar(n *big.Int) bool { return n.Sign() > 0 && n.BitLen() <= 256 }
