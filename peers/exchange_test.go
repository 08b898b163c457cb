package peers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pair is one client and one server. What the two foreign packages do
// differently from what RFC 6455 asks or leaves open stands here.
type pair struct {
	name   string
	client client
	server server

	// RFC 6455, 4.2.2, lets a server answer an offer of subprotocols with
	// none, and 4.1 does not let a client fail because of that; ws does.
	wantsProtocol bool

	// websockets always puts a code into its close frames.
	clientHasNoEmptyClose, serverHasNoEmptyClose bool

	ours string // "client", "server" or "" for a pair that is foreign on both sides
}

// TestExchange runs the same exchanges over every pair. Each connection is
// opened, used for one thing and closed by the closing handshake, whose codes
// both ends have to report.
func TestExchange(t *testing.T) {
	pairs := []func() pair{
		// The foreign packages with each other: these prove the scripts.
		func() pair {
			return pair{name: "ws to websockets", client: npmWS(), server: pyWebsockets(), wantsProtocol: true, serverHasNoEmptyClose: true}
		},
		func() pair {
			return pair{name: "websockets to ws", client: pyWebsockets(), server: npmWS(), clientHasNoEmptyClose: true}
		},
	}
	pairs = append(pairs, ourPairs()...)
	certificate := newSecure(t)
	for _, scheme := range []string{"ws", "wss"} {
		for _, make := range pairs {
			p := make()
			t.Run(scheme+"/"+p.name, func(t *testing.T) {
				var s *secure
				if scheme == "wss" {
					s = certificate
				}
				p.run(t, s)
			})
		}
	}
}

var serverProtocols = []string{"chat.v2", "chat.v1"}

func (p pair) run(t *testing.T, s *secure) {
	p.client.start(t)
	url := p.server.listen(t, serverProtocols, s)
	connect := func(t *testing.T, protocols ...string) (c, sv end) {
		t.Helper()
		c, refused := p.client.dial(t, url, dialing{protocols: protocols, secure: s})
		if refused != "" {
			t.Fatalf("refused: %s", refused)
		}
		return c, p.server.accept(t)
	}
	// After a failure the scripts may be anywhere, so the rest would tell nothing.
	step := func(name string, f func(t *testing.T)) {
		if !t.Failed() {
			t.Run(name, f)
		}
	}
	// both runs f with the client as a and then with the server as a, on a
	// connection each, which a closes with 1000.
	both := func(name string, f func(t *testing.T, a, b end)) {
		step(name, func(t *testing.T) {
			c, sv := connect(t)
			f(t, c, sv)
			finish(t, c, sv)
			c, sv = connect(t)
			f(t, sv, c)
			finish(t, sv, c)
		})
	}

	both("sizes", testSizes)
	both("fragments", testFragments)
	both("pings", testPings)
	both("many", testMany)
	both("while the other sends", testFullDuplex)
	step("subprotocol", func(t *testing.T) { p.testSubprotocol(t, url, s, connect) })
	if p.ours == "server" {
		step("origin", func(t *testing.T) { p.testOrigin(t, url, s) })
	}
	step("close", func(t *testing.T) { p.testClose(t, connect) })
	step("invalid UTF-8", func(t *testing.T) {
		if p.ours != "client" {
			c, sv := connect(t)
			refuses(t, c, sv, 1007, "text", "abc\xff")
		}
		if p.ours != "server" {
			c, sv := connect(t)
			refuses(t, sv, c, 1007, "text", "abc\xff")
		}
	})
	step("too big", func(t *testing.T) {
		big := strings.Repeat("x", maxMessage+1)
		c, sv := connect(t)
		refuses(t, c, sv, 1009, "binary", big)
		c, sv = connect(t)
		refuses(t, sv, c, 1009, "binary", big)
	})
	step("drop", func(t *testing.T) {
		c, sv := connect(t)
		c.drop(t)
		wantEnd(t, "the server's end", sv, 1006, "")
		wantEnd(t, "the client's end", c, 1006, "")
		c, sv = connect(t)
		sv.drop(t)
		wantEnd(t, "the client's end", c, 1006, "")
		wantEnd(t, "the server's end", sv, 1006, "")
	})
}

