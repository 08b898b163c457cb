package webpush

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"strconv"
	"testing"
)

func newUserKeys(t testing.TB) *UserKeys {
	t.Helper()
	u, err := NewUserKeys()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*i + i>>8)
	}
	return b
}

func TestDecryptTruncated(t *testing.T) {
	ua, body := samplePrivate(t, sampleUAPrivate), unspaced(t, sampleBody)
	for i := range len(body) {
		plain, err := Decrypt(ua, unspaced(t, sampleAuth), body[:i])
		want := "webpush_decrypt_authentic"
		if i < overhead {
			want = "webpush_decrypt_short"
		}
		if plain != nil || !errors.Is(err, &DecryptError{Token: want}) {
			t.Fatalf("%d bytes: %q, %v", i, plain, err)
		}
	}
}

// TestDecryptWithOneBitFlipped: every bit of a body counts, but those of the
// record size: "A user agent MAY ignore the "rs" parameter" (RFC 8291, 4), and
// it is not authenticated.
func TestDecryptWithOneBitFlipped(t *testing.T) {
	ua, whole, auth := samplePrivate(t, sampleUAPrivate), unspaced(t, sampleBody), unspaced(t, sampleAuth)
	for i := range len(whole) * 8 {
		body := bytes.Clone(whole)
		body[i/8] ^= 1 << (i % 8)
		plain, err := Decrypt(ua, auth, body)
		if i/8 >= saltSize && i/8 < saltSize+4 && err == nil {
			continue
		}
		var de *DecryptError
		if plain != nil || !errors.As(err, &de) {
			t.Errorf("bit %d: %q, %v", i, plain, err)
		}
	}
	for i := range authSize * 8 {
		auth := bytes.Clone(auth)
		auth[i/8] ^= 1 << (i % 8)
		if _, err := Decrypt(ua, auth, whole); !errors.Is(err, &DecryptError{Token: "webpush_decrypt_authentic"}) {
			t.Errorf("bit %d of the secret: %v", i, err)
		}
	}
}

