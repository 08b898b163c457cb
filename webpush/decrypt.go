package webpush

import (
	"crypto/ecdh"
	"crypto/rand"
	"log/slog"
)

// Decrypt is the user agent's side: it returns the plaintext of a body that
// was encrypted for the public half of priv and the authentication secret
// auth. It takes what RFC 8291 allows, one record with padding of any length
// and whatever record size fits, and nothing else; what it does not take is a
// [*DecryptError]. body is not retained and not changed.
func Decrypt(priv *ecdh.PrivateKey, auth []byte, body []byte) ([]byte, error) {
	if priv == nil || priv.Curve() != ecdh.P256() || len(auth) != authSize {
		return nil, faultBodySecret.decrypt()
	}
	h, record, ok := parseHead(body)
	if !ok {
		return nil, faultBodyShort.decrypt(len(body), overhead)
	}
	// RFC 8291, 4: "a 65-octet sequence that starts with a 0x04 octet) forms
	// the entirety of the "keyid""
	if len(h.keyID) != publicSize {
		return nil, faultBodyKeyID.decrypt(len(h.keyID))
	}
	if h.recordSize < minRecordSize {
		return nil, faultBodyRecordSize.decrypt(h.recordSize)
	}
	if len(record) < 1+tagSize {
		return nil, faultBodyShort.decrypt(len(body), overhead)
	}
	// RFC 8291, 4: "A user agent is not required to support multiple records."
	// By the same section the record size is to be "greater than" what there
	// is, but a record that fills it is whole too (RFC 8188, 2: "the final
	// record can be smaller than the record size"), and senders make such.
	if uint64(len(record)) > uint64(h.recordSize) {
		return nil, faultBodyRecords.decrypt(len(record), h.recordSize)
	}
	public, err := ecdh.P256().NewPublicKey(h.keyID)
	if err != nil {
		return nil, faultBodyPoint.decrypt()
	}
	secret, err := priv.ECDH(public)
	if err != nil {
		return nil, faultBodyPoint.decrypt()
	}
	ua := [publicSize]byte(priv.PublicKey().Bytes())
	ikm := inputKey(secret, (*[authSize]byte)(auth), &ua, (*[publicSize]byte)(h.keyID))
	aead, nonce := contentKey(&h.salt, ikm[:])
	plain, err := aead.Open(nil, nonce[:], record, nil)
	if err != nil {
		return nil, faultBodyAuthentic.decrypt()
	}
	// RFC 8291, 4: "The padding delimiter octet MUST be checked; values other
	// than 0x02 MUST cause the message to be discarded."
	data, ok := unpad(plain, lastDelimiter)
	if !ok {
		return nil, faultBodyDelimiter.decrypt()
	}
	return data, nil
}

// UserKeys are the user agent's half of a subscription: what a browser keeps
// to itself, and what a test or a user agent in Go needs.
type UserKeys struct {
	Private *ecdh.PrivateKey // on P-256
	Auth    [16]byte         // the authentication secret
}

// NewUserKeys makes the keys of a new subscription. RFC 8291, 3.1: "For each
// new subscription that the user agent generates for an application, it also
// generates a P-256 [FIPS186] key pair for use in ECDH".
func NewUserKeys() (*UserKeys, error) {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	u := &UserKeys{Private: private}
	rand.Read(u.Auth[:]) // never fails
	return u, nil
}

// Subscription returns the half that the application server gets.
func (u *UserKeys) Subscription(endpoint string) *Subscription {
	return &Subscription{
		Endpoint: endpoint,
		Keys: Keys{
			P256dh: raw64.EncodeToString(u.Private.PublicKey().Bytes()),
			Auth:   raw64.EncodeToString(u.Auth[:]),
		},
	}
}

// Decrypt is [Decrypt] with these keys.
func (u *UserKeys) Decrypt(body []byte) ([]byte, error) {
	return Decrypt(u.Private, u.Auth[:], body)
}

// String says what u is and not what it holds.
func (u *UserKeys) String() string { return "the keys of a user agent" }

// GoString returns what String does.
func (u *UserKeys) GoString() string { return u.String() }

// LogValue gives log/slog what String returns.
func (u *UserKeys) LogValue() slog.Value { return slog.StringValue(u.String()) }
