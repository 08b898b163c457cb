package pushservice

import (
	"net/http/httptest"
	"testing"
)

// Pages make no subscriptions with their visitors' addresses: a POST without a
// body needs no consent of the service, and a visitor is a client that is not
// limited yet.
func TestPagesDoNotSubscribe(t *testing.T) {
	s := newService(t, nil)
	for _, row := range []struct {
		site, origin string
		status       int
	}{
		{"", "", 201}, {"none", "", 201}, {"same-origin", testOrigin, 201}, {"", testOrigin, 201},
		{"cross-site", "", 403}, {"same-site", "http://other.push.test", 403}, {"", "https://evil.example", 403}, {"", "null", 403},
	} {
		var fields []string
		if row.site != "" {
			fields = append(fields, "Sec-Fetch-Site", row.site)
		}
		if row.origin != "" {
			fields = append(fields, "Origin", row.origin)
		}
		want(t, s, row.status, "POST", pathSubscribe, "", fields...)
	}
}

// URLs are complete, or there are none.
func TestNoHost(t *testing.T) {
	for url, status := range map[string]int{"": 400, "https://push.example.net": 201} {
		s := newService(t, &Options{URL: url})
		r := httptest.NewRequest("POST", testOrigin+pathSubscribe, nil)
		r.Host = ""
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != status {
			t.Errorf("URL %q: %d with %v, want %d", url, w.Code, w.Header(), status)
		}
	}
}

// A port that is the scheme's own is no part of an origin (RFC 6454, 6.2).
func TestURLWithItsOwnPort(t *testing.T) {
	for given, want := range map[string]string{
		"https://push.example:443/x": "https://push.example", "http://push.example:80": "http://push.example",
		"https://push.example:80": "https://push.example:80", "https://[::1]:443": "https://[::1]",
	} {
		s, err := New(&Options{URL: given})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.origin(nil); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
		if _, err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
