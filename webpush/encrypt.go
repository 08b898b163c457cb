package webpush

import (
	"crypto/ecdh"
	"crypto/rand"
)

const (
	// MaxPlaintext is the largest plaintext of a message, in bytes. RFC 8291,
	// 4: "Absent header (86 octets), padding (minimum 1 octet), and expansion
	// for AEAD_AES_128_GCM (16 octets), this equates to, at most, 3993 octets
	// of plaintext."
	MaxPlaintext = MaxBody - overhead

	// MaxBody is the largest body that every push service has to take, in
	// bytes: RFC 8030, 7.2: "Push services MUST NOT return a 413 status code
	// in responses to an entity body that is 4096 bytes or less in size."
	MaxBody = 4096

	// DefaultPad is what bodies are padded to multiples of, in bytes, so that
	// a push service can't tell "yes" from "no" by the length (RFC 8291, 7).
	DefaultPad = 128

	pushHeadSize = headSize + publicSize           // 86
	overhead     = pushHeadSize + 1 + tagSize      // 103
	recordSize   = MaxBody                         // "rs" of what is encrypted here
	keyInfo      = "WebPush: info\x00"             // RFC 8291, 3.3
	keyInfoSize  = len(keyInfo) + 2*publicSize + 1 // with the counter of HKDF
)

// EncryptOptions say how a message is encrypted; nil means all defaults.
type EncryptOptions struct {
	// Pad: plaintext and padding together are a multiple of this many bytes,
	// as far as MaxPlaintext allows. 0 means DefaultPad, 1 or less no padding.
	Pad int
}

// Encrypt encrypts plaintext for a subscription, as RFC 8291 says, with a new
// key pair and a new salt. The body is what is posted to the endpoint with
// Content-Encoding: aes128gcm. It has at most [MaxBody] bytes; a plaintext of
// more than [MaxPlaintext] bytes gives a [*SizeError], and keys that can't be used, or
// no subscription, a [*SubscriptionError]. plaintext is not retained.
func Encrypt(sub *Subscription, plaintext []byte, o *EncryptOptions) (body []byte, err error) {
	pad := 0
	if o != nil {
		pad = o.Pad
	}
	if sub == nil {
		return nil, faultSubscriptionMissing.subscription()
	}
	if len(plaintext) > MaxPlaintext {
		return nil, &SizeError{Size: len(plaintext), Limit: MaxPlaintext}
	}
	public, auth, err := sub.Keys.decode()
	if err != nil {
		return nil, err
	}
	return seal(public, &auth, plaintext, paddedSize(len(plaintext), pad))
}

// paddedSize is how long n bytes are with their padding.
func paddedSize(n, pad int) int {
	switch {
	case pad == 0:
		pad = DefaultPad
	case pad <= 1:
		return n
	case pad > MaxPlaintext:
		return MaxPlaintext
	}
	// No plaintext at all is not to be told from a short one either.
	steps := max(1, (n+pad-1)/pad)
	return min(steps*pad, MaxPlaintext)
}

// seal is Encrypt once everything is read and checked.
func seal(public *ecdh.PublicKey, auth *[authSize]byte, plaintext []byte, padded int) ([]byte, error) {
	// RFC 8291, 2: "When sending a message, an application server generates
	// an ECDH key pair and a random salt."
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	var salt [saltSize]byte
	rand.Read(salt[:]) // never fails
	return sealWith(private, &salt, public, auth, plaintext, padded)
}

// sealWith is seal with a key pair and a salt that are not new, which is for
// test vectors: RFC 8188, 4.3 says what comes of using them twice.
func sealWith(private *ecdh.PrivateKey, salt *[saltSize]byte, public *ecdh.PublicKey, auth *[authSize]byte, plaintext []byte, padded int) ([]byte, error) {
	secret, err := private.ECDH(public)
	if err != nil {
		return nil, err
	}
	var as, ua [publicSize]byte
	copy(as[:], private.PublicKey().Bytes())
	copy(ua[:], public.Bytes())
	ikm := inputKey(secret, auth, &ua, &as)
	aead, nonce := contentKey(salt, ikm[:])

	// RFC 8291, 4: "An application server MUST encrypt a push message with a
	// single record", whose size is set "to a size that is greater than the
	// sum of the lengths of the plaintext, the padding delimiter (1 octet),
	// any padding, and the authentication tag (16 octets)": 4,010 at most.
	body := make([]byte, 0, overhead+padded)
	body = appendHead(body, salt, recordSize, as[:])
	body = append(body, plaintext...)
	body = append(body, lastDelimiter)
	body = body[:pushHeadSize+padded+1] // the padding is zero, since the memory is new
	return aead.Seal(body[:pushHeadSize], nonce[:], body[pushHeadSize:], nil), nil
}

// inputKey combines the shared secret with the authentication secret.
func inputKey(secret []byte, auth *[authSize]byte, ua, as *[publicSize]byte) [hashSize]byte {
	// RFC 8291, 3.4: "PRK_key = HMAC-SHA-256(auth_secret, ecdh_secret)"
	prk := hmacSHA256(auth[:], secret)
	// RFC 8291, 3.4: "IKM = HMAC-SHA-256(PRK_key, key_info || 0x01)", where
	// "key_info = "WebPush: info" || 0x00 || ua_public || as_public"
	var info [keyInfoSize]byte
	n := copy(info[:], keyInfo)
	n += copy(info[n:], ua[:])
	n += copy(info[n:], as[:])
	info[n] = 1
	return hmacSHA256(prk[:], info[:])
}
