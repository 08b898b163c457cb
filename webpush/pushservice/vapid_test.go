package pushservice

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// newSigner makes an application server's key, and its public half as pages
// have it.
func newSigner(t *testing.T) (*ecdsa.PrivateKey, string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return k, base64.RawURLEncoding.EncodeToString(p)
}

// token makes an Authorization field by hand, so that it can be wrong.
func token(t *testing.T, k *ecdsa.PrivateKey, public, aud string, exp time.Time) string {
	t.Helper()
	enc := base64.RawURLEncoding
	input := enc.EncodeToString([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." +
		enc.EncodeToString(fmt.Appendf(nil, `{"aud":%q,"exp":%d,"sub":"mailto:a@example.net"}`, aud, exp.Unix()))
	hash := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, k, hash[:])
	if err != nil {
		t.Fatal(err)
	}
	sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return "vapid t=" + input + "." + enc.EncodeToString(sig) + ", k=" + public
}

// RFC 8292, 4.2: who may send to a restricted subscription, and what becomes
// of wrong tokens elsewhere.
func TestVAPID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, &Options{Rate: -1, Burst: -1})
		mine, public := newSigner(t)
		other, otherPublic := newSigner(t)
		_, open, _ := subscribed(t, s)
		_, restricted, _ := links(t, want(t, s, 201, "POST", pathSubscribe, `{"vapid":"`+public+`","other":1}`,
			"Content-Type", "application/webpush-options+json; charset=utf-8"))
		now := time.Now()
		hour := now.Add(time.Hour)
		for _, row := range []struct {
			name             string
			auth             string
			open, restricted int
		}{
			{"none", "-", 201, 401},
			{"another scheme", "Basic YTpi", 201, 401},
			{"good", token(t, mine, public, testOrigin, hour), 201, 201},
			{"no space after the comma", strings.Replace(token(t, mine, public, testOrigin, hour), ", ", ",", 1), 201, 201},
			{"another key", token(t, other, otherPublic, testOrigin, hour), 201, 403},
			{"the key of another", token(t, other, public, testOrigin, hour), 403, 403},
			{"another audience", token(t, mine, public, "http://other.test", hour), 403, 403},
			{"expired", token(t, mine, public, testOrigin, now.Add(-time.Second)), 403, 403},
			{"for 24 hours", token(t, mine, public, testOrigin, now.Add(24*time.Hour)), 201, 201},
			{"for more", token(t, mine, public, testOrigin, now.Add(24*time.Hour+time.Second)), 403, 403},
			{"cut", token(t, mine, public, testOrigin, hour)[:80], 403, 403},
		} {
			for push, status := range map[string]int{open: row.open, restricted: row.restricted} {
				for range 2 { // the second time from the cache
					res := want(t, s, status, "POST", push, "x", "Authorization", row.auth)
					if (res.Header.Get("WWW-Authenticate") == "vapid") != (status == 401) {
						t.Errorf("%s: WWW-Authenticate %q", row.name, res.Header.Get("WWW-Authenticate"))
					}
				}
			}
		}
		good := token(t, mine, public, testOrigin, hour)
		want(t, s, 403, "POST", restricted, "x", "Authorization", good, "Authorization", good)
		want(t, s, 201, "POST", restricted, "x", "Authorization", good)
		time.Sleep(time.Hour + time.Second)
		want(t, s, 403, "POST", restricted, "x", "Authorization", good) // also out of the cache

		for _, bad := range []string{`{"vapid":"AAAA"}`, `{"vapid":1}`, `nothing`, `{"vapid":"` + strings.Repeat("A", 5000) + `"}`} {
			want(t, s, 400, "POST", pathSubscribe, bad, "Content-Type", "application/webpush-options+json")
			want(t, s, 201, "POST", pathSubscribe, bad, "Content-Type", "application/json") // ignored (4.1)
		}
	})
}

func TestRequireVAPID(t *testing.T) {
	s := newService(t, &Options{RequireVAPID: true, URL: "https://push.example.net"})
	mine, public := newSigner(t)
	_, push, _ := subscribed(t, s)
	want(t, s, 401, "POST", push, "x")
	want(t, s, 201, "POST", push, "x", "Authorization", token(t, mine, public, "https://push.example.net", time.Now().Add(time.Hour)))
	want(t, s, 403, "POST", push, "x", "Authorization", token(t, mine, public, testOrigin, time.Now().Add(time.Hour)))
}

// RFC 8292, 3.2: one key for both is refused.
func TestKeyReused(t *testing.T) {
	s := newService(t, nil)
	mine, public := newSigner(t)
	_, push, _ := subscribed(t, s)
	point, err := mine.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	head := append(append(make([]byte, 16), 0, 0, 16, 0, pointSize), point...)
	auth := token(t, mine, public, testOrigin, time.Now().Add(time.Hour))
	want(t, s, 400, "POST", push, string(head)+"rest", "Content-Encoding", "aes128gcm", "Authorization", auth)
	want(t, s, 400, "POST", push, "x", "Content-Encoding", "aesgcm", "Encryption", "salt=abc", "Crypto-Key", "dh="+public, "Authorization", auth)
	want(t, s, 201, "POST", push, string(head)+"rest", "Content-Encoding", "aes128gcm")
	head[30] ^= 1
	want(t, s, 201, "POST", push, string(head)+"rest", "Content-Encoding", "aes128gcm", "Authorization", auth)
}

// serveOn serves on loopback.
func serveOn(t *testing.T, s *Service) string {
	t.Helper()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return srv.URL
}
