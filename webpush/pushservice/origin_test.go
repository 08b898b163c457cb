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
