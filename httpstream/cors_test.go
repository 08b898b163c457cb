package httpstream_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/httpstream"
)

func TestOrigins(t *testing.T) {
	const app = "https://app.example.com"
	named := handshake.Origins{Allow: []string{app, "https://*.partner.example"}}
	all := handshake.Origins{Any: true}
	both := handshake.Origins{Any: true, Allow: []string{app}}
	public := handshake.Origins{Host: "https://api.example.com"}
	for _, tt := range []struct {
		name        string
		origins     handshake.Origins
		fields      string // "name: value" joined by ", "
		get, post   int
		allow       string // Access-Control-Allow-Origin
		credentials bool
	}{
		{"a program", handshake.Origins{}, "", 204, 201, "", false},
		{"own page", handshake.Origins{}, "Origin: http://api.example.com", 204, 201, "http://api.example.com", true},
		{"own page with a port", handshake.Origins{}, "Origin: http://api.example.com:80", 204, 201, "http://api.example.com:80", true},
		{"foreign page", handshake.Origins{}, "Origin: " + app, 403, 403, "", false},
		{"own page over TLS", handshake.Origins{}, "Origin: https://api.example.com", 403, 403, "", false},
		{"own page over TLS, as its browser says", handshake.Origins{}, "Origin: https://api.example.com, Sec-Fetch-Site: same-origin", 204, 201, "", false},
		{"own page over TLS, configured", public, "Origin: https://api.example.com", 204, 201, "https://api.example.com", true},
		{"a foreign name for this address", public, "Origin: https://evil.example, Sec-Fetch-Site: same-origin", 403, 403, "", false},
		{"no origin", handshake.Origins{}, "Origin: null", 403, 403, "", false},
		{"two origins", all, "Origin: " + app + ", Origin: " + app, 204, 201, "*", false},
		{"two origins, named", named, "Origin: " + app + ", Origin: " + app, 403, 403, "", false},
		{"malformed", named, "Origin: app.example.com", 403, 403, "", false},

		{"named", named, "Origin: " + app, 204, 201, app, true},
		{"named by a pattern", named, "Origin: https://a.partner.example", 204, 201, "https://a.partner.example", true},
		{"not named", named, "Origin: https://evil.example", 403, 403, "", false},
		{"any", all, "Origin: https://evil.example", 204, 201, "*", false},
		{"any and a program", all, "", 204, 201, "", false},
		{"any, not named", both, "Origin: https://evil.example", 204, 201, "*", false},
		{"any, named", both, "Origin: " + app, 204, 201, app, true},

		{"embedded elsewhere", handshake.Origins{}, "Sec-Fetch-Site: cross-site, Sec-Fetch-Mode: no-cors", 403, 403, "", false},
		{"embedded elsewhere, old browser", handshake.Origins{}, "Sec-Fetch-Site: cross-site", 403, 403, "", false},
		{"a link elsewhere", handshake.Origins{}, "Sec-Fetch-Site: cross-site, Sec-Fetch-Mode: navigate", 204, 403, "", false},
		{"a page of the same site", handshake.Origins{}, "Sec-Fetch-Site: same-site, Sec-Fetch-Mode: no-cors", 204, 403, "", false},
		{"own page without Origin", handshake.Origins{}, "Sec-Fetch-Site: same-origin", 204, 201, "", false},
		{"typed in", handshake.Origins{}, "Sec-Fetch-Site: none, Sec-Fetch-Mode: navigate", 204, 201, "", false},
		{"embedded elsewhere, any", all, "Sec-Fetch-Site: cross-site", 204, 201, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log, _, _ := filled(t, 1)
			checked := 0
			o := &httpstream.Options{Origins: tt.origins, Allow: func(*http.Request) error { return nil }, Check: func(*http.Request) error { checked++; return nil }}
			srv := way{}.serve(t, httpstream.Handler(log, o), nil)
			fields := []string{"Host", "api.example.com"}
			for f := range strings.SplitSeq(tt.fields, ", ") {
				if name, value, ok := strings.Cut(f, ": "); ok {
					fields = append(fields, name, value)
				}
			}
			for method, status := range map[string]int{"GET": tt.get, "POST": tt.post} {
				before := checked
				a := ask(t, srv.Client(), method+" "+srv.URL+"?after=now", "", fields...)
				if a.status != status {
					t.Errorf("%s: %d, want %d (%s)", method, a.status, status, a.body)
				}
				allow, credentials, exposed := a.header.Get("Access-Control-Allow-Origin"), a.header.Get("Access-Control-Allow-Credentials"), a.header.Get("Access-Control-Expose-Headers")
				if !strings.Contains(strings.Join(a.header["Vary"], ","), "Origin") {
					t.Errorf("%s: Vary %q", method, a.header["Vary"])
				}
				if status == 403 {
					wantRefusal(t, a, "forbidden_origin")
					if allow != "" || credentials != "" || checked != before {
						t.Errorf("%s refused: %v, Check was asked %d times", method, a.header, checked-before)
					}
					continue
				}
				if allow != tt.allow || credentials != map[bool]string{true: "true"}[tt.credentials] || (exposed != "") != (allow != "") {
					t.Errorf("%s: allow %q, credentials %q, exposed %q", method, allow, credentials, exposed)
				}
			}
		})
	}
}

