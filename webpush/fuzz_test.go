package webpush

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// FuzzDecrypt: any bytes are refused with a typed error and no more memory than
// they take; any record that a sender could encrypt is unpadded as RFC 8188, 2
// says, in the reading of a regular expression.
func FuzzDecrypt(f *testing.F) {
	body := unspaced(f, sampleBody)
	for _, i := range []int{0, 15, 20, 21, 86, 102, 103, len(body)} {
		f.Add(body[:i], []byte(samplePlaintext+"\x02"))
	}
	f.Add(unspaced(f, "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg"), []byte("x\x01\x00"))
	f.Add([]byte{}, []byte("\x02\x02\x00\x00"))
	f.Add(body, []byte("\x00\x00\x00"))
	f.Add(body, []byte(""))
	ua, auth := samplePrivate(f, sampleUAPrivate), unspaced(f, sampleAuth)
	record := regexp.MustCompile(`(?s)^(.*)\x02\x00*$`)
	f.Fuzz(func(t *testing.T, body, in []byte) {
		before := bytes.Clone(body)
		plain, err := Decrypt(ua, auth, body)
		var de *DecryptError
		if err != nil && (!errors.As(err, &de) || plain != nil) || len(plain) > len(body) {
			t.Fatalf("%d bytes, %v", len(plain), err)
		}
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		if err == nil && !bytes.Equal(body[:saltSize], unspaced(t, sampleSalt)) {
			t.Fatal("forged")
		}

		u := &UserKeys{Private: ua, Auth: [authSize]byte(auth)}
		plain, err = u.Decrypt(sealRecord(t, u, in))
		switch m := record.FindSubmatch(in); {
		case len(in) == 0 || len(in)+tagSize > recordSize: // not what a push message has
			if err == nil {
				t.Fatalf("%d bytes pass as a record", len(in))
			}
		case m == nil:
			if !errors.Is(err, &DecryptError{Token: "webpush_decrypt_delimiter"}) {
				t.Fatalf("%q: %q, %v", in, plain, err)
			}
		case err != nil || !bytes.Equal(plain, m[1]):
			t.Fatalf("%q: %q, %v, want %q", in, plain, err, m[1])
		}
	})
}

// FuzzEncrypt: what is encrypted comes back, with any padding; a body that was
// changed anywhere but in its record size does not.
func FuzzEncrypt(f *testing.F) {
	f.Add([]byte(nil), 0, uint16(0))
	f.Add([]byte("x"), 1, uint16(1000))
	f.Add(make([]byte, MaxPlaintext), 128, uint16(1))
	f.Add(make([]byte, MaxPlaintext+1), 7, uint16(700))
	u := newUserKeys(f)
	sub := u.Subscription(sampleEndpoint)
	f.Fuzz(func(t *testing.T, in []byte, pad int, flip uint16) {
		body, err := Encrypt(sub, in, &EncryptOptions{Pad: pad})
		if len(in) > MaxPlaintext {
			if !errors.Is(err, ErrTooLarge) {
				t.Fatalf("%d bytes: %v", len(in), err)
			}
			return
		}
		if err != nil || len(body) > MaxBody || len(body) < overhead+len(in) {
			t.Fatalf("%d bytes by %d: %d, %v", len(in), pad, len(body), err)
		}
		if padded := len(body) - overhead; pad > 1 && padded%pad != 0 && padded != MaxPlaintext {
			t.Fatalf("%d bytes by %d: %d with padding", len(in), pad, padded)
		}
		if out, err := u.Decrypt(body); err != nil || !bytes.Equal(in, out) {
			t.Fatalf("%d bytes by %d: %d came back, %v", len(in), pad, len(out), err)
		}
		bit := int(flip) % (len(body) * 8)
		body[bit/8] ^= 1 << (bit % 8)
		out, err := u.Decrypt(body)
		if at := bit / 8; err == nil && (at < saltSize || at >= saltSize+4) {
			t.Fatalf("bit %d of %d changed: %d came back", bit, len(body)*8, len(out))
		}
	})
}

