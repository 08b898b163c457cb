package handshake

import (
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cutsOf makes cut positions of seed: the distances between them, over and
// over.
func cutsOf(seed []byte, n int) []int {
	var cuts []int
	for at, i := 0, 0; len(seed) > 0 && at < n && len(cuts) < 4096; i++ {
		at = min(at+int(seed[i%len(seed)])%64, n)
		cuts = append(cuts, at)
	}
	return cuts
}

// Run these with -fuzzminimizetime 1x if the rate falls to 0/sec: then it is
// the minimiser that takes the time, which go test does not tell from a hang.

// FuzzRequest: pieces equal the whole, for any limits; what is taken is taken
// by net/http with the same meaning; n ends at the first empty line; checks
// do not panic, and what passes Check can be answered.
func FuzzRequest(f *testing.F) {
	for _, tt := range requestTable {
		f.Add([]byte(tt.in), []byte{1}, uint16(0), uint16(0), uint16(0))
		f.Add([]byte(tt.in), []byte{7, 0, 31}, uint16(60), uint16(7), uint16(400))
	}
	for _, table := range checkTables {
		for _, tt := range table {
			f.Add([]byte(tt.in), []byte{16}, uint16(0), uint16(3), uint16(0))
		}
	}
	f.Fuzz(func(t *testing.T, in, seed []byte, line, fields, size uint16) {
		l := Limits{Line: int(line), Fields: int(fields), Bytes: int(size)}
		whole := parseWhole(ParseRequest, in, l)
		if diff := cmp.Diff(whole, parsePieces(ParseRequest, in, l, cutsOf(seed, len(in))...)); diff != "" {
			t.Fatalf("pieces differ (-whole +pieces):\n%s", diff)
		}
		if whole.N == 0 {
			if whole.Err == "" && strings.Contains(string(in), "\r\n\r\n") {
				t.Fatal("the end is there and was not seen")
			}
			return
		}
		if end := strings.Index(string(in), "\r\n\r\n") + 4; whole.N != end {
			t.Fatalf("n %d, the head ends at %d", whole.N, end)
		}
		r := whole.V
		if err := agreeRequest(in[:whole.N], &r); err != nil {
			t.Fatal(err)
		}
		Origins{}.Check(&r)
		if r.Check() != nil {
			return
		}
		answer, err := AppendResponse(nil, &r, first(r.Protocols), strings.Join(r.Extensions, ", "), nil)
		if err != nil {
			t.Fatalf("what passes Check cannot be answered: %v", err)
		}
		res, n, _, err := ParseResponse(answer, 0, Limits{Line: 1 << 17, Bytes: 1 << 18})
		if err != nil || n != len(answer) {
			t.Fatalf("the answer cannot be read: n %d of %d, %v", n, len(answer), err)
		}
		if err := res.Check(&r); err != nil {
			t.Fatalf("the answer is refused: %v", err)
		}
	})
}

// FuzzResponse: the same for responses.
func FuzzResponse(f *testing.F) {
	for _, tt := range responseTable {
		f.Add([]byte(tt.in), []byte{1}, uint16(0), uint16(0), uint16(0))
		f.Add([]byte(tt.in), []byte{7, 0, 31}, uint16(60), uint16(7), uint16(400))
	}
	req := &Request{Key: sampleKey, Protocols: []string{"chat"}, Extensions: []string{"permessage-deflate"}}
	f.Fuzz(func(t *testing.T, in, seed []byte, line, fields, size uint16) {
		l := Limits{Line: int(line), Fields: int(fields), Bytes: int(size)}
		whole := parseWhole(ParseResponse, in, l)
		if diff := cmp.Diff(whole, parsePieces(ParseResponse, in, l, cutsOf(seed, len(in))...)); diff != "" {
			t.Fatalf("pieces differ (-whole +pieces):\n%s", diff)
		}
		if whole.N == 0 {
			return
		}
		r := whole.V
		if err := agreeResponse(in[:whole.N], &r); err != nil {
			t.Fatal(err)
		}
		if r.Check(req) == nil && (r.Status != 101 || r.Header.Get("Sec-WebSocket-Accept") != sampleAccept || r.Protocol != "" && r.Protocol != "chat") {
			t.Fatalf("Check passes %+v", r)
		}
	})
}

// FuzzAppendRequest: what is written reads as what was meant, and whatever
// could end or add a field is refused.
func FuzzAppendRequest(f *testing.F) {
	f.Add("/chat", "server.example.com", "http://example.com", "chat,superchat", "permessage-deflate; a=b|x", "Cookie", "a=b")
	f.Add("/a?b", "[::1]:80", "null", "", "", "X-A", " \tb")
	f.Add("/\r\n", "a\r\nb", "https://a/", "a b", `x; y="z"`, "Host", "\r\nX: y")
	f.Fuzz(func(t *testing.T, target, host, origin, protocols, extensions, name, value string) {
		r := &Request{Target: target, Host: host, Origin: origin, Key: sampleKey, Header: http.Header{name: {value, "second"}}}
		if protocols != "" {
			r.Protocols = strings.Split(protocols, ",")
		}
		if extensions != "" {
			r.Extensions = strings.Split(extensions, "|")
		}
		b, err := AppendRequest(nil, r)
		if err != nil {
			if b != nil {
				t.Fatalf("an error came with %q", b)
			}
			return
		}
		if err := sameRequest(b, r); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		got, _, _, _ := ParseRequest(b, 0, Limits{Line: len(b), Bytes: len(b)})
		if err := agreeRequest(b, &got); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzAppendError: any error makes one whole answer with the body that was
// meant, in net/http's reading and in ours.
func FuzzAppendError(f *testing.F) {
	f.Add(400, "no", "Allow", "GET")
	f.Add(426, "no\r\n\r\n", "Connection", "Upgrade")
	f.Add(0, "", "X\r\nY", "a\r\nb")
	f.Fuzz(func(t *testing.T, status int, reason, name, value string) {
		e := &Error{Status: status, Reason: reason, Header: http.Header{name: {value}}}
		b := AppendError(nil, e)
		l := Limits{Line: len(b), Fields: len(b), Bytes: len(b)}
		r, n, _, err := ParseResponse(b, 0, l)
		if err != nil || n == 0 {
			t.Fatalf("%q: n %d, %v", b, n, err)
		}
		if err := agreeResponse(b, &r); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		body := strings.TrimSpace(reason)
		if body == "" {
			body = http.StatusText(r.Status)
		}
		if got := string(b[n:]); got != body+"\n" {
			t.Fatalf("body %q, want %q", got, body)
		}
		if fields := len(r.Header); fields > 5 {
			t.Fatalf("%d names of fields from one", fields)
		}
	})
}

// FuzzExtensions compares the scanner with the grammar as a regular
// expression.
func FuzzExtensions(f *testing.F) {
	for _, tt := range checkTables["RequestExtensionsMustFollowTheGrammar"] {
		for _, s := range strings.Split(tt.in, "\r\n") {
			if _, value, ok := strings.Cut(s, "Sec-WebSocket-Extensions:"); ok {
				f.Add(value)
			}
		}
	}
	const (
		ows    = `[ \t]*`
		tok    = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]"
		quoted = `"(?:` + tok + `|\\` + tok + `)+"`
		param  = ows + ";" + ows + tok + "+(?:" + ows + "=" + ows + "(?:" + tok + "+|" + quoted + "))?"
		ext    = tok + "+(?:" + param + ")*"
	)
	list := regexp.MustCompile(`^[ \t,]*` + ext + `(?:` + ows + `,[ \t,]*` + ext + `)*(?:` + ows + `,[ \t,]*|` + ows + `)$`)
	one := regexp.MustCompile(ext)
	f.Fuzz(func(t *testing.T, s string) {
		got, bad := appendExtensions(nil, []string{s})
		if want := list.MatchString(s); (bad == "") != want {
			t.Fatalf("%q: bad %q, the grammar says %v", s, bad, want)
		}
		if bad == "" {
			if diff := cmp.Diff(one.FindAllString(s, -1), got); diff != "" {
				t.Fatalf("%q (-grammar +ours):\n%s", s, diff)
			}
		}
	})
}

// FuzzOrigin: an origin that is let in is the same as the server's, or fits
// the one pattern, in the reading of net/url.
func FuzzOrigin(f *testing.F) {
	f.Add("https://example.com", "example.com", "https://*.example.com", true)
	f.Add("https://a.example.com", "[::1]:80", "https://*.example.com:443", true)
	f.Add("http://[0::1]:80", "[::1]", "null", false)
	f.Fuzz(func(t *testing.T, sent, host, pattern string, secure bool) {
		r := &Request{Host: host, Secure: secure, Origin: sent, Header: http.Header{"Origin": {sent}}}
		o := Origins{Allow: []string{pattern}}
		if o.Check(r) != nil || sent == "null" && pattern == "null" {
			return
		}
		page, err := url.Parse(sent)
		if err != nil || page.Host == "" || page.User != nil || page.Path != "" || page.RawQuery != "" || page.Fragment != "" {
			t.Fatalf("%q is let in and is no origin: %v", sent, err)
		}
		scheme := "http"
		if secure {
			scheme = "https"
		}
		if own, err := url.Parse(scheme + "://" + host); err == nil && sameURL(own, page) {
			return
		}
		wild := strings.Contains(pattern, "://*.")
		p, err := url.Parse(strings.Replace(pattern, "://*.", "://", 1))
		if err != nil {
			t.Fatalf("%q is let in by %q: %v", sent, pattern, err)
		}
		if !wild && sameURL(p, page) {
			return
		}
		if name := strings.ToLower(page.Hostname()); wild && strings.HasSuffix(name, "."+strings.ToLower(p.Hostname())) &&
			name[0] != '.' && p.Scheme == page.Scheme && portOf(p) == portOf(page) {
			return
		}
		t.Fatalf("%q is let in at %q (TLS %v) by %q", sent, host, secure, pattern)
	})
}

func sameURL(a, b *url.URL) bool {
	same := strings.EqualFold(a.Hostname(), b.Hostname())
	if x, err := netip.ParseAddr(a.Hostname()); err == nil {
		y, err := netip.ParseAddr(b.Hostname())
		same = err == nil && x == y
	}
	return same && a.Scheme == b.Scheme && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	switch port := strings.TrimLeft(u.Port(), "0"); {
	case port != "":
		return port
	case u.Port() != "":
		return "0"
	case u.Scheme == "http":
		return "80"
	case u.Scheme == "https":
		return "443"
	}
	return ""
}
