package handshake

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sampleRequest is the client's half in RFC 6455, 1.3.
const sampleRequest = "GET /chat HTTP/1.1\r\n" +
	"Host: server.example.com\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Origin: http://example.com\r\n" +
	"Sec-WebSocket-Protocol: chat, superchat\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"\r\n"

func TestRequestOfTheSampleInRFC6455(t *testing.T) {
	r, n, scan, err := ParseRequest([]byte(sampleRequest+"\x81\x85frame"), 0, Limits{})
	if err != nil || n != len(sampleRequest) || scan != n {
		t.Fatalf("n %d, scan %d, err %v; want %d, %d, nil", n, scan, err, len(sampleRequest), len(sampleRequest))
	}
	want := Request{
		Method:    "GET",
		Target:    "/chat",
		Host:      "server.example.com",
		Origin:    "http://example.com",
		Key:       sampleKey,
		Protocols: []string{"chat", "superchat"},
		HTTP:      11,
		Header: http.Header{
			"Upgrade":                {"websocket"},
			"Connection":             {"Upgrade"},
			"Sec-Websocket-Key":      {sampleKey},
			"Origin":                 {"http://example.com"},
			"Sec-Websocket-Protocol": {"chat, superchat"},
			"Sec-Websocket-Version":  {"13"},
		},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if err := r.Check(); err != nil {
		t.Errorf("Check: %v", err)
	}
}

// line builds a request with another request line, field one with another
// field at its end.
func line(s string) string {
	_, rest, _ := strings.Cut(sampleRequest, "\r\n")
	return s + "\r\n" + rest
}

func field(lines ...string) string {
	return strings.TrimSuffix(sampleRequest, "\r\n") + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// requestTable is what ParseRequest makes of bytes: the token of the error,
// or "" if it takes them; net/http has to take those too. It is the seed of
// the fuzz targets as well.
var requestTable = []struct{ name, in, token string }{
	{"sample", sampleRequest, ""},
	{"browser", browserRequest, ""},
	{"program", programRequest, ""},
	{"fields in lower case", "GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nsec-websocket-key: x\r\nx-UNUSUAL-name: y\r\n\r\n", ""},
	{"no space after the colon", "GET / HTTP/1.1\r\nHost:a\r\nUpgrade:websocket\r\n\r\n", ""},
	{"tabs and spaces around a value", "GET / HTTP/1.1\r\nHost: \t a\t \r\nX: \t b c \t\r\n\r\n", ""},
	{"empty value", field("X-Empty:"), ""},
	{"value beyond ASCII", field("X-Name: J\xf6rg \xe2\x82\xac"), ""},
	{"field many times", field("X-A: 1", "X-A: 2", "x-a: 3"), ""},
	{"port", "GET / HTTP/1.1\r\nHost: example.com:8080\r\n\r\n", ""},
	{"IPv6", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n", ""},
	{"empty host, for Check to refuse", "GET / HTTP/1.1\r\nHost:\r\n\r\n", ""},
	{"later minor version", line("GET / HTTP/1.9"), ""},
	{"HTTP/1.0, for Check to refuse", "GET / HTTP/1.0\r\n\r\n", ""},
	{"other method, for Check to refuse", line("POST /chat HTTP/1.1"), ""},
	{"query", line("GET /a/b?x={|}&y=%zz HTTP/1.1"), ""},
	{"escapes", line("GET /%41%2f HTTP/1.1"), ""},
	{"two slashes", line("GET //example.org/chat HTTP/1.1"), ""},
	{"absolute target", line("GET http://other.example.com:8080/chat?a HTTP/1.1"), ""},
	{"absolute target over TLS", line("GET HTTPS://other.example.com HTTP/1.1"), ""},
	{"absolute target without path", line("GET http://other.example.com?a HTTP/1.1"), ""},
	{"absolute target with IPv6", line("GET http://[::1]:80/ HTTP/1.1"), ""},
	{"length of nothing", field("Content-Length: 0"), ""},
	{"length, for Check to refuse", field("Content-Length: 5"), ""},
	{"chunked, for Check to refuse", field("Transfer-Encoding: chunked"), ""},
	{"pragma without cache control", field("Pragma: no-cache"), ""},

	{"empty line first", "\r\n" + sampleRequest, "handshake_request_line"},
	{"empty request line", "\r\n\r\n", "handshake_request_line"},
	{"one word", line("GET"), "handshake_request_line"},
	{"HTTP/0.9", line("GET /"), "handshake_request_line"},
	{"space first", line(" GET / HTTP/1.1"), "handshake_request_line"},
	{"method no token", line("G(T / HTTP/1.1"), "handshake_request_line"},
	{"two spaces", line("GET  / HTTP/1.1"), "handshake_http_version_syntax"},
	{"space in the target", line("GET /a b HTTP/1.1"), "handshake_http_version_syntax"},
	{"space at the end", line("GET / HTTP/1.1 "), "handshake_http_version_syntax"},
	{"version in lower case", line("GET / http/1.1"), "handshake_http_version_syntax"},
	{"version without point", line("GET / HTTP/1"), "handshake_http_version_syntax"},
	{"version with two digits", line("GET / HTTP/1.10"), "handshake_http_version_syntax"},
	{"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "handshake_http_version"},
	{"HTTP/3", line("GET / HTTP/3.0"), "handshake_http_version"},
	{"asterisk", line("GET * HTTP/1.1"), "handshake_target_form"},
	{"authority", line("CONNECT example.com:443 HTTP/1.1"), "handshake_target_form"},
	{"relative path", line("GET chat HTTP/1.1"), "handshake_target_form"},
	{"scheme ws", line("GET ws://example.com/ HTTP/1.1"), "handshake_target_form"},
	{"user info", line("GET http://me:pw@example.com/ HTTP/1.1"), "handshake_target_form"},
	{"absolute without host", line("GET http:///chat HTTP/1.1"), "handshake_host_invalid"},
	{"absolute with bad port", line("GET http://example.com:x/ HTTP/1.1"), "handshake_host_invalid"},
	{"fragment", line("GET /chat#a HTTP/1.1"), "handshake_target"},
	{"target beyond ASCII", line("GET /caf\xc3\xa9 HTTP/1.1"), "handshake_target"},
	{"broken escape", line("GET /%4 HTTP/1.1"), "handshake_target"},
	{"escape of no digits", line("GET /%zz HTTP/1.1"), "handshake_target"},
	{"tab in the request line", line("GET\t/ HTTP/1.1"), "handshake_request_line"},

	{"host missing", "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "handshake_host_missing"},
	{"host missing beside an absolute target", "GET http://a/ HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "handshake_host_missing"},
	{"host twice", field("Host: server.example.com"), "handshake_host_repeated"},
	{"host twice in two cases", field("hOST: evil.example.com"), "handshake_host_repeated"},
	{"host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "handshake_host_invalid"},
	{"host with a comma", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", "handshake_host_invalid"},
	{"host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "handshake_host_invalid"},
	{"host with user info", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "handshake_host_invalid"},
	{"host bad beside an absolute target", "GET http://a/ HTTP/1.1\r\nHost: a/b\r\n\r\n", "handshake_host_invalid"},
	{"port too large", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "handshake_host_invalid"},
	{"IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", "handshake_host_invalid"},
	{"IPv6 with a zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", "handshake_host_invalid"},
	{"IPv4 in brackets", "GET / HTTP/1.1\r\nHost: [127.0.0.1]\r\n\r\n", "handshake_host_invalid"},

	{"folded field", field("X-A: 1", " 2"), "handshake_field_folded"},
	{"folded with a tab", field("X-A: 1", "\t2"), "handshake_field_folded"},
	{"first field folded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "handshake_field_folded"},
	{"no colon", field("X-A 1"), "handshake_field_colon"},
	{"space before the colon", field("X-A : 1"), "handshake_field_name"},
	{"empty name", field(": 1"), "handshake_field_name"},
	{"name no token", field("X(A): 1"), "handshake_field_name"},
	{"name beyond ASCII", field("X-\xe4: 1"), "handshake_field_name"},

	{"lone LF", strings.ReplaceAll(sampleRequest, "\r\n", "\n"), "handshake_bare_lf"},
	{"one lone LF", field("X-A: 1\nX-B: 2"), "handshake_bare_lf"},
	{"lone LF at the end", strings.TrimSuffix(sampleRequest, "\r\n") + "\n", "handshake_bare_lf"},
	{"lone CR in a value", field("X-A: 1\rX-B: 2"), "handshake_bare_cr"},
	{"CR CR LF", field("X-A: 1\r"), "handshake_bare_cr"},
	{"NUL in a value", field("X-A: 1\x002"), "handshake_control_byte"},
	{"NUL in the target", line("GET /\x00 HTTP/1.1"), "handshake_control_byte"},
	{"DEL in a value", field("X-A: \x7f"), "handshake_control_byte"},
	{"escape in a name", field("X\x1bA: 1"), "handshake_control_byte"},
	{"TLS on a plain port", "\x16\x03\x01\x02\x00\x01", "handshake_control_byte"},

	{"length twice", field("Content-Length: 0", "Content-Length: 0"), "handshake_content_length"},
	{"length with a sign", field("Content-Length: +5"), "handshake_content_length"},
	{"length as a list", field("Content-Length: 5, 5"), "handshake_content_length"},
	{"length of nothing at all", field("Content-Length:"), "handshake_content_length"},
	{"length too long", field("Content-Length: 9999999999999999999"), "handshake_content_length"},
	{"coding unknown", field("Transfer-Encoding: gzip, chunked"), "handshake_transfer_encoding"},
	{"coding twice", field("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), "handshake_transfer_encoding"},
	{"coding and length", field("Transfer-Encoding: chunked", "Content-Length: 5"), "handshake_transfer_encoding"},
	{"coding in HTTP/1.0", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "handshake_transfer_encoding"},
}

func TestRequestSyntax(t *testing.T) {
	for _, tt := range requestTable {
		t.Run(tt.name, func(t *testing.T) {
			r, n, _, err := ParseRequest([]byte(tt.in), 0, Limits{})
			if token(err) != tt.token {
				t.Fatalf("error %v, want %q", err, tt.token)
			}
			if err != nil {
				if n != 0 || !cmp.Equal(r, Request{}) {
					t.Errorf("an error came with n %d and request %+v", n, r)
				}
				return
			}
			if n != len(tt.in) {
				t.Errorf("n = %d, want %d", n, len(tt.in))
			}
			if err := agreeRequest([]byte(tt.in), &r); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRequestAbsoluteTargetTakesPrecedenceOverHost(t *testing.T) {
	for _, tt := range []struct{ target, resource, host string }{
		{"http://other.example.com:8080/chat?a", "/chat?a", "other.example.com:8080"},
		{"https://other.example.com", "/", "other.example.com"},
		{"http://other.example.com?a=b", "/?a=b", "other.example.com"},
		{"http://[::1]/x", "/x", "[::1]"},
	} {
		r, _, _, err := ParseRequest([]byte(line("GET "+tt.target+" HTTP/1.1")), 0, Limits{})
		if err != nil || r.Target != tt.resource || r.Host != tt.host {
			t.Errorf("%s: target %q, host %q, err %v; want %q, %q", tt.target, r.Target, r.Host, err, tt.resource, tt.host)
		}
	}
}

func TestRequestKeepsTheOrderOfRepeatedFields(t *testing.T) {
	r, _, _, err := ParseRequest([]byte(field("X-A: 1", "X-B: 5", "x-a: 2", "X-A: 3", "X-C: 6")), 0, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"X-A": {"1", "2", "3"}, "X-B": {"5"}, "X-C": {"6"}} {
		if diff := cmp.Diff(want, r.Header[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestRequestDoesNotRetainTheInput(t *testing.T) {
	b := []byte(browserRequest)
	r, _, _, err := ParseRequest(b, 0, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if r.Key != sampleKey || r.Header.Get("Upgrade") != "websocket" || r.Extensions[0] != "permessage-deflate; client_max_window_bits" {
		t.Errorf("the request changed with its input: %+v", r)
	}
	// Values share one array and must not reach into each other.
	r.Header.Add("Upgrade", "h2c")
	r.Protocols = append(r.Protocols, "more")
	if r.Header.Get("Origin") != "https://server.example.com" || len(r.Extensions) != 1 || r.Extensions[0][:4] != "perm" {
		t.Errorf("appending to one field changed another: %+v", r)
	}
}

func TestRequestAllocations(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		most     float64
	}{
		{"program, map of 8 or fewer", programRequest, 4}, // text, values, map, its group
		{"program, 8 besides Host", strings.TrimSuffix(programRequest, "\r\n") + "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", 4},
		{"browser, map of more", browserRequest, 6}, // and the map's table and directory
	} {
		in, out := []byte(tt.in), make([]byte, 0, 1024)
		got := testing.AllocsPerRun(100, func() {
			r, _, _, err := ParseRequest(in, 0, Limits{})
			if err == nil {
				err = r.Check()
			}
			if err == nil {
				_, err = AppendResponse(out, &r, SelectProtocol([]string{"chat"}, r.Protocols), "", nil)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		if got > tt.most {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.most)
		}
	}
}

// The lists of a browser's request share one allocation; without lists there
// is none.
func TestRequestFromHTTPAllocations(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		most     float64
	}{{"program", programRequest, 0}, {"browser", browserRequest, 1}} {
		h, err := http.ReadRequest(bufio.NewReader(strings.NewReader(tt.in)))
		if err != nil {
			t.Fatal(err)
		}
		got := testing.AllocsPerRun(100, func() {
			if q, err := FromHTTP(h); err != nil || q.Check() != nil {
				t.Fatal(err)
			}
		})
		if got > tt.most {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.most)
		}
	}
}

func TestRequestFromHTTPEqualsParsed(t *testing.T) {
	for _, in := range []string{sampleRequest, browserRequest, line("GET http://other.example.com/chat HTTP/1.1")} {
		want, _, _, err := ParseRequest([]byte(in), 0, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		h, err := http.ReadRequest(bufio.NewReader(strings.NewReader(in)))
		if err != nil {
			t.Fatal(err)
		}
		delete(h.Header, "Host") // as net/http's server does
		got, err := FromHTTP(h)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("FromHTTP (-parsed +got):\n%s", diff)
		}
		if err := got.Check(); err != nil {
			t.Error(err)
		}
	}
}

func TestRequestFromHTTPRefuses(t *testing.T) {
	good := func() *http.Request {
		h, err := http.ReadRequest(bufio.NewReader(strings.NewReader(sampleRequest)))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
		token  string
	}{
		{"nothing", func(*http.Request) {}, ""},
		{"made and not read", func(h *http.Request) { h.Method, h.RequestURI, h.URL = "", "", &url.URL{Path: "/chat"} }, ""},
		{"a body", func(h *http.Request) { h.ContentLength = 5 }, "handshake_body"},
		{"a chunked body", func(h *http.Request) { h.ContentLength, h.TransferEncoding = -1, []string{"chunked"} }, "handshake_body"},
		{"a body and no upgrade", func(h *http.Request) {
			h.ContentLength = 5
			delete(h.Header, "Upgrade")
			delete(h.Header, "Sec-Websocket-Key")
		}, "handshake_not_upgrade"},
		{"asterisk", func(h *http.Request) { h.RequestURI = "*" }, "handshake_target_form"},
		{"no URL", func(h *http.Request) { h.RequestURI, h.URL = "", nil }, "handshake_target_form"},
		{"POST with a body", func(h *http.Request) { h.Method, h.ContentLength = "POST", 5 }, "handshake_method"},
		{"HTTP/2", func(h *http.Request) { h.ProtoMajor, h.ProtoMinor = 2, 0 }, "handshake_http_2"},
		{"HTTP/1.0", func(h *http.Request) { h.ProtoMinor = 0 }, "handshake_http_10"},
		{"bad host", func(h *http.Request) { h.Host = "a/b" }, "handshake_host_invalid"},
	} {
		h := good()
		tt.change(h)
		r, err := FromHTTP(h)
		if err == nil {
			err = r.Check()
		}
		if token(err) != tt.token {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.token)
		}
	}
	h := good()
	h.TLS = &tls.ConnectionState{}
	if r, _ := FromHTTP(h); !r.Secure {
		t.Error("a request with r.TLS is not Secure")
	}
}

func TestRequestAppendedAsTheSampleInRFC6455(t *testing.T) {
	got, err := AppendRequest([]byte("before"), &Request{
		Target: "/chat", Host: "server.example.com", Key: sampleKey, Origin: "http://example.com",
		Protocols:  []string{"chat", "superchat"},
		Extensions: []string{"permessage-deflate; client_max_window_bits", "x"},
		Header:     http.Header{"Cookie": {"a=b"}, "Authorization": {"Basic eDp5"}, "X-B": {"1", "2"}},
	})
	want := "beforeGET /chat HTTP/1.1\r\n" +
		"Host: server.example.com\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		"Sec-WebSocket-Version: 13\r\n" +
		"Origin: http://example.com\r\n" +
		"Sec-WebSocket-Protocol: chat, superchat\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x\r\n" +
		"Authorization: Basic eDp5\r\n" +
		"Cookie: a=b\r\n" +
		"X-B: 1\r\n" +
		"X-B: 2\r\n" +
		"\r\n"
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Errorf("err %v, (-want +got):\n%s", err, diff)
	}
}

func TestRequestAppendRefusesWhatCannotBeSent(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Request)
		token  string
	}{
		{"nothing", func(*Request) {}, ""},
		{"GET and 11 by name", func(r *Request) { r.Method, r.HTTP = "GET", 11 }, ""},
		{"Origin as an extra field", func(r *Request) { r.Header = http.Header{"Origin": {"https://a"}} }, ""},
		{"null origin", func(r *Request) { r.Origin = "null" }, ""},
		{"POST", func(r *Request) { r.Method = "POST" }, "handshake_config_method"},
		{"HTTP/1.0", func(r *Request) { r.HTTP = 10 }, "handshake_config_method"},
		{"no target", func(r *Request) { r.Target = "" }, "handshake_config_target"},
		{"fields in the target", func(r *Request) { r.Target = "/ HTTP/1.1\r\nX: y\r\n\r\n" }, "handshake_config_target"},
		{"fragment", func(r *Request) { r.Target = "/a#b" }, "handshake_config_target"},
		{"no host", func(r *Request) { r.Host = "" }, "handshake_config_host"},
		{"fields in the host", func(r *Request) { r.Host = "a\r\nX: y" }, "handshake_config_host"},
		{"no key", func(r *Request) { r.Key = "" }, "handshake_config_key"},
		{"short key", func(r *Request) { r.Key = "AAAA" }, "handshake_config_key"},
		{"origin with a path", func(r *Request) { r.Origin = "https://a/" }, "handshake_config_origin"},
		{"origin pattern", func(r *Request) { r.Origin = "https://*.example.com" }, "handshake_config_origin"},
		{"origin twice", func(r *Request) { r.Origin, r.Header = "https://a", http.Header{"origin": {"https://b"}} }, "handshake_config_origin_twice"},
		{"empty subprotocol", func(r *Request) { r.Protocols = []string{""} }, "handshake_config_protocol"},
		{"list as a subprotocol", func(r *Request) { r.Protocols = []string{"a, b"} }, "handshake_config_protocol"},
		{"same subprotocol", func(r *Request) { r.Protocols = []string{"a", "b", "a"} }, "handshake_config_protocol_repeated"},
		{"list as an extension", func(r *Request) { r.Extensions = []string{"a, b"} }, "handshake_config_extension"},
		{"fields in an extension", func(r *Request) { r.Extensions = []string{"a\r\nX: y"} }, "handshake_config_extension"},
		{"empty extension", func(r *Request) { r.Extensions = []string{""} }, "handshake_config_extension"},
		{"spaces behind an extension", func(r *Request) { r.Extensions = []string{"a "} }, "handshake_config_extension"}, // FuzzAppendRequest found it
		{"own field", func(r *Request) { r.Header = http.Header{"Upgrade": {"h2c"}} }, "handshake_config_field_owned"},
	} {
		r := &Request{Target: "/", Host: "example.com", Key: sampleKey}
		tt.change(r)
		dst := []byte("before")
		got, err := AppendRequest(dst, r)
		if token(err) != tt.token {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.token)
		}
		if err != nil && !bytes.Equal(got, dst) {
			t.Errorf("%s: an error came with %q", tt.name, got)
		}
	}
}

func TestRequestRoundTrip(t *testing.T) {
	for _, want := range []Request{
		{Target: "/", Host: "a", Key: NewKey()},
		{Target: "/a?b=c", Host: "[::1]:80", Key: NewKey(), Origin: "https://a.example", Protocols: []string{"x"}, Extensions: []string{`a; b="c"`, "d"}},
		{Target: "/", Host: "a", Key: NewKey(), Header: http.Header{"Cookie": {"a=b", "c=d"}, "X-Y": {""}}},
	} {
		b, err := AppendRequest(nil, &want)
		if err != nil {
			t.Fatal(err)
		}
		if err := sameRequest(b, &want); err != nil {
			t.Error(err)
		}
	}
}

// sameRequest says how reading b differs from what was written, want. The
// fields that the handshake owns are compared through the fields of Request.
func sameRequest(b []byte, want *Request) error {
	got, n, _, err := ParseRequest(b, 0, Limits{Line: len(b), Bytes: len(b), Fields: len(b)})
	if err != nil {
		return err
	}
	if n != len(b) {
		return errLength
	}
	if err := got.Check(); err != nil {
		return err
	}
	sent := *want
	sent.Method, sent.HTTP = "GET", 11
	if o := sent.Header["Origin"]; len(o) > 0 && sent.Origin == "" {
		sent.Origin = trimSpace(o[0])
	}
	sent.Header = http.Header{}
	for name, values := range want.Header {
		for _, v := range values {
			sent.Header.Add(name, trimSpace(v))
		}
	}
	for name := range got.Header {
		if owned(name) || name == "Origin" && want.Origin != "" {
			delete(got.Header, name)
		}
	}
	// Which of two spellings of one name comes first is the map's choice.
	less := cmpopts.SortSlices(func(a, b string) bool { return a < b })
	if diff := cmp.Diff(sent, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Request{}, "Header", "Origin")) +
		cmp.Diff(sent.Header, got.Header, cmpopts.EquateEmpty(), less); diff != "" {
		return errDiff(diff)
	}
	return nil
}

type errDiff string

func (e errDiff) Error() string { return "(-written +read):\n" + string(e) }

const errLength = errDiff("the lengths differ")