func finish(t *testing.T, a, b end) {
	t.Helper()
	a.close(t, 1000, "done")
	wantEnd(t, "the end that was closed", b, 1000, "done")
	wantEnd(t, "the end that closed", a, 1000, anyReason)
}

// anyReason: whether the answer to a close frame repeats the reason is left to
// the implementation.
const anyReason = "*"

func wantEnd(t *testing.T, who string, e end, code int, reason string) {
	t.Helper()
	gotCode, gotReason := e.ended(t)
	if gotCode != code || reason != anyReason && gotReason != reason {
		t.Errorf("%s: ended with %d %q, want %d %q", who, gotCode, gotReason, code, reason)
	}
}

// refuses checks that b ends the connection with code because of what a sends.
func refuses(t *testing.T, a, b end, code int, typ, data string) {
	t.Helper()
	a.offer(t, typ, data)
	wantEnd(t, "the end that sent it", a, code, anyReason)
	b.ended(t) // its own view of a failure is its own business; ours is in the root's tests
}

func wantMessage(t *testing.T, e end, want message) {
	t.Helper()
	got := e.recv(t)
	if got == want {
		return
	}
	if len(got.data) > 200 || len(want.data) > 200 {
		t.Fatalf("got %s of %d bytes, want %s of %d bytes, or the bytes differ", got.typ, len(got.data), want.typ, len(want.data))
	}
	t.Fatal(cmp.Diff(want, got, cmp.AllowUnexported(message{})))
}

// text returns n bytes of UTF-8 with characters of one to four bytes.
func text(n int) string {
	const unit = "aß世👋" // 10 bytes
	return strings.Repeat(unit, n/len(unit)) + "xxxxxxxxx"[:n%len(unit)]
}

// bytesOf returns n bytes with every value and no UTF-8.
func bytesOf(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(255 - i*7)
	}
	return string(b)
}

func testSizes(t *testing.T, a, b end) {
	// RFC 6455, 5.2: the lengths on both sides of each form, and the limit.
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, maxMessage} {
		for _, m := range []message{{"text", text(n)}, {"binary", bytesOf(n)}} {
			a.send(t, m.typ, m.data)
			wantMessage(t, b, m)
			b.send(t, m.typ, m.data)
			wantMessage(t, a, m)
		}
	}
}

func testFragments(t *testing.T, a, b end) {
	for _, parts := range [][]string{
		{"one ", "two ", "three"},
		{"", "", ""},
		{"", "after an empty one", ""},
		{"cut \xe4", "\xb8", "\x96 in a character"},
		{text(70_000), text(200_000), text(3)},
	} {
		a.send(t, "text", parts...)
		wantMessage(t, b, message{"text", strings.Join(parts, "")})
		a.send(t, "binary", parts...)
		wantMessage(t, b, message{"binary", strings.Join(parts, "")})
	}
	a.send(t, "text", "and whole")
	wantMessage(t, b, message{"text", "and whole"})
}

func testPings(t *testing.T, a, b end) {
	for i := range 20 {
		a.ping(t, fmt.Sprintf("ping %d", i))
		b.ping(t, fmt.Sprintf("gnip %d", i))
	}
	a.ping(t, strings.Repeat("p", 125)) // RFC 6455, 5.5: the most that fits
	a.send(t, "text", "still there")
	wantMessage(t, b, message{"text", "still there"})
}

func testMany(t *testing.T, a, b end) {
	const n = 1000
	for i := range n {
		a.send(t, "text", fmt.Sprintf("message %d", i))
	}
	for i := range n {
		wantMessage(t, b, message{"text", fmt.Sprintf("message %d", i)})
	}
}

func testFullDuplex(t *testing.T, a, b end) {
	const n = 50
	m := message{"binary", bytesOf(20_000)}
	for range n {
		a.send(t, m.typ, m.data)
		b.send(t, m.typ, m.data)
	}
	for range n {
		wantMessage(t, a, m)
		wantMessage(t, b, m)
	}
}