// FuzzParseSubscription: what is taken can be used, is written and read again as
// the same, and means what encoding/json and net/url read.
func FuzzParseSubscription(f *testing.F) {
	f.Add([]byte(at(sampleEndpoint)))
	f.Add([]byte(at("http://[::1]:8080/x?y")))
	f.Add([]byte(at("https://A.example:443")))
	f.Add([]byte(subscriptionJSON(quoted(sampleEndpoint), "1800000000123", quoted(sampleUAPublic+"="), quoted(sampleAuth+"=="))))
	f.Add([]byte(`{"endpoint":"https://a/","keys":{"p256dh":"","auth":""}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := ParseSubscription(in)
		var se *SubscriptionError
		if err != nil {
			if s != nil || !errors.As(err, &se) || len(err.Error()) > 1000 {
				t.Fatalf("%+v, %v", s, err)
			}
			return
		}
		var raw struct{ Endpoint string }
		if err := json.Unmarshal(in, &raw); err != nil || raw.Endpoint != s.Endpoint {
			t.Fatalf("the endpoint is %q, read as %q, %v", raw.Endpoint, s.Endpoint, err)
		}
		u, err := url.Parse(s.Endpoint)
		if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
			t.Fatalf("%q passes, %v", s.Endpoint, err)
		}
		if name := u.Hostname(); u.Scheme == "http" && name != "::1" && !strings.EqualFold(name, "localhost") && !strings.HasPrefix(name, "127.") && !strings.Contains(name, ":") {
			t.Fatalf("%q passes without TLS", s.Endpoint)
		}
		o := originOf(u)
		if v, err := parseEndpoint(o); err != nil || originOf(v) != o {
			t.Fatalf("%q has the origin %q, which has not itself: %v", s.Endpoint, o, err)
		}
		out, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseSubscription(out)
		if err != nil || *again != *s {
			t.Fatalf("%s is read as %+v, %v; it was %+v", out, again, err, s)
		}
		if _, err := Encrypt(s, nil, nil); err != nil {
			t.Fatalf("can't be encrypted for: %v", err)
		}
	})
}

// FuzzVAPID: nothing passes that the key has not signed; parameters are read as
// the grammar of RFC 9110, 11.4 has them, in the reading of a regular expression
// that knows no more leniency than the doc comment names.
func FuzzVAPID(f *testing.F) {
	f.Add(sampleAuthorization())
	f.Add("vapid t=" + sampleToken() + ",k=" + sampleTokenKey)
	f.Add(`VAPID k = "a\"b" , t="", x=y,,`)
	f.Add("vapid t==,k==")
	f.Add("vapid")
	const (
		ows   = `[ \t]*`
		name  = `[^ \t",;=]+`
		value = `(?:"(?:[^"\\]|\\(?s:.))*"|[^" \t,][^" \t,]*)`
		param = `(` + name + `)` + ows + `=` + ows + `(` + value + `|)` + ows
	)
	whole := regexp.MustCompile(`^(?:` + param + `(?:,[ \t,]*|$))*$`)
	one := regexp.MustCompile(param + `(?:,[ \t,]*|$)`)
	now := sampleExpiry.Add(-time.Hour)
	f.Fuzz(func(t *testing.T, in string) {
		v, err := VerifyVAPID(in, sampleAudience, now)
		var ve *VAPIDError
		if err != nil && (v != nil || !errors.As(err, &ve) || len(err.Error()) > 1000) {
			t.Fatalf("%+v, %v", v, err)
		}
		if err == nil && (v.PublicKey != sampleTokenKey || v.Subject != sampleSubject) {
			t.Fatalf("%q passes as %+v", in, v)
		}

		token, key, err := parseAuthorization("vapid " + in)
		rest := strings.TrimLeft(strings.TrimRight(in, " \t"), " \t,")
		if err != nil || !whole.MatchString(rest) {
			if err == nil && !strings.HasSuffix(rest, "=") { // which may stand for an empty value
				t.Fatalf("%q passes and is not of the grammar", in)
			}
			return
		}
		want := map[string]string{}
		for _, m := range one.FindAllStringSubmatch(rest, -1) {
			v := m[2]
			if strings.HasPrefix(v, `"`) {
				v = regexp.MustCompile(`(?s)\\(.)`).ReplaceAllString(v[1:len(v)-1], "$1")
			}
			want[strings.ToLower(m[1])] = v
		}
		if token != want["t"] || key != want["k"] {
			t.Fatalf("%q: t %q, k %q, want %q", in, token, key, want)
		}
	})
}

// FuzzClaims: what is taken has all that is needed, and says the same when it is
// written anew.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"aud":"https://push.example.net","exp":1453523768,"sub":"mailto:push@example.com"}`))
	f.Add([]byte(`{"aud":["https://a","https://b"],"exp":1.5e9}`))
	f.Add([]byte(`{"aud":[],"exp":-0.5}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := parseClaims(in)
		if err != nil {
			return
		}
		if v.Expiry.Unix() < 0 || v.Expiry.Year() > 40_000 {
			t.Fatalf("%s: expires at %v", in, v.Expiry)
		}
		out, err := json.Marshal(map[string]any{"aud": v.Audience, "exp": v.Expiry.Unix(), "sub": v.Subject})
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseClaims(out)
		if err != nil || again.Subject != v.Subject || len(again.Audience) != len(v.Audience) || again.Expiry.Unix() != v.Expiry.Unix() {
			t.Fatalf("%s is read as %+v, and %s as %+v, %v", in, v, out, again, err)
		}
	})
}
