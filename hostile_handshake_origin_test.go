package pushwire_test

import "fmt"

// RFC 6455, 10.2, with the rules of handshake.Origins. Host is localhost.
func origins() []handshakeRow {
	const ok, null, bad, scheme, other = "", "handshake_origin_null", "handshake_origin_malformed", "handshake_origin_scheme", "handshake_origin_forbidden"
	rows := []handshakeRow{
		{name: "two Origins", head: req("Origin: http://localhost", "Origin: http://localhost"), token: "handshake_origin_repeated"},
		{name: "two Origins, the second foreign", head: req("Origin: http://localhost", "Origin: http://evil.example"), token: "handshake_origin_repeated"},
		{name: "two Origins, any is allowed", policy: "any", head: req("Origin: http://a.example", "Origin: http://b.example")},
		{name: "an Origin with another case and port 80", head: req("Origin: HTTP://LocalHost:80")},
		{name: "an Origin of a Host with a port", head: req("Host: localhost:8080", "Origin: http://localhost:8080")},
		{name: "an Origin of a Host with a port, another scheme", head: req("Host: localhost:8080", "Origin: https://localhost:8080"), token: scheme},
		{name: "an Origin of a Host in IPv6", head: req("Host: [::1]:80", "Origin: http://[0::1]")},
		{name: "an Origin of an absolute target, not of Host", head: req("GET http://elsewhere.example/ HTTP/1.1", "Origin: http://localhost"), token: other},
	}
	for _, k := range []struct {
		policy, origin, token string
		secure                bool
	}{
		{"", "http://localhost", ok, false},
		{"", "https://localhost", scheme, false},
		{"", "https://localhost", ok, true},
		{"", "https://localhost:443", ok, true},
		{"", "http://localhost", scheme, true},
		{"", "null", null, false},
		{"", "null", null, true},
		{"", "", bad, false},
		{"", "localhost", bad, false},
		{"", "http://localhost/", bad, false},
		{"", "http://localhost http://evil.example", bad, false},
		{"", "http://localhost, http://evil.example", bad, false},
		{"", "http://user@localhost", bad, false},
		{"", "http://*.localhost", bad, false},
		{"", "://localhost", bad, false},
		{"", "http://", bad, false},
		{"", "NULL", bad, false},
		{"", "http://localhost:8080", other, false},
		{"", "http://evil.example", other, false},
		{"", "http://localhost.evil.example", other, false},
		{"", "http://evil-localhost", other, false},
		{"", "http://localhost.", other, false},
		{"", "file://localhost", scheme, false},
		{"", "chrome-extension://abcdefgh", other, false},
		{"null", "null", ok, false},
		{"null", "http://evil.example", other, false},
		{"any", "null", ok, false},
		{"any", "nonsense", ok, false},
		{"allow", "http://localhost", ok, false},
		{"allow", "http://localhost:3000", ok, false},
		{"allow", "http://localhost:3001", other, false},
		{"allow", "https://localhost:3000", scheme, false},
		{"allow", "https://app.example.com", ok, false},
		{"allow", "https://APP.example.com:443", ok, false},
		{"allow", "http://app.example.com", other, false},
		{"allow", "https://app.example.com:8443", other, false},
		{"allow", "https://www.example.com", other, false},
		{"allow", "https://app.example.com.evil.example", other, false},
		{"allow", "https://evil.example#app.example.com", bad, false},
		{"allow", "https://a.example.org", ok, false},
		{"allow", "https://a.b.example.org", ok, false},
		{"allow", "https://example.org", other, false},
		{"allow", "https://evilexample.org", other, false},
		{"allow", "https://.example.org", other, false},
		{"allow", "https://a..example.org", other, false},
		{"allow", "http://a.example.org", other, false},
		{"allow", "https://*.example.org", bad, false},
		{"allow", "null", null, false},
		{"proxy", "https://public.example.com", ok, false},
		{"proxy", "http://public.example.com", scheme, false},
		{"proxy", "http://localhost", other, false},
	} {
		rows = append(rows, handshakeRow{
			name:   fmt.Sprintf("Origin %q, policy %q, TLS %v", k.origin, k.policy, k.secure),
			policy: k.policy, secure: k.secure, head: req("Origin: " + k.origin), token: k.token,
		})
	}
	for i := range rows {
		rows[i].status = 403
		if rows[i].token == "" {
			rows[i].status = 101
		}
	}
	return rows
}
