package peers

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/webpush"
)

func npmPush(t *testing.T) *child { return start(t, "npm", "node/push.mjs", node, nodeModules) }
func pyPush(t *testing.T) *child  { return start(t, "PyPI", "python/push.py", python) }
func eceRust(t *testing.T) *child { return start(t, "ece", "", ece) }

// pushPayload is one of n bytes: all values, and no pattern of a block's length.
func pushPayload(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*i*7 + i>>3 + n)
	}
	return b
}

// pipelined is how many commands are out before their answers are read.
const pipelined = 64

// TestPushCoding: every size from nothing to the largest, both ways, with our
// default padding and without.
func TestPushCoding(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start func(t *testing.T) *child
		// Bytes that it encrypts as one record, which a push message has to be.
		least, most int
	}{
		{"npm http_ece", npmPush, 0, webpush.MaxPlaintext},
		{"PyPI http_ece", pyPush, 1, webpush.MaxPlaintext}, // of nothing it makes a header without a record
		// It refuses nothing ("Zero-length plaintext"), and from 3,968 bytes on
		// its padding takes a second record, and 4,214 bytes.
		{"crate ece", eceRust, 1, 3967},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			peer := tt.start(t)
			keys, err := webpush.NewUserKeys()
			if err != nil {
				t.Fatal(err)
			}
			sub := keys.Subscription("https://push.example.net/push/1")
			sizes := make([]int, webpush.MaxPlaintext+1)
			for i := range sizes {
				sizes[i] = i
			}

			t.Run("ours by theirs", func(t *testing.T) {
				secret := base64.RawURLEncoding.EncodeToString(keys.Private.Bytes())
				for i := 0; i < len(sizes); i += pipelined {
					some := sizes[i:min(i+pipelined, len(sizes))]
					for _, n := range some {
						body, err := webpush.Encrypt(sub, pushPayload(n), &webpush.EncryptOptions{Pad: n & 1}) // 0: default, 1: none
						if err != nil {
							t.Fatal(err)
						}
						peer.do(t, command{"cmd": "decrypt", "secret": secret, "p256dh": sub.Keys.P256dh, "auth": sub.Keys.Auth, "data": body})
					}
					for _, n := range some {
						if got := peer.want(t, "decrypted").Data; !bytes.Equal(got, pushPayload(n)) {
							t.Fatalf("%d bytes: %d came out", n, len(got))
						}
					}
				}
			})
			t.Run("theirs by ours", func(t *testing.T) {
				for i := tt.least; i < len(sizes); i += pipelined {
					some := sizes[i:min(i+pipelined, len(sizes))]
					for _, n := range some {
						peer.do(t, command{"cmd": "encrypt", "p256dh": sub.Keys.P256dh, "auth": sub.Keys.Auth, "data": pushPayload(n)})
					}
					for _, n := range some {
						body := peer.want(t, "encrypted").Data
						if n > tt.most {
							if _, err := keys.Decrypt(body); !errors.Is(err, &webpush.DecryptError{Token: "webpush_decrypt_records"}) {
								t.Fatalf("%d bytes in more than a record: %v", n, err)
							}
							continue
						}
						if got, err := keys.Decrypt(body); err != nil || !bytes.Equal(got, pushPayload(n)) {
							t.Fatalf("%d bytes: %d came out, %v", n, len(got), err)
						}
						if n%16 != 0 {
							continue
						}
						body[len(body)-1] ^= 1
						if _, err := keys.Decrypt(body); !errors.Is(err, &webpush.DecryptError{Token: "webpush_decrypt_authentic"}) {
							t.Fatalf("%d bytes with a bit flipped: %v", n, err)
						}
					}
				}
			})
		})
	}
}

// pushRequest is what our push service got and made of it.
type pushRequest struct {
	header http.Header
	text   []byte
	vapid  *webpush.VAPID
	err    error
}

