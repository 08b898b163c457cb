package pushwire

import (
	"errors"
	"strings"
	"testing"
)

func TestDialTargetFollowsTheURIDefinition(t *testing.T) {
	for _, c := range []struct {
		raw, url, addr, host, resource string
	}{
		// RFC 6455, 3: default ports 80 and 443; the path defaults to "/".
		{"ws://example.com", "ws://example.com/", "example.com:80", "example.com", "/"},
		{"wss://example.com", "wss://example.com/", "example.com:443", "example.com", "/"},
		{"ws://example.com/chat?a=1&b", "ws://example.com/chat?a=1&b", "example.com:80", "example.com", "/chat?a=1&b"},
		{"ws://example.com?a", "ws://example.com/?a", "example.com:80", "example.com", "/?a"},
		// The "?" goes only with a query that is not empty.
		{"ws://example.com/x?", "ws://example.com/x", "example.com:80", "example.com", "/x"},
		// Other names for the schemes; case does not matter.
		{"http://example.com/", "ws://example.com/", "example.com:80", "example.com", "/"},
		{"HTTPS://Example.COM/A", "wss://example.com/A", "example.com:443", "example.com", "/A"},
		// A port that is the default, spelled in another way, or another's.
		{"ws://example.com:80/", "ws://example.com/", "example.com:80", "example.com", "/"},
		{"ws://example.com:0080/", "ws://example.com/", "example.com:80", "example.com", "/"},
		{"ws://example.com:/", "ws://example.com/", "example.com:80", "example.com", "/"},
		{"ws://example.com:443/", "ws://example.com:443/", "example.com:443", "example.com:443", "/"},
		{"wss://example.com:8443/", "wss://example.com:8443/", "example.com:8443", "example.com:8443", "/"},
		// Addresses.
		{"ws://127.0.0.1:8080/", "ws://127.0.0.1:8080/", "127.0.0.1:8080", "127.0.0.1:8080", "/"},
		{"ws://[::1]/", "ws://[::1]/", "[::1]:80", "[::1]", "/"},
		{"ws://[2001:db8::1]:9000/", "ws://[2001:db8::1]:9000/", "[2001:db8::1]:9000", "[2001:db8::1]:9000", "/"},
		{"ws://[fe80::1%25eth0]:9000/", "ws://[fe80::1%25eth0]:9000/", "[fe80::1%eth0]:9000", "[fe80::1]:9000", "/"},
		{"ws://[fe80::1%25eth0]/", "ws://[fe80::1%25eth0]/", "[fe80::1%eth0]:80", "[fe80::1]", "/"},
		// Names beyond ASCII; a name that is no host name but resolves.
		{"wss://b\u00fccher.example/", "wss://xn--bcher-kva.example/", "xn--bcher-kva.example:443", "xn--bcher-kva.example", "/"},
		{"wss://B\u00dcCHER.example/", "wss://xn--bcher-kva.example/", "xn--bcher-kva.example:443", "xn--bcher-kva.example", "/"},
		{"ws://my_service:81/", "ws://my_service:81/", "my_service:81", "my_service:81", "/"},
		// Path and query stay as they were escaped.
		{"ws://h/a%2Fb%20c", "ws://h/a%2Fb%20c", "h:80", "h", "/a%2Fb%20c"},
		{"ws://h/\u00e9?\u00e9=%C3%A9", "ws://h/%C3%A9?%C3%A9=%C3%A9", "h:80", "h", "/%C3%A9?%C3%A9=%C3%A9"},
		{"ws://h//x", "ws://h//x", "h:80", "h", "//x"},
		// User information is kept apart.
		{"ws://user:secret@h/x", "ws://h/x", "h:80", "h", "/x"},
	} {
		to, err := parseTarget(c.raw)
		if err != nil {
			t.Errorf("%s: %v", c.raw, err)
			continue
		}
		if got := [4]string{to.String(), to.addr(), to.hostField(), to.resource()}; got != [4]string{c.url, c.addr, c.host, c.resource} {
			t.Errorf("%s:\n got %q\nwant %q", c.raw, got, [4]string{c.url, c.addr, c.host, c.resource})
		}
	}
}

func TestDialRefusesURLsThatAreNotWebSocketURIs(t *testing.T) {
	for _, c := range []struct{ raw, why string }{
		{"ws://h/#part", "fragment"},
		{"ws://h/#", "fragment"},
		{"ws://user:p#w@h/", "fragment"},
		{"", "scheme"},
		{"h/x", "scheme"},
		{"//h/x", "scheme"},
		{"ftp://h/", `"ftp"`},
		{"ws:h", "no host"},
		{"ws://", "no host"},
		{"ws:///x", "no host"},
		{"ws://:80/", "no host"},
		{"ws://user:pw@/x", "no host"},
		{"ws://h:0/", "port"},
		{"ws://h:65536/", "port"},
		{"ws://h:http/", "not a valid URL"},
		{"ws://[::1/", "not a valid URL"},
		{"ws://a b/", "not a valid URL"},
		{"ws://a\"b/", "host name"},
		{"ws://a,b/", "host name"},
		{"ws://xn--\u00fc.example/", "internationalized"},
		{"ws://h/\r\nX: y", "not a valid URL"},
		{"ws://user:pa ss@h/", "not a valid URL"},
		{"ws:user:secret@h", "no host"},
	} {
		c1, res, err := Dial(t.Context(), c.raw, direct())
		var de *DialError
		if c1 != nil || res != nil || !errors.As(err, &de) {
			t.Errorf("%q: %v, %v, %v; want a DialError", c.raw, c1, res, err)
			continue
		}
		if msg := err.Error(); !strings.Contains(msg, c.why) || !strings.HasPrefix(msg, "pushwire: dial ") {
			t.Errorf("%q: %s; want %q in it", c.raw, msg, c.why)
		}
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "pa ss") || strings.Contains(err.Error(), "pw@") || strings.Contains(err.Error(), "user") {
			t.Errorf("%q: user information is in the message: %s", c.raw, err)
		}
	}
}

func TestDialRefusesAQueryThatWouldBreakTheRequestLine(t *testing.T) {
	_, _, err := Dial(t.Context(), "ws://"+dialPeer(t, dialAnswer(dialHello))+"/?a b", direct())
	var de *DialError
	if !errors.As(err, &de) || de.Status != 0 {
		t.Errorf("a space in the query: %v", err)
	}
}

func TestDialURLInErrorsHasNoUserInformation(t *testing.T) {
	for raw, want := range map[string]string{
		"ws://u:p@h/x":    "ws://h/x",
		"ws://u:p p@h/x":  "ws://h/x",
		"ws://u:p@p@h:x/": "ws://h:x/",
		"ws:u:p@h":        "h",
		"ws://h:x/":       "ws://h:x/",
		"u:p@ws://h/":     "ws://h/",
	} {
		if got := withoutUser(raw); got != want {
			t.Errorf("withoutUser(%q) = %q, want %q", raw, got, want)
		}
	}
}
