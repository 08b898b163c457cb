package handshake

import (
	"net/http"
	"testing"
)

func TestOriginPolicy(t *testing.T) {
	const none = "\x00" // no Origin field
	for _, tt := range []struct {
		name    string
		origins Origins
		host    string
		secure  bool
		origin  string
		token   string
	}{
		{"no browser", Origins{}, "example.com", true, none, ""},
		{"same", Origins{}, "example.com", true, "https://example.com", ""},
		{"same over plain http", Origins{}, "example.com", false, "http://example.com", ""},
		{"same with a port", Origins{}, "example.com:8443", true, "https://example.com:8443", ""},
		{"same with the default port in Host", Origins{}, "example.com:443", true, "https://example.com", ""},
		{"same with the default port in Origin", Origins{}, "example.com", false, "http://example.com:80", ""},
		{"same with an empty port", Origins{}, "example.com:", false, "http://example.com", ""},
		{"same in another case", Origins{}, "Example.COM", true, "HTTPS://eXample.com", ""},
		{"same IPv6", Origins{}, "[::1]:8080", false, "http://[0:0:0:0:0:0:0:1]:8080", ""},
		{"same IPv4", Origins{}, "127.0.0.1:8080", false, "http://127.0.0.1:8080", ""},

		{"scheme lower", Origins{}, "example.com", true, "http://example.com", "handshake_origin_scheme"},
		{"scheme higher", Origins{}, "example.com", false, "https://example.com", "handshake_origin_scheme"},
		{"other host", Origins{}, "example.com", true, "https://evil.example", "handshake_origin_forbidden"},
		{"subdomain", Origins{}, "example.com", true, "https://a.example.com", "handshake_origin_forbidden"},
		{"parent domain", Origins{}, "a.example.com", true, "https://example.com", "handshake_origin_forbidden"},
		{"host as a prefix", Origins{}, "example.com", true, "https://example.com.evil.example", "handshake_origin_forbidden"},
		{"host as a suffix", Origins{}, "example.com", true, "https://evilexample.com", "handshake_origin_forbidden"},
		{"point at the end", Origins{}, "example.com", true, "https://example.com.", "handshake_origin_forbidden"},
		{"other port", Origins{}, "example.com", true, "https://example.com:8443", "handshake_origin_forbidden"},
		{"port of the other scheme", Origins{}, "example.com:80", true, "https://example.com", "handshake_origin_forbidden"},
		{"other IPv6", Origins{}, "[::1]", false, "http://[::2]", "handshake_origin_forbidden"},
		{"IPv4 as IPv6", Origins{}, "127.0.0.1", false, "http://[::ffff:127.0.0.1]", "handshake_origin_forbidden"},
		{"no host", Origins{}, "", false, "http://example.com", "handshake_origin_forbidden"},
		{"null", Origins{}, "null", false, "null", "handshake_origin_null"},
		{"empty", Origins{}, "example.com", true, "", "handshake_origin_malformed"},
		{"path", Origins{}, "example.com", true, "https://example.com/", "handshake_origin_malformed"},
		{"user info", Origins{}, "example.com", true, "https://example.com@evil.example", "handshake_origin_malformed"},
		{"user info the other way", Origins{}, "example.com", true, "https://evil@example.com", "handshake_origin_malformed"},
		{"list", Origins{}, "example.com", true, "https://example.com https://evil.example", "handshake_origin_malformed"},
		{"comma", Origins{}, "example.com", true, "https://example.com, https://evil.example", "handshake_origin_malformed"},
		{"no scheme", Origins{}, "example.com", true, "example.com", "handshake_origin_malformed"},
		{"bad scheme", Origins{}, "example.com", true, "1https://example.com", "handshake_origin_malformed"},
		{"file", Origins{}, "example.com", true, "file://", "handshake_origin_malformed"},
		{"bad port", Origins{}, "example.com", true, "https://example.com:x", "handshake_origin_malformed"},
		{"pattern sent by a page", Origins{Allow: []string{"https://*.example.com"}}, "h", true, "https://*.example.com", "handshake_origin_malformed"},

		{"scheme twice", Origins{Host: "https://example.com"}, "10.0.0.1", false, "https://https://example.com", "handshake_origin_malformed"},

		{"any other", Origins{Any: true}, "example.com", true, "https://evil.example", ""},
		{"any null", Origins{Any: true}, "example.com", true, "null", ""},
		{"any malformed", Origins{Any: true}, "example.com", true, "x", ""},

		{"allowed", Origins{Allow: []string{"https://b.example", "https://app.example.com"}}, "api.example.com", true, "https://app.example.com", ""},
		{"own beside allowed", Origins{Allow: []string{"https://app.example.com"}}, "api.example.com", true, "https://api.example.com", ""},
		{"allowed in another case", Origins{Allow: []string{"HTTPS://App.Example.com"}}, "h", true, "https://app.example.com", ""},
		{"allowed with the default port", Origins{Allow: []string{"https://app.example.com:443"}}, "h", true, "https://app.example.com", ""},
		{"allowed with a port", Origins{Allow: []string{"http://localhost:3000"}}, "h", true, "http://localhost:3000", ""},
		{"allowed on another port", Origins{Allow: []string{"http://localhost:3000"}}, "h", true, "http://localhost:3001", "handshake_origin_forbidden"},
		{"allowed with another scheme", Origins{Allow: []string{"https://app.example.com"}}, "h", true, "http://app.example.com", "handshake_origin_forbidden"},
		{"allowed IPv6", Origins{Allow: []string{"http://[::1]:3000"}}, "h", true, "http://[0::1]:3000", ""},
		{"allowed extension", Origins{Allow: []string{"chrome-extension://abcdefgh"}}, "h", true, "chrome-extension://abcdefgh", ""},
		{"other extension", Origins{Allow: []string{"chrome-extension://abcdefgh"}}, "h", true, "chrome-extension://hgfedcba", "handshake_origin_forbidden"},
		{"null allowed by name", Origins{Allow: []string{"null"}}, "h", true, "null", ""},
		{"null not allowed by a pattern", Origins{Allow: []string{"https://*.null"}}, "h", true, "null", "handshake_origin_null"},

		{"one label", Origins{Allow: []string{"https://*.example.com"}}, "h", true, "https://a.example.com", ""},
		{"two labels", Origins{Allow: []string{"https://*.example.com"}}, "h", true, "https://a.b.Example.com", ""},
		{"pattern with a port", Origins{Allow: []string{"https://*.example.com:8443"}}, "h", true, "https://a.example.com:8443", ""},
		{"pattern and the default port", Origins{Allow: []string{"https://*.example.com:8443"}}, "h", true, "https://a.example.com", "handshake_origin_forbidden"},
		{"apex", Origins{Allow: []string{"https://*.example.com"}}, "h", true, "https://example.com", "handshake_origin_forbidden"},
		{"no point", Origins{Allow: []string{"https://*.example.com"}}, "h", true, "https://evilexample.com", "handshake_origin_forbidden"},
		{"empty label", Origins{Allow: []string{"https://*.example.com"}}, "h", true, "https://.example.com", "handshake_origin_forbidden"},
		{"empty label inside", Origins{Allow: []string{"https://*.example.com"}}, "h", true, "https://a..example.com", "handshake_origin_forbidden"},
		{"pattern and another scheme", Origins{Allow: []string{"https://*.example.com"}}, "h", true, "http://a.example.com", "handshake_origin_forbidden"},
		{"pattern with more behind", Origins{Allow: []string{"https://*.example.com"}}, "h", true, "https://a.example.com.evil.example", "handshake_origin_forbidden"},
		{"malformed pattern matches nothing", Origins{Allow: []string{"*", "https://*", "app.example.com"}}, "h", true, "https://app.example.com", "handshake_origin_forbidden"},

		{"host behind a proxy", Origins{Host: "example.com"}, "10.0.0.7:8080", true, "https://example.com", ""},
		{"host instead of the field", Origins{Host: "example.com"}, "10.0.0.7", true, "https://10.0.0.7", "handshake_origin_forbidden"},
		{"host and TLS ended before", Origins{Host: "example.com"}, "10.0.0.7", false, "https://example.com", "handshake_origin_scheme"},
		{"origin behind a proxy that ends TLS", Origins{Host: "https://example.com"}, "10.0.0.7", false, "https://example.com", ""},
		{"origin behind a proxy, plain page", Origins{Host: "https://example.com"}, "10.0.0.7", false, "http://example.com", "handshake_origin_scheme"},
		{"origin with a port behind a proxy", Origins{Host: "https://example.com:8443"}, "10.0.0.7", false, "https://example.com:8443", ""},
		{"malformed host lets nobody in", Origins{Host: "exa mple.com"}, "example.com", true, "https://example.com", "handshake_origin_forbidden"},
		{"pattern as host lets nobody in", Origins{Host: "https://*.example.com"}, "example.com", true, "https://a.example.com", "handshake_origin_forbidden"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &Request{Host: tt.host, Secure: tt.secure}
			if tt.origin != none {
				r.Origin = tt.origin
				r.Header = http.Header{"Origin": {tt.origin}}
			}
			err := tt.origins.Check(r)
			if token(err) != tt.token {
				t.Fatalf("Check: %v, want %q", err, tt.token)
			}
			if err != nil && err.(*Error).Status != http.StatusForbidden {
				t.Errorf("status %d, want 403", err.(*Error).Status)
			}
		})
	}
}

