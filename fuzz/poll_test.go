package fuzz

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// FuzzPollJSON: what is published by POST, encoding/json reads out of the
// answers of polls as it was, text and binary, with any type and key; a second
// POST with the key stores nothing; and what may not be published is refused
// with an error in JSON and not stored either.
func FuzzPollJSON(f *testing.F) {
	f.Add("", "text/plain", "", []byte("hello"))
	f.Add("price", "application/json", "k", []byte(`{"a":"<\u2028\">"}`))
	f.Add("a\"\\\x7f\u2029", "image/png", "k\u00e9", []byte("\x00\xff\xfe"))
	f.Add("bad\n", "", "", []byte("x"))
	f.Add("pushwire:x", "", "", []byte("x"))
	f.Add("x;base64", "", "", []byte("x"))
	f.Add("", "text/plain; charset=utf-8", "", []byte("\xff"))
	f.Add("", ";;;", "", []byte("\xff\u2028\x01"))
	f.Fuzz(func(t *testing.T, typ, content, key string, data []byte) {
		log := &topic.Log{}
		defer log.Close()
		h := httpstream.Handler(log, &httpstream.Options{WriteTimeout: -1, Allow: func(*http.Request) error { return nil }})
		do := func(method, query string, body []byte) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, "/?"+query, bytes.NewReader(body))
			if method == "POST" {
				r.Header.Set("Content-Type", content)
			} else {
				r.Body, r.ContentLength = http.NoBody, 0
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		query := url.Values{"type": {typ}}
		if key != "" {
			query.Set("key", key)
		}
		posted := do("POST", query.Encode(), data)
		b, err := log.Bounds(ended)
		if err != nil {
			t.Fatal(err)
		}
		if posted.Code != http.StatusCreated {
			var e struct{ Error, Message string }
			strictly(t, posted.Body.Bytes(), &e)
			if e.Error == "" || e.Message == "" || b.Items != 0 || posted.Code < 400 || posted.Code >= 500 {
				t.Fatalf("%d %s, %d items", posted.Code, posted.Body, b.Items)
			}
			if do("GET", "", nil).Code != http.StatusNoContent {
				t.Fatal("something can be read")
			}
			return
		}
		var p struct{ Cursor string }
		strictly(t, posted.Body.Bytes(), &p)
		if key != "" {
			again := do("POST", query.Encode(), data)
			if again.Code != http.StatusOK || again.Body.String() != posted.Body.String() {
				t.Fatalf("the second time: %d %s", again.Code, again.Body)
			}
		}
		want := shown{p.Cursor, typ, string(data)}
		if typ == "" {
			want.Type = topic.DefaultType
		}
		for _, query := range []string{"", "wait=1", "limit=1"} {
			w := do("GET", query, nil)
			if w.Code != http.StatusOK || !utf8.Valid(w.Body.Bytes()) {
				t.Fatalf("%s: %d %q", query, w.Code, w.Body)
			}
			var a struct {
				Items  []itemJSON
				Cursor string
			}
			strictly(t, w.Body.Bytes(), &a)
			if len(a.Items) != 1 || a.Cursor != p.Cursor {
				t.Fatalf("%s: %s", query, w.Body)
			}
			if d := cmp.Diff(want, a.Items[0].show(t)); d != "" {
				t.Fatalf("%s (-published +read):\n%s", query, d)
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, w.Body.Bytes()); err != nil || compact.String() != string(bytes.TrimRight(w.Body.Bytes(), "\n")) {
				t.Fatalf("%s: not compact, %v: %s", query, err, w.Body)
			}
		}
	})
}
