package httpstream_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

func allowAll(*http.Request) error { return nil }

func TestPublish(t *testing.T) {
	long := strings.Repeat("x", 257)
	for _, tt := range []struct {
		name   string
		query  string
		fields []string
		body   string
		status int
		token  string     // of a refusal
		item   topic.Item // what was published
	}{
		{"text", "", nil, "hello", 201, "", topic.Item{Type: "message", Data: []byte("hello")}},
		{"nothing", "", nil, "", 201, "", topic.Item{Type: "message"}},
		{"with a type", "?type=note", nil, "hello", 201, "", topic.Item{Type: "note", Data: []byte("hello")}},
		{"plain text", "", []string{"Content-Type", "text/plain; charset=UTF-8"}, "größe", 201, "", topic.Item{Type: "message", Data: []byte("größe")}},
		{"JSON", "", []string{"Content-Type", "application/json"}, `{"a":1}`, 201, "", topic.Item{Type: "message", Data: []byte(`{"a":1}`)}},
		{"kind of JSON", "", []string{"Content-Type", "application/ld+json"}, `{}`, 201, "", topic.Item{Type: "message", Data: []byte(`{}`)}},
		{"curl -d", "", []string{"Content-Type", "application/x-www-form-urlencoded"}, "a=b", 201, "", topic.Item{Type: "message", Data: []byte("a=b")}},
		{"binary", "", []string{"Content-Type", "application/octet-stream"}, "\xff\x00", 201, "", topic.Item{Type: "message", Data: []byte("\xff\x00"), Binary: true}},
		{"picture", "?type=cat", []string{"Content-Type", "image/png"}, "\x89PNG", 201, "", topic.Item{Type: "cat", Data: []byte("\x89PNG"), Binary: true}},

		{"text that is not UTF-8", "", nil, "\xff", 400, "bad_item", topic.Item{}},
		{"text that is cut", "", []string{"Content-Type", "text/plain"}, "\xe2\x82", 400, "bad_item", topic.Item{}},
		{"other charset", "", []string{"Content-Type", "text/plain; charset=latin1"}, "x", 415, "bad_item", topic.Item{}},
		{"no content type", "", []string{"Content-Type", "text"}, "x", 201, "", topic.Item{Type: "message", Data: []byte("x"), Binary: true}},
		{"malformed content type", "", []string{"Content-Type", "text/plain; ;;=="}, "x", 400, "bad_item", topic.Item{}},
		{"two content types", "", []string{"Content-Type", "text/plain", "Content-Type", "image/png"}, "x", 400, "bad_item", topic.Item{}},
		{"compressed", "", []string{"Content-Encoding", "gzip"}, "x", 415, "bad_item", topic.Item{}},
		{"too large", "", nil, strings.Repeat("x", 101), 413, "too_large", topic.Item{}},
		{"just fits", "", nil, strings.Repeat("x", 100), 201, "", topic.Item{Type: "message", Data: []byte(strings.Repeat("x", 100))}},
		{"type too long", "?type=" + long, nil, "x", 400, "bad_item", topic.Item{}},
		{"type with a line end", "?type=a%0ab", nil, "x", 400, "bad_item", topic.Item{}},
		{"type with NUL", "?type=a%00", nil, "x", 400, "bad_item", topic.Item{}},
		{"type that is not UTF-8", "?type=%ff", nil, "x", 400, "bad_item", topic.Item{}},
		{"reserved type", "?type=pushwire:reset", nil, "x", 400, "bad_item", topic.Item{}},
		{"reserved suffix", "?type=a%3Bbase64", nil, "x", 400, "bad_item", topic.Item{}},
		{"key too long", "?key=" + long, nil, "x", 400, "bad_item", topic.Item{}},
		{"two types", "?type=a&type=b", nil, "x", 400, "bad_query", topic.Item{}},
		{"two keys", "?key=a", []string{"Idempotency-Key", "b"}, "x", 400, "bad_query", topic.Item{}},
		{"bad query", "?type=%zz", nil, "x", 400, "bad_query", topic.Item{}},
		{"huge query", "?x=" + strings.Repeat("a", 5000), nil, "x", 414, "bad_query", topic.Item{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := &topic.Log{}
			srv := way{}.serve(t, httpstream.Handler(log, &httpstream.Options{Allow: allowAll, MaxPublish: 100}), nil)
			a := ask(t, srv.Client(), "POST "+srv.URL+tt.query, tt.body, tt.fields...)
			if a.status != tt.status {
				t.Fatalf("%d %s", a.status, a.body)
			}
			b, _ := log.Bounds(t.Context())
			if tt.token != "" {
				wantRefusal(t, a, tt.token)
				if b.Items != 0 {
					t.Error("it was published")
				}
				return
			}
			if want := `{"cursor":"` + string(b.Head) + `"}` + "\n"; a.body != want || a.header.Get("Pushwire-Cursor") != string(b.Head) {
				t.Errorf("%s %v", a.body, a.header)
			}
			items, err := log.Read(t.Context(), "", nil)
			if err != nil || len(items) != 1 {
				t.Fatal(items, err)
			}
			if d := cmp.Diff(tt.item, items[0], cmpopts.IgnoreFields(topic.Item{}, "Cursor", "Time"), cmpopts.IgnoreUnexported(topic.Item{}), cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPublishTwiceWithOneKey(t *testing.T) {
	log, _, short := filled(t, 0)
	srv := way{}.serve(t, httpstream.Handler(log, &httpstream.Options{Allow: allowAll}), nil)
	for i, tt := range []struct {
		query  string
		fields []string
		status int
		cursor string
	}{
		{"", []string{"Idempotency-Key", "k1"}, 201, "E-1"},
		{"", []string{"Idempotency-Key", "k1"}, 200, "E-1"},
		{"?key=k1", nil, 200, "E-1"},
		{"?key=k1", []string{"Idempotency-Key", "k1"}, 200, "E-1"},
		{"?key=k2", nil, 201, "E-2"},
		{"", nil, 201, "E-3"},
		{"", nil, 201, "E-4"},
		{"?key=", nil, 201, "E-5"},
		{"?key=", nil, 201, "E-6"},
	} {
		a := ask(t, srv.Client(), "POST "+srv.URL+tt.query, "x", tt.fields...)
		if a.status != tt.status || short(a.body) != `{"cursor":"`+tt.cursor+`"}`+"\n" {
			t.Errorf("%d: %d %s", i, a.status, a.body)
		}
	}
}

func TestPublishLimitsOfTheTopic(t *testing.T) {
	log := &topic.Log{MaxBytes: 10}
	srv := way{}.serve(t, httpstream.Handler(log, &httpstream.Options{Allow: allowAll}), nil)
	a := ask(t, srv.Client(), "POST "+srv.URL, strings.Repeat("x", 11))
	if a.status != 413 {
		t.Errorf("%d", a.status)
	}
	wantRefusal(t, a, "too_large")
	log.Close()
	a = ask(t, srv.Client(), "POST "+srv.URL, "x")
	if a.status != 503 {
		t.Errorf("%d", a.status)
	}
	wantRefusal(t, a, "unavailable")
}

func TestAllowSeesTheRequest(t *testing.T) {
	log := &topic.Log{}
	o := &httpstream.Options{Allow: func(r *http.Request) error {
		if r.Header.Get("Authorization") != "yes" {
			return &httpstream.RefusedError{Status: 402, Token: "pay", Message: "That costs."}
		}
		return nil
	}}
	srv := way{}.serve(t, httpstream.Handler(log, o), nil)
	a := ask(t, srv.Client(), "POST "+srv.URL, strings.Repeat("x", 1<<20))
	if a.status != 402 {
		t.Errorf("%d", a.status)
	}
	wantRefusal(t, a, "pay")
	if a := ask(t, srv.Client(), "POST "+srv.URL, "x", "Authorization", "yes"); a.status != 201 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestRefusedErrorHasItsCause(t *testing.T) {
	err := error(&httpstream.RefusedError{Status: 403, Token: "no", Message: "No."})
	var e *httpstream.RefusedError
	if !errors.As(err, &e) || err.Error() != "httpstream: refused with 403 (no: No.)" || errors.Unwrap(err) != nil {
		t.Error(err)
	}
}
