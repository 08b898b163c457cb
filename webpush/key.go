package webpush

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
)

// A Key identifies an application server to push services (VAPID). The page
// names its public half when it subscribes, and from then on only who has the
// private half may send to the subscription: make one, keep it, and give it to
// all servers of the application. A new key needs new subscriptions.
//
// A Key does not change and may be used from any goroutine.
type Key struct {
	signer crypto.Signer
	public *ecdsa.PublicKey
	text   string // the public key in base64url
}

// GenerateKey makes a new key.
func GenerateKey() (*Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return NewKey(private)
}

// NewKey makes a Key of one that is held elsewhere, as in a key store or in
// hardware. The signer has to be ECDSA on P-256 and gets SHA-256 hashes; it is
// called once for each push service in six hours.
func NewKey(signer crypto.Signer) (*Key, error) {
	if signer == nil {
		return nil, faultKeyCurve.config()
	}
	// RFC 8292, 2: "This key pair MUST be usable with the Elliptic Curve
	// Digital Signature Algorithm (ECDSA) over the P-256 curve"
	public, ok := signer.Public().(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, faultKeyCurve.config()
	}
	point, err := public.Bytes()
	if err != nil {
		return nil, faultKeyCurve.config()
	}
	return &Key{signer, public, raw64.EncodeToString(point)}, nil
}

// ParseKey reads a private key in any of the forms in which tools write them:
//
//   - base64url of its 32 bytes: npm's web-push, webpush-go and most others;
//   - PEM, PKCS#8 ("PRIVATE KEY") or SEC 1 ("EC PRIVATE KEY"): pywebpush's
//     vapid, openssl;
//   - PKCS#8 or SEC 1 in DER, as it is or in base64.
//
// The public half follows from the private one.
func ParseKey(s string) (*Key, error) {
	if block := findPEM(s); block != nil {
		return parseDER(block)
	}
	if isDER(s) {
		return parseDER([]byte(s))
	}
	text := strings.Join(strings.Fields(s), "")
	if strings.Contains(text, "-----") {
		return nil, faultKeyFormat.config("the PEM has no private key that is not encrypted")
	}
	b, ok := decode64(text)
	if !ok { // tools that write by hand leave the unused bits as they are
		b, ok = decodeLoosely(text)
	}
	switch {
	case !ok || len(b) == 0:
		return nil, faultKeyFormat.config("this is none of them")
	case len(b) == publicSize && b[0] == 4:
		return nil, faultKeyFormat.config("this is the public key")
	case len(b) == 32:
		private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), b)
		if err != nil {
			return nil, faultKeyFormat.config("the number is not one of the curve's")
		}
		return NewKey(private)
	case b[0] == derSequence:
		return parseDER(b)
	}
	return nil, faultKeyFormat.config("this is base64 of another length")
}

// derSequence is the first byte of any key in DER, and the character 0 too.
const derSequence = 0x30

// isDER tells DER from text that begins with 0: a key has its version early,
// and in DER that is no character.
func isDER(s string) bool {
	return len(s) > 0 && s[0] == derSequence && strings.ContainsFunc(s, func(r rune) bool { return r < '\t' })
}

func decodeLoosely(s string) ([]byte, bool) {
	s = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
	b, err := base64.RawURLEncoding.DecodeString(s)
	return b, err == nil
}

// findPEM returns the first private key in PEM. openssl writes the parameters
// of the curve before it.
func findPEM(s string) []byte {
	for rest := []byte(s); ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			return nil
		}
		if block.Type == "PRIVATE KEY" || block.Type == "EC PRIVATE KEY" && block.Headers["DEK-Info"] == "" {
			return block.Bytes
		}
	}
}

func parseDER(b []byte) (*Key, error) {
	if key, err := x509.ParsePKCS8PrivateKey(b); err == nil {
		signer, ok := key.(*ecdsa.PrivateKey)
		if !ok {
			return nil, faultKeyCurve.config()
		}
		return NewKey(signer)
	}
	key, err := x509.ParseECPrivateKey(b)
	if err != nil {
		return nil, faultKeyFormat.config("the DER is neither PKCS#8 nor SEC 1")
	}
	return NewKey(key)
}

// PublicKey returns the public half as pages need it: the value of
// applicationServerKey in PushManager.subscribe, in base64url.
func (k *Key) PublicKey() string { return k.text }

// Private returns the private half as npm's web-push and most others write
// it, base64url of 32 bytes. ok is false if the key is held elsewhere and
// can't be had.
func (k *Key) Private() (s string, ok bool) {
	private, ok := k.signer.(*ecdsa.PrivateKey)
	if !ok {
		return "", false
	}
	b, err := private.Bytes()
	if err != nil {
		return "", false
	}
	return raw64.EncodeToString(b), true
}

// MarshalPEM returns the private half as PKCS#8 in PEM. ok is false if the key
// is held elsewhere and can't be had.
func (k *Key) MarshalPEM() (b []byte, ok bool) {
	private, ok := k.signer.(*ecdsa.PrivateKey)
	if !ok {
		return nil, false
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, false
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), true
}

// String returns the public half, so that a key that is printed by mistake
// gives nothing away.
func (k *Key) String() string { return "webpush key " + k.text }

// GoString returns what String does.
func (k *Key) GoString() string { return k.String() }
