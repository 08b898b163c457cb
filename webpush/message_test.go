package webpush

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMessageTTL(t *testing.T) {
	for _, tt := range []struct {
		ttl  time.Duration
		want string // "" for an error
	}{
		{0, "2419200"}, {TTLNow, "0"}, {time.Nanosecond, "1"}, {time.Second, "1"}, {1500 * time.Millisecond, "2"}, {time.Hour, "3600"},
		{math.MaxInt32 * time.Second, "2147483647"}, {math.MaxInt32*time.Second + 1, ""}, {-2, ""}, {-time.Second, ""}, {math.MaxInt64, ""},
	} {
		f, err := (&Message{TTL: tt.ttl}).check()
		if tt.want != "" && (err != nil || f.ttl != tt.want) {
			t.Errorf("%v: %q, %v, want %q", tt.ttl, f.ttl, err, tt.want)
		}
		if tt.want == "" && !errors.Is(err, &ConfigError{Token: "webpush_config_ttl"}) {
			t.Errorf("%v: %q, %v", tt.ttl, f.ttl, err)
		}
	}
}

func TestMessageRefuses(t *testing.T) {
	for _, tt := range []struct {
		m     Message
		token string // "" for what is right
	}{
		{Message{Urgency: VeryLow, Topic: strings.Repeat("a", 32), ContentType: "application/json; charset=utf-8"}, ""},
		{Message{Urgency: High, Topic: "Az09-_"}, ""},
		{Message{Urgency: "urgent"}, "urgency"},
		{Message{Urgency: "High"}, "urgency"},
		{Message{Urgency: "low\r\nX: y"}, "urgency"},
		{Message{Topic: strings.Repeat("a", 33)}, "topic"},
		{Message{Topic: "a b"}, "topic"},
		{Message{Topic: "a.b"}, "topic"},
		{Message{Topic: "a\r\nX: y"}, "topic"},
		{Message{Topic: "ä"}, "topic"},
		{Message{ContentType: "text"}, "content_type"},
		{Message{ContentType: "text/plain\r\nX: y"}, "content_type"},
		{Message{ContentType: "text/plän"}, "content_type"},
	} {
		_, err := tt.m.check()
		if tt.token == "" && err != nil || tt.token != "" && !errors.Is(err, &ConfigError{Token: "webpush_config_" + tt.token}) {
			t.Errorf("%+v: %v", tt.m, err)
		}
	}
	_, err := (&Message{Payload: make([]byte, MaxPlaintext+1)}).check()
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("a payload of 3,994 bytes: %v", err)
	}
}

func TestNotification(t *testing.T) {
	n := Notification{
		Title: "Ada <wrote> & more", Navigate: "https://app.example/m/12", Body: "Grüße", Lang: "en-US", Dir: "ltr", Tag: "m12",
		Image: "/i.png", Icon: "/c.png", Badge: "/b.png", Vibrate: []uint32{100, 50, 100}, Timestamp: time.UnixMilli(1800000000123),
		Renotify: true, RequireInteraction: true, Data: map[string]int{"id": 12},
		Actions: []NotificationAction{{Action: "read", Title: "Read", Navigate: "/m/12"}}, Mutable: true,
	}
	m, err := n.Message()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"web_push":8030,"notification":{"title":"Ada <wrote> & more","lang":"en-US","dir":"ltr","body":"Grüße","navigate":"https://app.example/m/12","tag":"m12",` +
		`"image":"/i.png","icon":"/c.png","badge":"/b.png","vibrate":[100,50,100],"timestamp":1800000000123,"renotify":true,"requireInteraction":true,"data":{"id":12},` +
		`"actions":[{"action":"read","title":"Read","navigate":"/m/12"}]},"mutable":true}`
	if diff := cmp.Diff(&Message{Payload: []byte(want), ContentType: "application/notification+json"}, m); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m, err := (&Notification{Title: "t", Navigate: "/"}).Message(); err != nil || string(m.Payload) != `{"web_push":8030,"notification":{"title":"t","navigate":"/"}}` {
		t.Errorf("the least: %s, %v", m.Payload, err)
	}
	for _, tt := range []struct {
		token  string
		change func(n *Notification)
	}{
		{"title", func(n *Notification) { n.Title = "" }},
		{"navigate", func(n *Notification) { n.Navigate = "" }},
		{"dir", func(n *Notification) { n.Dir = "up" }},
		{"tag", func(n *Notification) { n.Tag = "" }},
		{"silent", func(n *Notification) { n.Silent = true }},
		{"action", func(n *Notification) { n.Actions = []NotificationAction{{Action: "a", Title: "b"}} }},
		{"data", func(n *Notification) { n.Data = func() {} }},
	} {
		n := n
		tt.change(&n)
		if m, err := n.Message(); m != nil || !errors.Is(err, &ConfigError{Token: "webpush_config_notification_" + tt.token}) {
			t.Errorf("%s: %v", tt.token, err)
		}
	}
	n.Body = strings.Repeat("a", 4000)
	if _, err := n.Message(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if !json.Valid(m.Payload) {
		t.Error("no JSON")
	}
}

func TestSubject(t *testing.T) {
	for _, tt := range []struct{ in, want, token string }{
		{"mailto:push@example.com", "mailto:push@example.com", ""},
		{"push@example.com", "mailto:push@example.com", ""},
		{" push@example.com\n", "mailto:push@example.com", ""},
		{"MAILTO:a+b@example.com?subject=push", "mailto:a+b@example.com?subject=push", ""},
		{"https://example.com/contact", "https://example.com/contact", ""},
		{"https://example.com", "https://example.com", ""},
		{"", "", "missing"}, {"  ", "", "missing"},
		{"http://example.com", "", "scheme"}, {"example.com", "", "scheme"}, {"tel:+1", "", "scheme"}, {"localhost", "", "scheme"},
		{"mailto:mailto:push@example.com", "", "mail"}, {"mailto:push", "", "mail"}, {"mailto:@example.com", "", "mail"}, {"push@", "", "mail"},
		{"Ada <ada@example.com>", "", "mail"}, {"mailto:<ada@example.com>", "", "mail"}, {"a@b@c", "", "mail"}, {"a b@example.com", "", "mail"}, {"ä@example.com", "", "mail"},
		{"https://", "", "url"}, {"https://a:b@example.com", "", "url"}, {"https:example.com", "", "url"}, {"https://exa mple.com", "", "url"}, {"https://%zz", "", "url"},
		{"mailto:push@localhost", "", "local"}, {"push@LOCALHOST.", "", "local"}, {"https://localhost:3000", "", "local"}, {"https://a.localhost/", "", "local"},
		{"https://127.0.0.1/", "", "local"}, {"https://[::1]/", "", "local"}, {"a@127.0.0.1", "", "local"},
	} {
		got, err := contact(tt.in)
		if tt.token == "" && (err != nil || got != tt.want) {
			t.Errorf("%q: %q, %v", tt.in, got, err)
		}
		if tt.token != "" && (got != "" || !errors.Is(err, &ConfigError{Token: "webpush_config_subject_" + tt.token})) {
			t.Errorf("%q: %q, %v, want %s", tt.in, got, err, tt.token)
		}
	}
}
