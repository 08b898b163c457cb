package webpush

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const sampleEndpoint = "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV"

// subscriptionJSON is what toJSON() gives, each part as it is to be written.
func subscriptionJSON(endpoint, expiration, p256dh, auth string) string {
	return fmt.Sprintf(`{"endpoint":%s,"expirationTime":%s,"keys":{"p256dh":%s,"auth":%s}}`, endpoint, expiration, p256dh, auth)
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func at(endpoint string) string {
	return subscriptionJSON(quoted(endpoint), "null", quoted(sampleUAPublic), quoted(sampleAuth))
}

func keyed(p256dh, auth string) string {
	return subscriptionJSON(quoted(sampleEndpoint), "null", quoted(p256dh), quoted(auth))
}

func TestParseSubscription(t *testing.T) {
	point, _ := raw64.DecodeString(sampleUAPublic)
	secret, _ := raw64.DecodeString(sampleAuth)
	plain := Subscription{Endpoint: sampleEndpoint, Keys: Keys{sampleUAPublic, sampleAuth}}
	elsewhere := func(endpoint string) Subscription { s := plain; s.Endpoint = endpoint; return s }
	until := func(at time.Time) Subscription { s := plain; s.ExpirationTime = at; return s }
	for _, tt := range []struct {
		name, in string
		want     Subscription
	}{
		{"Chromium and Firefox", at(sampleEndpoint), plain},
		{"Safari, which leaves expirationTime out", `{"endpoint":` + quoted(sampleEndpoint) + `,"keys":{"auth":` + quoted(sampleAuth) + `,"p256dh":` + quoted(sampleUAPublic) + `}}`, plain},
		{"members to come", `{"contentEncodings":["aes128gcm"],"options":{"x":[1]},` + at(sampleEndpoint)[1:], plain},
		{"white space", " \n" + strings.ReplaceAll(at(sampleEndpoint), ",", " ,\n\t"), plain},
		{"btoa", keyed(base64.StdEncoding.EncodeToString(point), base64.StdEncoding.EncodeToString(secret)), plain},
		{"padding", keyed(base64.URLEncoding.EncodeToString(point), base64.URLEncoding.EncodeToString(secret)), plain},
		{"an expiration time", subscriptionJSON(quoted(sampleEndpoint), "1800000000123", quoted(sampleUAPublic), quoted(sampleAuth)), until(time.UnixMilli(1800000000123).UTC())},
		{"a port and a query", at("https://push.example.net:8443/w/?token=a%2Fb&c=d"), elsewhere("https://push.example.net:8443/w/?token=a%2Fb&c=d")},
		{"an address", at("https://[2606:4700::1]/x"), elsewhere("https://[2606:4700::1]/x")},
		{"this machine without TLS", at("http://127.0.0.1:8080/x"), elsewhere("http://127.0.0.1:8080/x")},
		{"this machine by name", at("http://localhost/x"), elsewhere("http://localhost/x")},
		{"this machine, IPv6", at("http://[::1]:1/x"), elsewhere("http://[::1]:1/x")},
	} {
		got, err := ParseSubscription([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(&tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestParseSubscriptionRefuses(t *testing.T) {
	compressed := raw64.EncodeToString(append([]byte{2}, make([]byte, 32)...))
	offCurve, _ := raw64.DecodeString(sampleUAPublic)
	offCurve[64] ^= 1
	for _, tt := range []struct{ token, in string }{
		{"size", at("https://a/" + strings.Repeat("a", 9000))},
		{"json", ""}, {"json", "null"}, {"json", "[]"}, {"json", `"x"`}, {"json", "{"}, {"json", at(sampleEndpoint) + "x"},
		{"json", `{"endpoint":1}`}, {"json", `{"endpoint":"https://a/","keys":[]}`}, {"json", `{"endpoint":"https://a/","keys":{"p256dh":{}}}`},
		{"endpoint_missing", "{}"}, {"endpoint_missing", at("")},
		{"endpoint_url", at("https://a/" + strings.Repeat("a", 2048))},
		{"endpoint_url", at("push.example.net/x")}, {"endpoint_url", at("/x")}, {"endpoint_url", at("https:///x")}, {"endpoint_url", at("mailto:a@b")},
		{"endpoint_url", at("https://user@push.example.net/")}, {"endpoint_url", at("https://push.example.net/#a")}, {"endpoint_url", at("https://push.example.net/#")},
		{"endpoint_url", at("https://push.example.net/a b")}, {"endpoint_url", at("https://push.example.net/\r\nX: y")}, {"endpoint_url", at("https://püsh.example.net/")},
		{"endpoint_url", at("https://push.example.net/%zz")}, {"endpoint_url", at("https://[::1/")},
		{"endpoint_host", at("https://push.example.net:/")}, {"endpoint_host", at("https://push.example.net:0/")}, {"endpoint_host", at("https://push.example.net:65536/")},
		{"endpoint_host", at("https://a:123456/")}, {"endpoint_host", at("https://:443/")}, {"endpoint_host", at("https://a,b/")}, {"endpoint_host", at("https://[fe80::1%25eth0]/")},
		{"endpoint_scheme", at("http://push.example.net/")}, {"endpoint_scheme", at("ftp://push.example.net/")}, {"endpoint_scheme", at("http://10.0.0.1/")},
		{"endpoint_scheme", at("http://localhost.example/")}, {"endpoint_scheme", at("file://localhost/etc/passwd")},
		{"p256dh_missing", `{"endpoint":"https://a/"}`}, {"p256dh_missing", keyed("", sampleAuth)},
		{"p256dh_base64", keyed("a*", sampleAuth)}, {"p256dh_base64", keyed(sampleUAPublic[:40]+"\n"+sampleUAPublic[40:], sampleAuth)}, {"p256dh_base64", keyed(sampleUAPublic[:86]+"x", sampleAuth)},
		{"p256dh_point", keyed(sampleUAPublic[:84], sampleAuth)}, {"p256dh_point", keyed(compressed, sampleAuth)}, {"p256dh_point", keyed(raw64.EncodeToString(offCurve), sampleAuth)},
		{"p256dh_point", keyed("AA", sampleAuth)},
		{"auth_missing", keyed(sampleUAPublic, "")}, {"auth_base64", keyed(sampleUAPublic, "?")}, {"auth_size", keyed(sampleUAPublic, "AAAA")}, {"auth_size", keyed(sampleUAPublic, sampleAuth[:20])},
		{"expiration_time", subscriptionJSON(quoted(sampleEndpoint), `"x"`, quoted(sampleUAPublic), quoted(sampleAuth))},
		{"expiration_time", subscriptionJSON(quoted(sampleEndpoint), `-1`, quoted(sampleUAPublic), quoted(sampleAuth))},
		{"expiration_time", subscriptionJSON(quoted(sampleEndpoint), `1e300`, quoted(sampleUAPublic), quoted(sampleAuth))},
		{"expiration_time", subscriptionJSON(quoted(sampleEndpoint), `0.5`, quoted(sampleUAPublic), quoted(sampleAuth))},
	} {
		got, err := ParseSubscription([]byte(tt.in))
		if got != nil || !errors.Is(err, &SubscriptionError{Token: "webpush_subscription_" + tt.token}) {
			t.Errorf("%.120s: want %s, got %+v, %v", tt.in, tt.token, got, err)
		}
		if err != nil && len(err.Error()) > 500 {
			t.Errorf("%.120s: %d bytes of error", tt.in, len(err.Error()))
		}
	}
}

// TestParseSubscriptionTruncated: no part of one is a subscription.
func TestParseSubscriptionTruncated(t *testing.T) {
	in := at(sampleEndpoint)
	for i := range len(in) {
		if s, err := ParseSubscription([]byte(in[:i])); err == nil {
			t.Fatalf("%d bytes: %+v", i, s)
		}
	}
}

// TestSubscriptionJSON: what is written is what a browser wrote, also within
// a larger message, and is validated there.
func TestSubscriptionJSON(t *testing.T) {
	for _, in := range []string{
		at(sampleEndpoint),
		subscriptionJSON(quoted(sampleEndpoint), "1800000000123", quoted(sampleUAPublic), quoted(sampleAuth)),
	} {
		var got struct{ User *Subscription }
		if err := json.Unmarshal([]byte(`{"User":`+in+`}`), &got); err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(got.User)
		if err != nil || string(out) != in {
			t.Errorf("%s, %v; want %s", out, err, in)
		}
		if out, _ = json.Marshal(*got.User); string(out) != in {
			t.Errorf("by value: %s", out)
		}
	}
	var got struct{ User *Subscription }
	if err := json.Unmarshal([]byte(`{"User":`+at("http://push.example.net/")+`}`), &got); !errors.Is(err, &SubscriptionError{Token: "webpush_subscription_endpoint_scheme"}) {
		t.Errorf("not validated: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"User":null}`), &got); err != nil {
		t.Errorf("null: %v", err)
	}
	s := Subscription{Keys: Keys{Auth: "x"}}
	if err := json.Unmarshal([]byte("null"), &s); err != nil || s.Keys.Auth != "x" {
		t.Errorf("null: %+v, %v", s, err)
	}
}

func TestSubscriptionPrintsNoSecret(t *testing.T) {
	s, err := ParseSubscription([]byte(at(sampleEndpoint)))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %s", *s, s), (&Subscription{Endpoint: "x"}).String()} {
		if strings.Contains(text, "JzLQ") || strings.Contains(text, sampleAuth) {
			t.Errorf("%q tells a secret", text)
		}
	}
	if s.String() != "a subscription at https://push.example.net" {
		t.Errorf("%q", s)
	}
	var log strings.Builder
	l := slog.New(slog.NewJSONHandler(&log, nil))
	l.Info("x", "sub", s, "value", *s, "keys", &UserKeys{Auth: [authSize]byte{1, 2, 3}})
	if text := log.String(); strings.Contains(text, "JzLQ") || strings.Contains(text, sampleAuth) || strings.Contains(text, "1,2,3") || !strings.Contains(text, "push.example.net") {
		t.Errorf("the log has %s", text)
	}
}

func TestOrigin(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"https://push.example.net/a?b", "https://push.example.net"},
		{"https://PUSH.Example.NET:443/", "https://push.example.net"},
		{"https://push.example.net:0443/", "https://push.example.net"},
		{"https://push.example.net:80/", "https://push.example.net:80"},
		{"http://127.0.0.1:80", "http://127.0.0.1"},
		{"http://127.0.0.1:443/", "http://127.0.0.1:443"},
		{"https://[2606:4700:0::1]:8443/", "https://[2606:4700:0::1]:8443"},
		{"https://push.example.net./", "https://push.example.net."},
	} {
		u, err := parseEndpoint(tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if got := originOf(u); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
	}
}