// TestPushSenders: other senders send to a push service of ours, which checks
// who they are and decrypts what they sent.
func TestPushSenders(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start func(t *testing.T) *child
	}{{"npm web-push", npmPush}, {"pywebpush", pyPush}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			peer := tt.start(t)
			keys, err := webpush.NewUserKeys()
			if err != nil {
				t.Fatal(err)
			}
			key, err := webpush.GenerateKey()
			if err != nil {
				t.Fatal(err)
			}
			got := make(chan pushRequest, 1)
			s := newSecure(t)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				p := pushRequest{header: r.Header}
				defer func() { got <- p }()
				p.vapid, p.err = webpush.VerifyVAPID(r.Header.Get("Authorization"), "https://"+r.Host, time.Now())
				if p.err == nil && p.vapid.PublicKey != key.PublicKey() {
					p.err = errors.New("signed by another key")
				}
				if p.err == nil {
					var body []byte
					if body, p.err = io.ReadAll(r.Body); p.err == nil {
						p.text, p.err = keys.Decrypt(body)
					}
				}
				if p.err != nil {
					http.Error(w, p.err.Error(), http.StatusForbidden)
					return
				}
				w.Header().Set("Location", "/message/1")
				w.WriteHeader(http.StatusCreated)
			}))
			server.TLS = &tls.Config{Certificates: []tls.Certificate{s.pair}}
			server.StartTLS()
			defer server.Close()

			send := func(t *testing.T, sender *webpush.Key, payload []byte) (pushRequest, event) {
				t.Helper()
				private, ok := sender.Private()
				if !ok {
					t.Fatal("no private key")
				}
				peer.do(t, command{
					"cmd": "send", "subscription": keys.Subscription(server.URL + "/push/1"),
					"key":     map[string]string{"public": sender.PublicKey(), "private": private},
					"subject": "mailto:push@example.com", "data": payload, "ttl": 60, "urgency": "high", "topic": "upd", "ca": s.ca,
				})
				return <-got, peer.want(t, "sent")
			}
			for _, n := range []int{1, 2, 127, 128, 1000, 3992, webpush.MaxPlaintext} {
				payload := []byte(strings.Repeat("ü", n/2) + strings.Repeat("u", n%2))
				p, sent := send(t, key, payload)
				if p.err != nil || sent.Code != http.StatusCreated || !bytes.Equal(p.text, payload) {
					t.Fatalf("%d bytes: answered %d %s, %d bytes came out, %v", n, sent.Code, sent.Message, len(p.text), p.err)
				}
				if p.vapid.Subject != "mailto:push@example.com" || p.header.Get("TTL") != "60" || p.header.Get("Urgency") != "high" || p.header.Get("Topic") != "upd" ||
					p.header.Get("Content-Encoding") != "aes128gcm" {
					t.Errorf("%+v, %v", p.vapid, p.header)
				}
			}
			other, err := webpush.GenerateKey()
			if err != nil {
				t.Fatal(err)
			}
			if p, sent := send(t, other, []byte("x")); p.err == nil || sent.Code != http.StatusForbidden {
				t.Errorf("another key: answered %d %s", sent.Code, sent.Message)
			}
		})
	}
}

// TestPushService sends by our Client to npm's web-push-testing, which takes a
// message, refuses one of another key, and knows subscriptions that have ended.
func TestPushService(t *testing.T) {
	peer := npmPush(t)
	peer.do(t, command{"cmd": "service"})
	at := fmt.Sprintf("http://127.0.0.1:%d", peer.want(t, "listening").Port)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	ask := func(path string, in, out any) {
		t.Helper()
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{Transport: transport, Timeout: eventTime}).Post(at+path, "application/json", bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err = io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s, %v", path, res.StatusCode, b, err)
		}
		if out != nil {
			if err := json.Unmarshal(b, out); err != nil {
				t.Fatalf("%s: %s: %v", path, b, err)
			}
		}
	}
	client := func() *webpush.Client {
		key, err := webpush.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		c := &webpush.Client{Key: key, Subject: "push@example.com", Guard: webpush.Guard{Any: true}}
		t.Cleanup(c.CloseIdleConnections)
		return c
	}
	ours, other := client(), client()
	var subscribed struct{ Data json.RawMessage }
	ask("/subscribe", map[string]string{"userVisibleOnly": "true", "applicationServerKey": ours.Key.PublicKey()}, &subscribed)
	var agent struct {
		ClientHash string `json:"clientHash"`
	}
	if err := json.Unmarshal(subscribed.Data, &agent); err != nil {
		t.Fatal(err)
	}
	sub, err := webpush.ParseSubscription(subscribed.Data)
	if err != nil {
		t.Fatal(err)
	}

	var want []string
	for _, text := range []string{"", "x", "Grüße, 世界 \U0001f680", strings.Repeat("a long line ", 332)} {
		for _, pad := range []int{0, 1} {
			a, err := ours.Send(t.Context(), sub, &webpush.Message{Payload: []byte(text), Pad: pad, TTL: time.Minute, Urgency: webpush.High, Topic: "upd"})
			if err != nil || a.StatusCode != http.StatusCreated {
				t.Errorf("%d bytes: %+v, %v", len(text), a, err)
			}
			want = append(want, text)
		}
	}
	_, err = other.Send(t.Context(), sub, &webpush.Message{Payload: []byte("x")})
	var refused *webpush.StatusError
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusBadRequest {
		t.Errorf("another key: %v", err)
	}
	var got struct{ Data struct{ Messages []string } }
	ask("/get-notifications", agent, &got)
	if fmt.Sprint(got.Data.Messages) != fmt.Sprint(want) || len(want) != 8 {
		t.Errorf("the user agent got %.200q, want %.200q", got.Data.Messages, want)
	}
	ask("/expire-subscription/"+agent.ClientHash, agent, nil)
	_, err = ours.Send(t.Context(), sub, &webpush.Message{Payload: []byte("x")})
	if !errors.Is(err, webpush.ErrGone) || !errors.As(err, &refused) || refused.StatusCode != http.StatusGone {
		t.Errorf("ended: %v", err)
	}
}