func (p pair) testSubprotocol(t *testing.T, url string, s *secure, connect func(*testing.T, ...string) (end, end)) {
	for _, row := range []struct {
		offer []string
		want  string
	}{
		{nil, ""},
		{[]string{"chat.v1"}, "chat.v1"},
		{[]string{"chat.v1", "chat.v2"}, "chat.v2"}, // the server's order
		{[]string{"chat.v9", "chat.v1"}, "chat.v1"},
	} {
		c, sv := connect(t, row.offer...)
		if c.protocol() != row.want || sv.protocol() != row.want {
			t.Errorf("offer %q: the client has %q, the server %q, want %q", row.offer, c.protocol(), sv.protocol(), row.want)
		}
		finish(t, c, sv)
	}
	if !p.wantsProtocol {
		c, sv := connect(t, "chat.v9")
		if c.protocol() != "" || sv.protocol() != "" {
			t.Errorf("nothing in common: the client has %q, the server %q", c.protocol(), sv.protocol())
		}
		finish(t, c, sv)
		return
	}
	_, refused := p.client.dial(t, url, dialing{protocols: []string{"chat.v9"}, secure: s})
	if !strings.Contains(refused, "no subprotocol") {
		t.Errorf("nothing in common: %q, want the client's own refusal", refused)
	}
	p.server.accept(t).ended(t)
}

// testOrigin sends what a browser would send for a page: a foreign package
// sends no Origin of its own.
func (p pair) testOrigin(t *testing.T, url string, s *secure) {
	same := strings.TrimSuffix(strings.Replace(url, "ws", "http", 1), "/")
	otherScheme := strings.Replace(url, "ws", "https", 1)
	if s != nil {
		otherScheme = strings.Replace(url, "wss", "http", 1)
	}
	for _, origin := range []string{"http://elsewhere.example", "null", strings.TrimSuffix(otherScheme, "/")} {
		_, refused := p.client.dial(t, url, dialing{header: map[string]string{"Origin": origin}, secure: s})
		if refused != "403" {
			t.Errorf("origin %s: %q, want 403", origin, refused)
		}
	}
	c, refused := p.client.dial(t, url, dialing{header: map[string]string{"Origin": same}, secure: s})
	if refused != "" {
		t.Fatalf("origin %s, the server's own: %s", same, refused)
	}
	finish(t, c, p.server.accept(t))
}

func (p pair) testClose(t *testing.T, connect func(*testing.T, ...string) (end, end)) {
	longest := strings.Repeat("ü", 61) + "x" // RFC 6455, 5.5 and 5.5.1: 125 bytes less 2
	rows := []struct {
		code   int
		reason string
	}{
		{1000, ""}, {1001, "going"}, {1002, "Grüße"}, {1003, "x"}, {1007, ""}, {1008, ""}, {1009, ""}, {1010, ""}, {1011, ""},
		{1012, ""}, {1013, ""}, {1014, ""}, {3000, ""}, {3999, "r"}, {4000, "世界"}, {4999, longest},
	}
	for _, row := range rows {
		for _, clientCloses := range []bool{true, false} {
			a, b := connect(t)
			if !clientCloses {
				a, b = b, a
			}
			// What was sent before the close arrives before it.
			a.send(t, "text", "last words")
			a.close(t, row.code, row.reason)
			wantMessage(t, b, message{"text", "last words"})
			wantEnd(t, "the end that was closed", b, row.code, row.reason)
			wantEnd(t, "the end that closed", a, row.code, anyReason)
		}
	}
	// RFC 6455, 7.1.5: a close frame without a code is reported as 1005.
	if p.ours != "client" && !p.clientHasNoEmptyClose {
		c, sv := connect(t)
		c.close(t, 0, "")
		wantEnd(t, "the server's end", sv, 1005, "")
		wantEnd(t, "the client's end", c, 1005, "")
	}
	if p.ours != "server" && !p.serverHasNoEmptyClose {
		c, sv := connect(t)
		sv.close(t, 0, "")
		wantEnd(t, "the client's end", c, 1005, "")
		wantEnd(t, "the server's end", sv, 1005, "")
	}
}
