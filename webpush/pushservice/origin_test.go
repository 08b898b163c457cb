package pushservice

import "testing"

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
