package webpush

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// TestParseKeyForms: one key in each form comes to the same public half.
func TestParseKeyForms(t *testing.T) {
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	private := key.signer.(*ecdsa.PrivateKey)
	raw, ok := key.Private()
	if !ok || len(raw) != 43 || len(key.PublicKey()) != 87 {
		t.Fatalf("private %d characters, public %d", len(raw), len(key.PublicKey()))
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := key.MarshalPEM()
	if !ok {
		t.Fatal("no PEM")
	}
	b, _ := raw64.DecodeString(raw)
	block := func(name string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: name, Bytes: b}))
	}
	for name, in := range map[string]string{
		"npm web-push":                   raw,
		"with a line end":                raw + "\n",
		"padded":                         raw + "=",
		"the other alphabet":             base64.StdEncoding.EncodeToString(b),
		"MarshalPEM":                     string(text),
		"PKCS#8 PEM":                     block("PRIVATE KEY", pkcs8),
		"SEC 1 PEM":                      block("EC PRIVATE KEY", sec1),
		"openssl, parameters before it":  block("EC PARAMETERS", []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}) + block("EC PRIVATE KEY", sec1),
		"PKCS#8 DER":                     string(pkcs8),
		"SEC 1 DER":                      string(sec1),
		"PKCS#8 DER in base64":           base64.StdEncoding.EncodeToString(pkcs8),
		"PKCS#8 DER in base64url, lines": raw64.EncodeToString(pkcs8)[:64] + "\n" + raw64.EncodeToString(pkcs8)[64:] + "\n",
		"SEC 1 DER in base64url":         raw64.EncodeToString(sec1),
	} {
		got, err := ParseKey(in)
		if err != nil || got.PublicKey() != key.PublicKey() {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestParseKeyBeginsWithZero: the character 0 is the first byte of DER as well.
func TestParseKeyBeginsWithZero(t *testing.T) {
	b := append([]byte{0xd3}, make([]byte, 31)...)
	b[31] = 1
	text := raw64.EncodeToString(b)
	key, err := ParseKey(text)
	if text[0] != '0' || err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if private, _ := key.Private(); private != text {
		t.Errorf("%s came back as %s", text, private)
	}
}

func TestParseKeyRefuses(t *testing.T) {
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edDER, _ := x509.MarshalPKCS8PrivateKey(ed)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384DER, _ := x509.MarshalPKCS8PrivateKey(p384)
	for _, tt := range []struct{ name, in, token string }{
		{"nothing", "", "format"},
		{"words", "my secret key", "format"},
		{"the public key", key.PublicKey(), "format"},
		{"zero", raw64.EncodeToString(make([]byte, 32)), "format"},
		{"a number above the curve's order", raw64.EncodeToString([]byte(strings.Repeat("\xff", 32))), "format"},
		{"31 bytes", raw64.EncodeToString(make([]byte, 31)), "format"},
		{"a certificate", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), "format"},
		{"an encrypted key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "format"},
		{"broken DER", "\x30\x03\x01\x01\x00", "format"},
		{"Ed25519", string(edDER), "curve"},
		{"P-384", string(p384DER), "curve"},
	} {
		if got, err := ParseKey(tt.in); got != nil || !errors.Is(err, &ConfigError{Token: "webpush_config_key_" + tt.token}) {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
}

// store is a signer as key stores have them: its private half can't be had.
type store struct {
	*ecdsa.PrivateKey
	calls int
	err   error
	spoil func(der []byte) []byte
}

func (s *store) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	s.calls++
	if o.HashFunc() != crypto.SHA256 || len(digest) != 32 {
		return nil, errors.New("this is no SHA-256 hash")
	}
	if s.err != nil {
		return nil, s.err
	}
	der, err := s.PrivateKey.Sign(r, digest, o)
	if s.spoil != nil {
		der = s.spoil(der)
	}
	return der, err
}

func newStore(t testing.TB) *store {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &store{PrivateKey: private}
}

func TestKeyOfAStore(t *testing.T) {
	s := newStore(t)
	key, err := NewKey(s)
	if err != nil {
		t.Fatal(err)
	}
	if private, ok := key.Private(); ok || private != "" {
		t.Error("the private half came out")
	}
	if text, ok := key.MarshalPEM(); ok || text != nil {
		t.Error("the private half came out as PEM")
	}
	now := time.Now()
	// Small R and S have to be filled up to 32 bytes: one in 128 signatures
	// has one.
	for range 600 {
		field, err := key.authorization("https://push.example.net", "mailto:a@b", now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		v, err := VerifyVAPID(field, "https://push.example.net", now)
		if err != nil || v.PublicKey != key.PublicKey() {
			t.Fatalf("%s: %v", field, err)
		}
	}
	s.err = errors.New("the store is closed")
	if _, err := key.authorization("https://a", "", now); !errors.Is(err, s.err) {
		t.Errorf("the store's own error: %v", err)
	}
	s.err = nil
	for name, spoil := range map[string]func([]byte) []byte{
		"raw":       func([]byte) []byte { return make([]byte, 64) },
		"cut":       func(b []byte) []byte { return b[:len(b)-1] },
		"more":      func(b []byte) []byte { return append(b, 0) },
		"another's": func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"negative":  func([]byte) []byte { return []byte{0x30, 6, 2, 1, 0xff, 2, 1, 1} },
		"huge": func([]byte) []byte {
			return append([]byte{0x30, 38, 2, 33, 1}, append(make([]byte, 32), 2, 1, 1)...)
		},
	} {
		s.spoil = spoil
		if _, err := key.authorization("https://a", "", now); !errors.Is(err, &ConfigError{Token: "webpush_config_key_signer"}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewKeyRefuses(t *testing.T) {
	if _, err := NewKey(nil); !errors.Is(err, &ConfigError{Token: "webpush_config_key_curve"}) {
		t.Errorf("nil: %v", err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewKey(r); !errors.Is(err, &ConfigError{Token: "webpush_config_key_curve"}) {
		t.Errorf("RSA: %v", err)
	}
}

func TestKeyPrintsNoSecret(t *testing.T) {
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	u := newUserKeys(t)
	want := "webpush key " + key.PublicKey()
	for _, text := range []string{fmt.Sprint(key), fmt.Sprintf("%#v", key), fmt.Sprintf("%+v", key)} {
		if text != want {
			t.Errorf("%q", text)
		}
	}
	if text := fmt.Sprintf("%v %#v %+v", u, u, u); strings.ContainsAny(text, "0123456789[") {
		t.Errorf("%q", text)
	}
}
