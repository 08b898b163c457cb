package webpush

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestVerifyVAPIDForms(t *testing.T) {
	now := sampleExpiry.Add(-time.Hour)
	tok, key := sampleToken(), sampleTokenKey
	for _, in := range []string{
		"vapid t=" + tok + ", k=" + key,
		"vapid t=" + tok + ",k=" + key, // web-push-go, pywebpush and others
		"vapid k=" + key + ",t=" + tok,
		"VAPID T=" + tok + " ,\tK=" + key,
		"  vapid   t = " + tok + " , k = " + key + " ",
		`vapid t="` + tok + `", k="` + key + `"`,
		`vapid realm="a, \"b\"", x=, t=` + tok + ", ,k=" + key + ",",
		"vapid t=" + tok + ", k=" + key + "=",
	} {
		v, err := VerifyVAPID(in, sampleAudience, now)
		if err != nil || v.PublicKey != key {
			t.Errorf("%s: %+v, %v", in, v, err)
		}
	}
}

func TestVerifyVAPIDRefusesForms(t *testing.T) {
	now := sampleExpiry.Add(-time.Hour)
	tok, key := sampleToken(), sampleTokenKey
	for _, tt := range []struct {
		in, token string
		missing   bool
	}{
		{"", "scheme", true},
		{"Bearer " + tok, "scheme", true},
		{"WebPush " + tok, "scheme", true}, // of the drafts, without a key
		{"vapid", "missing", false},
		{"vapid t=" + tok, "missing", false},
		{"vapid k=" + key, "missing", false},
		{"vapid " + tok, "parameter", false},
		{"vapid t=" + tok + " k=" + key, "parameter", false},
		{"vapid t=" + tok + "; k=" + key, "parameter", false},
		{`vapid t="` + tok + ", k=" + key, "parameter", false},
		{`vapid t="` + tok + `"x, k=` + key, "parameter", false},
		{`vapid t="` + tok + `\`, "parameter", false},
		{"vapid t=a, t=" + tok + ", k=" + key, "repeated", false},
		{"vapid t=" + tok + ", k=" + key + ", K=" + key, "repeated", false},
		{"vapid t=" + tok + ", k=" + key[:86], "key", false},
		{"vapid t=" + tok + ", k=" + strings.Replace(key, "BA1", "CA1", 1), "key", false},
		{"vapid t=" + tok + ", k=*", "key", false},
		{"vapid t=" + strings.Replace(tok, ".", "", 1) + ", k=" + key, "token", false},
		{"vapid t=a." + tok + ", k=" + key, "token", false},
		{"vapid t=" + tok + "=, k=" + key, "token", false},
		{"vapid t=" + tok[:len(tok)-4] + ", k=" + key, "token", false},
		{"vapid t=" + strings.Repeat("a", 5000), "size", false},
		{"vapid t=" + tok + ", k=" + sampleUAPublic, "signature", false},
	} {
		v, err := VerifyVAPID(tt.in, sampleAudience, now)
		var ve *VAPIDError
		if v != nil || !errors.As(err, &ve) || ve.Token != "webpush_vapid_"+tt.token || ve.Missing != tt.missing {
			t.Errorf("%.100s: want %s, got %+v, %v", tt.in, tt.token, v, err)
		}
	}
}

// TestVerifyVAPIDWithOneBitFlipped: every bit of token and key counts.
func TestVerifyVAPIDWithOneBitFlipped(t *testing.T) {
	now := sampleExpiry.Add(-time.Hour)
	whole := sampleAuthorization()
	from, to := strings.Index(whole, "t=")+2, strings.Index(whole, ", k=")
	passed := 0
	for i := range len(whole) * 8 {
		b := []byte(whole)
		b[i/8] ^= 1 << (i % 8)
		v, err := VerifyVAPID(string(b), sampleAudience, now)
		if err != nil {
			continue
		}
		passed++
		inside := i/8 >= from && i/8 < to || i/8 >= to+4
		if v.PublicKey != sampleTokenKey || inside {
			t.Errorf("bit %d: %q passes", i, b)
		}
	}
	if passed == 0 || passed > 12 {
		t.Errorf("%d flips pass: letters' cases and white space were expected", passed)
	}
}

func TestVerifyVAPIDTruncated(t *testing.T) {
	whole := sampleAuthorization()
	for i := range len(whole) {
		if v, err := VerifyVAPID(whole[:i], sampleAudience, sampleExpiry); err == nil {
			t.Errorf("%d bytes: %+v", i, v)
		}
	}
}

// signed makes a field of any header and claims.
func signed(t *testing.T, key *Key, head, payload string) string {
	t.Helper()
	input := raw64.EncodeToString([]byte(head)) + "." + raw64.EncodeToString([]byte(payload))
	hash := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key.signer.(*ecdsa.PrivateKey), hash[:])
	if err != nil {
		t.Fatal(err)
	}
	var b [64]byte
	r.FillBytes(b[:32])
	s.FillBytes(b[32:])
	return "vapid t=" + input + "." + raw64.EncodeToString(b[:]) + ",k=" + key.PublicKey()
}

func TestVerifyVAPIDClaims(t *testing.T) {
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	const head = `{"typ":"JWT","alg":"ES256"}`
	now := time.Unix(1800000000, 0)
	for _, tt := range []struct{ name, head, claims, token string }{
		{"an hour", head, `{"aud":"https://push.example.net","exp":1800003600}`, ""},
		{"this second", head, `{"aud":"https://push.example.net","exp":1800000000}`, ""},
		{"24 hours", head, `{"aud":"https://push.example.net","exp":1800086400,"sub":"mailto:a@b"}`, ""},
		{"a fraction", head, `{"aud":"https://push.example.net","exp":1800003600.25}`, ""},
		{"a list", head, `{"aud":["https://a","https://push.example.net"],"exp":1800003600}`, ""},
		{"a slash at the end", head, `{"aud":"https://push.example.net/","exp":1800003600}`, ""},
		{"more claims", `{"alg":"ES256","kid":"1"}`, `{"iat":1,"aud":"https://push.example.net","exp":1800003600,"x":{}}`, ""},
		{"a second ago", head, `{"aud":"https://push.example.net","exp":1799999999}`, "expired"},
		{"a second more than 24 hours", head, `{"aud":"https://push.example.net","exp":1800086401}`, "too_long"},
		{"another service", head, `{"aud":"https://push.example.com","exp":1800003600}`, "audience"},
		{"another scheme", head, `{"aud":"http://push.example.net","exp":1800003600}`, "audience"},
		{"a URL and not an origin", head, `{"aud":"https://push.example.net/push/x","exp":1800003600}`, "audience"},
		{"an empty list", head, `{"aud":[],"exp":1800003600}`, "audience"},
		{"no audience", head, `{"exp":1800003600}`, "claims"},
		{"an empty audience", head, `{"aud":"","exp":1800003600}`, "claims"},
		{"a list of something else", head, `{"aud":[1],"exp":1800003600}`, "claims"},
		{"no time", head, `{"aud":"https://push.example.net"}`, "claims"},
		{"a time in words", head, `{"aud":"https://push.example.net","exp":"1800003600"}`, "claims"},
		{"a time before all", head, `{"aud":"https://push.example.net","exp":-1}`, "claims"},
		{"a time that no clock has", head, `{"aud":"https://push.example.net","exp":1e300}`, "claims"},
		{"a subject that is a number", head, `{"aud":"https://push.example.net","exp":1800003600,"sub":1}`, "claims"},
		{"no object", head, `[]`, "claims"},
		{"no algorithm", `{"typ":"JWT"}`, `{"aud":"https://push.example.net","exp":1800003600}`, "algorithm"},
		{"none", `{"alg":"none"}`, `{"aud":"https://push.example.net","exp":1800003600}`, "algorithm"},
		{"HS256", `{"alg":"HS256"}`, `{"aud":"https://push.example.net","exp":1800003600}`, "algorithm"},
		{"critical", `{"alg":"ES256","crit":["x"],"x":1}`, `{"aud":"https://push.example.net","exp":1800003600}`, "header"},
		{"no header", `x`, `{"aud":"https://push.example.net","exp":1800003600}`, "header"},
	} {
		if tt.token != "header" && !json.Valid([]byte(tt.head)) {
			t.Fatalf("%s: the header is no JSON", tt.name)
		}
		v, err := VerifyVAPID(signed(t, key, tt.head, tt.claims), "https://push.example.net", now)
		if tt.token == "" && (err != nil || v.PublicKey != key.PublicKey()) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if tt.token != "" && (v != nil || !errors.Is(err, &VAPIDError{Token: "webpush_vapid_" + tt.token})) {
			t.Errorf("%s: want %s, got %+v, %v", tt.name, tt.token, v, err)
		}
	}
}