// TestDecryptRefuses goes through the faults of a body one by one.
func TestDecryptRefuses(t *testing.T) {
	u := newUserKeys(t)
	good, err := Encrypt(u.Subscription("https://push.example.net/"), []byte("x"), &EncryptOptions{Pad: 1})
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdh.P384().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	with := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	rs := func(n uint32) func(b []byte) []byte {
		return func(b []byte) []byte { binary.BigEndian.PutUint32(b[saltSize:], n); return b }
	}
	for _, tt := range []struct {
		token string
		body  []byte
	}{
		{"webpush_decrypt_short", nil},
		{"webpush_decrypt_short", good[:overhead-1]},
		{"webpush_decrypt_keyid", with(func(b []byte) []byte { b[headSize-1] = 64; return b })},
		{"webpush_decrypt_keyid", with(func(b []byte) []byte { b[headSize-1] = 0; return b })},
		{"webpush_decrypt_record_size", with(rs(17))},
		{"webpush_decrypt_record_size", with(rs(0))},
		{"webpush_decrypt_records", with(func(b []byte) []byte { return append(rs(18)(b), 1) })},
		{"webpush_decrypt_point", with(func(b []byte) []byte { b[headSize] = 2; return b })},
		{"webpush_decrypt_point", with(func(b []byte) []byte { clear(b[headSize+1 : headSize+65]); return b })},
		{"webpush_decrypt_authentic", with(func(b []byte) []byte { return append(b, 0) })},
	} {
		if plain, err := u.Decrypt(tt.body); plain != nil || !errors.Is(err, &DecryptError{Token: tt.token}) {
			t.Errorf("%s: got %q, %v", tt.token, plain, err)
		}
	}
	if plain, err := u.Decrypt(with(rs(18))); err != nil || string(plain) != "x" {
		t.Errorf("a record that fills its size: %q, %v", plain, err)
	}
	for _, tt := range []struct {
		name string
		key  *ecdh.PrivateKey
		auth []byte
	}{{"no key", nil, u.Auth[:]}, {"another curve", other, u.Auth[:]}, {"no secret", u.Private, nil}, {"a long secret", u.Private, make([]byte, 17)}} {
		if _, err := Decrypt(tt.key, tt.auth, good); !errors.Is(err, &DecryptError{Token: "webpush_decrypt_secret"}) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestDecryptChecksTheDelimiter makes records that only a faulty sender makes.
func TestDecryptChecksTheDelimiter(t *testing.T) {
	u := newUserKeys(t)
	for _, tt := range []struct {
		name, record, want string
		ok                 bool
	}{
		{"none", "\x02", "", true},
		{"padding", "a\x02\x00\x00", "a", true},
		{"twos before it", "a\x02\x02\x02", "a\x02\x02", true},
		{"zeros before it", "a\x00\x00\x02", "a\x00\x00", true},
		{"that of a record which is not the last", "a\x01", "", false},
		{"another", "a\x03\x00", "", false},
		{"no octet that is not zero", "\x00\x00", "", false},
	} {
		body := sealRecord(t, u, []byte(tt.record))
		plain, err := u.Decrypt(body)
		if tt.ok && (err != nil || string(plain) != tt.want) {
			t.Errorf("%s: %q, %v", tt.name, plain, err)
		}
		if !tt.ok && !errors.Is(err, &DecryptError{Token: "webpush_decrypt_delimiter"}) {
			t.Errorf("%s: %q, %v", tt.name, plain, err)
		}
	}
}

// sealRecord encrypts a record as it is, delimiter and padding included.
func sealRecord(t *testing.T, u *UserKeys, record []byte) []byte {
	t.Helper()
	s := newUserKeys(t) // a key pair for the sender
	secret, err := s.Private.ECDH(u.Private.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	as, ua := [publicSize]byte(s.Private.PublicKey().Bytes()), [publicSize]byte(u.Private.PublicKey().Bytes())
	ikm := inputKey(secret, &u.Auth, &ua, &as)
	salt := [saltSize]byte(s.Auth)
	aead, nonce := contentKey(&salt, ikm[:])
	return aead.Seal(appendHead(nil, &salt, recordSize, as[:]), nonce[:], record, nil)
}

// TestRoundTripOfEverySize, with default padding: what comes back is what went
// in, and the body tells nothing but the size in steps.
func TestRoundTripOfEverySize(t *testing.T) {
	u := newUserKeys(t)
	sub := u.Subscription("https://push.example.net/")
	step := 1
	if testing.Short() || raceOn || strconv.IntSize == 32 { // where P-256 is slow
		step = 31 // 3,968 and 3,993 are still met on the way by the list below
	}
	sizes := []int{127, 128, 129, 3967, 3968, 3969, 3992, 3993}
	for n := 0; n <= MaxPlaintext; n += step {
		sizes = append(sizes, n)
	}
	for _, n := range sizes {
		in := pattern(n)
		body, err := Encrypt(sub, in, nil)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		want := MaxBody
		if n <= 31*128 {
			want = overhead + max(128, (n+127)/128*128)
		}
		if len(body) != want {
			t.Fatalf("%d bytes: the body has %d, want %d", n, len(body), want)
		}
		if out, err := u.Decrypt(body); err != nil || !bytes.Equal(in, out) {
			t.Fatalf("%d bytes: %d came back, %v", n, len(out), err)
		}
	}
}

func TestEncryptPads(t *testing.T) {
	u := newUserKeys(t)
	sub := u.Subscription("https://push.example.net/")
	for _, tt := range []struct{ n, pad, want int }{
		{0, 0, 128}, {1, 0, 128}, {128, 0, 128}, {129, 0, 256}, {3993, 0, 3993}, {3969, 0, 3993},
		{0, 1, 0}, {41, 1, 41}, {41, -1, 41}, {3993, 1, 3993},
		{0, 2, 2}, {3, 2, 4}, {3993, 2, 3993}, {3992, 2, 3992},
		{5, 1000, 1000}, {3500, 1000, 3993}, {1, 3993, 3993}, {1, 1 << 30, 3993},
	} {
		body, err := Encrypt(sub, pattern(tt.n), &EncryptOptions{Pad: tt.pad})
		if err != nil || len(body) != overhead+tt.want {
			t.Errorf("%d bytes by %d: %d bytes with padding, want %d, %v", tt.n, tt.pad, len(body)-overhead, tt.want, err)
			continue
		}
		if out, err := u.Decrypt(body); err != nil || len(out) != tt.n {
			t.Errorf("%d bytes by %d: %d came back, %v", tt.n, tt.pad, len(out), err)
		}
	}
}

func TestEncryptRefuses(t *testing.T) {
	u := newUserKeys(t)
	sub := u.Subscription("https://push.example.net/")
	body, err := Encrypt(sub, pattern(MaxPlaintext+1), nil)
	var se *SizeError
	if body != nil || !errors.As(err, &se) || se.Size != 3994 || se.Limit != 3993 || !errors.Is(err, ErrTooLarge) {
		t.Errorf("3,994 bytes: %d bytes, %v", len(body), err)
	}
	sub.Keys.Auth = "x"
	if body, err := Encrypt(sub, nil, nil); body != nil || !errors.Is(err, &SubscriptionError{Token: "webpush_subscription_auth_base64"}) {
		t.Errorf("a bad secret: %d bytes, %v", len(body), err)
	}
	if body, err := Encrypt(nil, nil, nil); body != nil || !errors.Is(err, &SubscriptionError{Token: "webpush_subscription_missing"}) {
		t.Errorf("no subscription: %d bytes, %v", len(body), err)
	}
}

// TestEncryptIsFresh: no key and no salt is used twice. RFC 8188, 2.1: "The
// same "salt" parameter value MUST NOT be reused".
func TestEncryptIsFresh(t *testing.T) {
	sub := newUserKeys(t).Subscription("https://push.example.net/")
	seen := map[string]bool{}
	for range 100 {
		body, err := Encrypt(sub, []byte("the same"), nil)
		if err != nil {
			t.Fatal(err)
		}
		salt, key := string(body[:saltSize]), string(body[headSize:pushHeadSize])
		if seen[salt] || seen[key] {
			t.Fatal("came before")
		}
		seen[salt], seen[key] = true, true
	}
}