func TestOriginMustComeOnce(t *testing.T) {
	r, _, _, err := ParseRequest([]byte(field("Origin: http://server.example.com")), 0, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Origins{"own": {}, "both allowed": {Allow: []string{"http://example.com", "http://server.example.com"}}} {
		if err := o.Check(&r); token(err) != "handshake_origin_repeated" {
			t.Errorf("%s: %v, want handshake_origin_repeated", name, err)
		}
	}
	if err := (Origins{Any: true}).Check(&r); err != nil {
		t.Errorf("any: %v", err)
	}
}

func TestOriginOfARequestWithoutHeader(t *testing.T) {
	if err := (Origins{}).Check(&Request{Host: "a", Origin: "http://b"}); token(err) != "handshake_origin_forbidden" {
		t.Errorf("Check: %v, want handshake_origin_forbidden", err)
	}
}

func TestOriginPatternsAreValidated(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		ok      bool
	}{
		{"https://app.example.com", true},
		{"https://app.example.com:8443", true},
		{"http://localhost", true},
		{"http://[::1]:3000", true},
		{"http://127.0.0.1", true},
		{"https://*.example.com", true},
		{"https://*.localhost:8080", true},
		{"moz-extension://0123-4567", true},
		{"null", true},
		{"https://xn--bcher-kva.example", true},
		{"", false},
		{"*", false},
		{"https://*", false},
		{"https://*.", false},
		{"https://*..example.com", false},
		{"https://*.example.com.", false},
		{"https://*.[::1]", false},
		{"https://*example.com", false},
		{"https://a.*.example.com", false},
		{"https://*.*.example.com", false},
		{"app.example.com", false},
		{"*.example.com", false},
		{"//app.example.com", false},
		{"://app.example.com", false},
		{"https://", false},
		{"https://app.example.com/", false},
		{"https://app.example.com/chat", false},
		{"https://app.example.com?x", false},
		{"https://me@app.example.com", false},
		{"https://app.example.com:", true},
		{"https://app.example.com:*", false},
		{"https://app.example.com:70000", false},
		{" https://app.example.com", false},
		{"https://b\u00fccher.example", false},
		{"https://[::1", false},
		{"https://[1.2.3.4]", false},
	} {
		err := Origins{Allow: []string{"https://good.example", tt.pattern}}.Validate()
		if (err == nil) != tt.ok || err != nil && token(err) != "handshake_config_origin_pattern" {
			t.Errorf("Allow %q: %v, want ok %v", tt.pattern, err, tt.ok)
		}
	}
	for _, tt := range []struct {
		host string
		ok   bool
	}{
		{"", true},
		{"example.com", true},
		{"example.com:8443", true},
		{"[::1]:80", true},
		{"https://example.com", true},
		{"https://example.com/", false},
		{"example.com/", false},
		{"https://*.example.com", false},
		{"a b", false},
	} {
		err := Origins{Host: tt.host}.Validate()
		if (err == nil) != tt.ok || err != nil && token(err) != "handshake_config_origin_host" {
			t.Errorf("Host %q: %v, want ok %v", tt.host, err, tt.ok)
		}
	}
}