// "Any" is for what everybody may see. Without the second look a page of any
// origin could publish in the name of who visits it: a POST of text needs no
// preflight, and the browser sends the visitor's cookies along.
func TestForeignPagesDoNotPublishWithCookies(t *testing.T) {
	const app, evil = "https://app.example.com", "https://evil.example"
	for _, tt := range []struct {
		name   string
		fields []string
		status int
	}{
		{"a foreign page", []string{"Origin", evil}, 201},
		{"a foreign page with cookies", []string{"Origin", evil, "Cookie", "session=1"}, 403},
		{"a page without an origin, with cookies", []string{"Origin", "null", "Cookie", "session=1"}, 403},
		{"another site, as the browser says", []string{"Sec-Fetch-Site", "cross-site", "Cookie", "session=1"}, 403},
		{"a named page with cookies", []string{"Origin", app, "Cookie", "session=1"}, 201},
		{"own page with cookies", []string{"Origin", "http://api.example.com", "Cookie", "session=1"}, 201},
		{"a program with cookies", []string{"Cookie", "session=1"}, 201},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log, _, _ := filled(t, 0)
			asked := false
			o := &httpstream.Options{
				Origins: handshake.Origins{Any: true, Allow: []string{app}},
				Allow:   func(*http.Request) error { asked = true; return nil },
			}
			srv := way{}.serve(t, httpstream.Handler(log, o), nil)
			fields := append([]string{"Host", "api.example.com", "Content-Type", "text/plain"}, tt.fields...)
			a := ask(t, srv.Client(), "POST "+srv.URL, "x", fields...)
			if a.status != tt.status || asked != (tt.status == 201) {
				t.Errorf("%d, want %d; Allow was asked: %v", a.status, tt.status, asked)
			}
			if tt.status == 403 {
				wantRefusal(t, a, "forbidden_origin")
			}
			if a := ask(t, srv.Client(), "GET "+srv.URL, "", fields[:2:2]...); tt.status == 403 && a.status != 204 {
				t.Errorf("it was stored: %d %s", a.status, a.body)
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	const app = "https://app.example.com"
	log, _, _ := filled(t, 1)
	o := &httpstream.Options{
		Origins: handshake.Origins{Allow: []string{app}}, Headers: []string{"X-Room"}, Allow: func(*http.Request) error { return nil },
		Check: func(*http.Request) error { t.Error("Check was asked: a preflight has no credentials"); return nil },
	}
	srv := way{}.serve(t, httpstream.Handler(log, o), nil)
	a := ask(t, srv.Client(), "OPTIONS "+srv.URL, "", "Origin", app, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "idempotency-key")
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": app, "Access-Control-Allow-Credentials": "true", "Access-Control-Max-Age": "7200",
		"Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
		"Access-Control-Allow-Headers": "Authorization, Cache-Control, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-Room",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if a.status != 204 {
		t.Errorf("%d", a.status)
	}
	a = ask(t, srv.Client(), "OPTIONS "+srv.URL, "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	if a.status != 403 || a.header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("foreign: %d %v", a.status, a.header)
	}
}

// A page has to be able to read why it was refused.
func TestRefusalsCarryTheFieldsOfCORS(t *testing.T) {
	const app = "https://app.example.com"
	log, _, _ := filled(t, 1)
	srv := way{}.serve(t, httpstream.Handler(log, &httpstream.Options{Origins: handshake.Origins{Allow: []string{app}}}), nil)
	for _, accept := range []string{"*/*", acceptLines} {
		a := ask(t, srv.Client(), "GET "+srv.URL+"?after=x", "", "Origin", app, "Accept", accept)
		if a.status != 400 || a.header.Get("Access-Control-Allow-Origin") != app {
			t.Errorf("%d %v", a.status, a.header)
		}
	}
}
