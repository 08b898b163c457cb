package webpush

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

// The examples of the RFCs, byte for byte. White space in them is theirs.

// unspaced decodes the base64url of an RFC.
func unspaced(t testing.TB, s string) []byte {
	t.Helper()
	b, err := raw64.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 8291, 5 and appendix A.
const (
	samplePlaintext  = "When I grow up, I want to be a watermelon"
	sampleAuth       = "BTBZMqHH6r4Tts7J_aSIgg"
	sampleUAPrivate  = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
	sampleUAPublic   = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	sampleASPrivate  = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
	sampleASPublic   = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
	sampleSalt       = "DGv6ra1nlYgDCS1FRnbzlw"
	sampleSecret     = "kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs"
	sampleIKM        = "S4lYMb_L0FxCeq0WhDx813KgSYqU26kOyzWUdsXYyrg"
	samplePRK        = "09_eUZGrsvxChDCGRCdkLiDXrReGOEVeSCdCcPBSJSc"
	sampleNonce      = "4h_95klXJ5E_qnoN"
	sampleHead       = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z 9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml mlMoZIIgDll6e3vCYLocInmYWAmS6Tlz AC8wEqKK6PBru3jl7A8"
	sampleCiphertext = "8pfeW0KbunFT06SuDKoJH9Ql87S1QUrd irN6GcG7sFz1y1sqLgVi1VhjVkHsUoEs bI_0LpXMuGvnzQ"
	sampleBody       = `DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml
		mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT
		pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN`
)

func samplePrivate(t testing.TB, s string) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.P256().NewPrivateKey(unspaced(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestExampleOfRFC8291(t *testing.T) {
	as, ua := samplePrivate(t, sampleASPrivate), samplePrivate(t, sampleUAPrivate)
	auth, salt := [authSize]byte(unspaced(t, sampleAuth)), [saltSize]byte(unspaced(t, sampleSalt))
	want := func(name string, got []byte, text string) {
		t.Helper()
		if !bytes.Equal(got, unspaced(t, text)) {
			t.Errorf("%s: %s, want %s", name, raw64.EncodeToString(got), text)
		}
	}

	// Appendix A, step by step.
	want("as_public", as.PublicKey().Bytes(), sampleASPublic)
	want("ua_public", ua.PublicKey().Bytes(), sampleUAPublic)
	secret, err := as.ECDH(ua.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	want("ecdh_secret", secret, sampleSecret)
	uaPublic, asPublic := [publicSize]byte(ua.PublicKey().Bytes()), [publicSize]byte(as.PublicKey().Bytes())
	ikm := inputKey(secret, &auth, &uaPublic, &asPublic)
	want("IKM", ikm[:], sampleIKM)
	prk := hmacSHA256(salt[:], ikm[:])
	want("PRK", prk[:], samplePRK)
	aead, nonce := contentKey(&salt, ikm[:])
	want("NONCE", nonce[:], sampleNonce)
	want("header", appendHead(nil, &salt, 4096, asPublic[:]), sampleHead)
	want("ciphertext", aead.Seal(nil, nonce[:], []byte(samplePlaintext+"\x02"), nil), sampleCiphertext)

	// Section 5: the whole, both ways.
	body, err := sealWith(as, &salt, ua.PublicKey(), &auth, []byte(samplePlaintext), len(samplePlaintext))
	if err != nil {
		t.Fatal(err)
	}
	want("body", body, sampleBody)
	if len(body) != 144 {
		// The example says "Content-Length: 145"; its own body has 144 bytes.
		t.Errorf("the body has %d bytes", len(body))
	}
	plain, err := Decrypt(ua, auth[:], unspaced(t, sampleBody))
	if err != nil || string(plain) != samplePlaintext {
		t.Errorf("Decrypt: %q, %v", plain, err)
	}
}

// TestExamplesOfRFC8188: the content coding below, with its key IDs and, in the
// second example, more records than a push message may have.
func TestExamplesOfRFC8188(t *testing.T) {
	for _, tt := range []struct {
		name, body, ikm, keyID string
		recordSize             uint32
		records                int
	}{
		{"3.1", "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD- ly8Thjg", "yqdlZ-tYemfogSmv7Ws5PQ", "", 4096, 1},
		{"3.2", "uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF 1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA", "BO3ZVPxUlnLORbVGMpbT1Q", "a1", 25, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := unspaced(t, tt.body)
			h, rest, ok := parseHead(body)
			if !ok || string(h.keyID) != tt.keyID || h.recordSize != tt.recordSize {
				t.Fatalf("header %+v, %v", h, ok)
			}
			if got := appendHead(nil, &h.salt, h.recordSize, h.keyID); !bytes.Equal(got, body[:len(body)-len(rest)]) {
				t.Errorf("the header is written as %x", got)
			}
			aead, nonce := contentKey(&h.salt, unspaced(t, tt.ikm))
			var plain []byte
			n := 0
			for ; len(rest) > 0; n++ {
				size := min(int(h.recordSize), len(rest))
				record, err := aead.Open(nil, sequenced(nonce, n), rest[:size], nil)
				if err != nil {
					t.Fatalf("record %d: %v", n, err)
				}
				rest = rest[size:]
				delimiter := byte(1)
				if len(rest) == 0 {
					delimiter = lastDelimiter
				}
				data, ok := unpad(record, delimiter)
				if !ok {
					t.Fatalf("record %d: padding %x", n, record)
				}
				plain = append(plain, data...)
			}
			if string(plain) != "I am the walrus" || n != tt.records {
				t.Errorf("%d records, %q", n, plain)
			}
		})
	}
}

// sequenced is RFC 8188, 2.3: the nonce of record n.
func sequenced(nonce [nonceSize]byte, n int) []byte {
	var seq [nonceSize]byte
	binary.BigEndian.PutUint64(seq[4:], uint64(n))
	for i := range seq {
		seq[i] ^= nonce[i]
	}
	return seq[:]
}

// RFC 8292, 2.4.
const (
	sampleTokenInput = `eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3
		B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1ha
		Wx0bzpwdXNoQGV4YW1wbGUuY29tIn0`
	sampleTokenSignature = "i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA"
	sampleTokenKey       = "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"
	sampleAudience       = "https://push.example.net"
	sampleSubject        = "mailto:push@example.com"
)

var sampleExpiry = time.Date(2016, 1, 23, 4, 36, 8, 0, time.UTC)

func sampleToken() string {
	return strings.Join(strings.Fields(sampleTokenInput), "") + "." + sampleTokenSignature
}

func sampleAuthorization() string { return "vapid t=" + sampleToken() + ", k=" + sampleTokenKey }

func TestExampleOfRFC8292(t *testing.T) {
	input, err := signingInput(sampleAudience, sampleSubject, sampleExpiry)
	if err != nil || input != strings.Join(strings.Fields(sampleTokenInput), "") {
		t.Errorf("what is signed is %q, %v", input, err)
	}
	v, err := VerifyVAPID(sampleAuthorization(), sampleAudience, sampleExpiry.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if v.PublicKey != sampleTokenKey || v.Subject != sampleSubject || !v.Expiry.Equal(sampleExpiry) || len(v.Audience) != 1 || v.Audience[0] != sampleAudience {
		t.Errorf("%+v", v)
	}
}

// TestKeysEqualHKDF compares the key schedule with crypto/hkdf, which is the
// slow and obvious way.
func TestKeysEqualHKDF(t *testing.T) {
	for i := range 200 {
		fill := func(n int) []byte {
			b := make([]byte, n)
			for j := range b {
				b[j] = byte(i*(j+7) + j*j)
			}
			return b
		}
		secret := fill(32)
		auth, ua, as, salt := [authSize]byte(fill(authSize)), [publicSize]byte(fill(publicSize)), [publicSize]byte(fill(publicSize)), [saltSize]byte(fill(saltSize))
		as[3] ^= 1
		got := inputKey(secret, &auth, &ua, &as)
		want, err := hkdf.Key(sha256.New, secret, auth[:], "WebPush: info\x00"+string(ua[:])+string(as[:]), 32)
		if err != nil || !bytes.Equal(got[:], want) {
			t.Fatalf("input key %x, want %x, %v", got, want, err)
		}
		aead, nonce := contentKey(&salt, got[:])
		key, err := hkdf.Key(sha256.New, want, salt[:], "Content-Encoding: aes128gcm\x00", 16)
		if err != nil {
			t.Fatal(err)
		}
		wantNonce, err := hkdf.Key(sha256.New, want, salt[:], "Content-Encoding: nonce\x00", 12)
		if err != nil || !bytes.Equal(nonce[:], wantNonce) {
			t.Fatalf("nonce %x, want %x, %v", nonce, wantNonce, err)
		}
		sealed := aead.Seal(nil, nonce[:], []byte("x"), nil)
		if _, err := gcm(t, key).Open(nil, wantNonce, sealed, nil); err != nil {
			t.Fatal("the content key is another one")
		}
	}
}

func gcm(t *testing.T, key []byte) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}
