package pushwire_test

// One file, because it is one table and what runs it.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// A handshakeRow is what a client sends to open a connection, and what has to
// come back.
type handshakeRow struct {
	name   string
	head   string // up to and with the empty line, if it has one
	after  string // sent in one piece with it
	policy string // key of policies
	secure bool   // over TLS

	status int    // of the answer; 101 opens the connection
	token  string // of the handshake.Error that the application's log is given
	fields string // lines that the answer must have

	// On net/http, where it is different. first: net/http answers by itself,
	// our handler is never asked.
	web      int
	webToken string
	first    bool
}

// policies are the servers that rows are sent to.
var policies = map[string]pushwire.AcceptOptions{
	"": {},
	"allow": {Origins: handshake.Origins{Allow: []string{
		"https://app.example.com", "https://*.example.org", "http://localhost:3000",
	}}},
	"null":  {Origins: handshake.Origins{Allow: []string{"null"}}},
	"any":   {Origins: handshake.Origins{Any: true}},
	"proxy": {Origins: handshake.Origins{Host: "https://public.example.com"}},
	"chat":  {Protocols: []string{"v2.chat", "v1.chat"}},
	"check": {Check: checkByTarget},
}

// onWeb returns the row as net/http makes it.
func (r handshakeRow) onWeb() handshakeRow {
	if r.web != 0 {
		r.status, r.token, r.fields = r.web, r.webToken, ""
	}
	if r.first {
		r.token, r.fields = "", ""
	}
	return r
}

// refusals is a logger that keeps the errors of refused handshakes.
type refusals chan error

func (refusals) Enabled(context.Context, slog.Level) bool { return true }
func (l refusals) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok && a.Key == "error" && strings.Contains(r.Message, "handshake refused") {
			l <- err
		}
		return true
	})
	return nil
}
func (l refusals) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l refusals) WithGroup(string) slog.Handler      { return l }

// A doorway is one way for a handshake into the server.
type doorway struct {
	name string
	web  bool
	// open starts a server with o; dial gives a connection to it, before any
	// handshake but that of TLS.
	open func(t *testing.T, o *pushwire.AcceptOptions, secure bool) (dial func(t *testing.T) net.Conn)
}

var doorways = []doorway{
	{"Handler", true, func(t *testing.T, o *pushwire.AcceptOptions, secure bool) func(t *testing.T) net.Conn {
		srv := httptest.NewUnstartedServer(pushwire.Handler(echoFunc, o))
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		return openWeb(t, srv, secure)
	}},
	{"Accept", true, func(t *testing.T, o *pushwire.AcceptOptions, secure bool) func(t *testing.T) net.Conn {
		srv := httptest.NewUnstartedServer(unwrapOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := pushwire.Accept(w, r, o); err == nil {
				echoFunc(r.Context(), c, nil)
			}
		})))
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		return openWeb(t, srv, secure)
	}},
	{"Serve", false, func(t *testing.T, o *pushwire.AcceptOptions, secure bool) func(t *testing.T) net.Conn {
		l := listen(t)
		if secure {
			l = tlsListener(t, l)
		}
		return dialer(serve(t, l, echoFunc, o), secure)
	}},
}

func openWeb(t *testing.T, srv *httptest.Server, secure bool) func(t *testing.T) net.Conn {
	if secure {
		_, cert := testCert(t)
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return dialer(srv.Listener.Addr().String(), secure)
}

func tlsListener(t *testing.T, l net.Listener) net.Listener {
	_, cert := testCert(t)
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}})
}

func dialer(addr string, secure bool) func(t *testing.T) net.Conn {
	return func(t *testing.T) net.Conn {
		t.Helper()
		if !secure {
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			return nc
		}
		pool, _ := testCert(t)
		nc, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		return nc
	}
}

// echoFunc answers every message until the connection ends.
func echoFunc(_ context.Context, c *pushwire.Conn, _ *handshake.Request) {
	echo(context.Background(), c)
}

// check reads the answer to the row. Where the connection is open it expects
// what is sent behind every head: a message and a close frame.
func (r handshakeRow) check(t *testing.T, p *testpeer.Peer, web bool) {
	t.Helper()
	head := p.ReadHead()
	res := testpeer.ParseResponse(head)
	if res == nil || res.StatusCode != r.status {
		t.Fatalf("wanted status %d, got\n%s", r.status, head)
	}
	for line := range strings.Lines(r.fields) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if got := res.Header.Values(name); len(got) != 1 || got[0] != value {
			t.Errorf("wanted the field %q, got\n%s", line, head)
		}
	}
	if r.status == http.StatusSwitchingProtocols {
		// RFC 6455, 4.2.2, 5.
		if res.Header.Get("Upgrade") != "websocket" || res.Header.Get("Connection") != "Upgrade" ||
			res.Header.Get("Sec-WebSocket-Accept") != testpeer.AcceptKey(testpeer.Key) {
			t.Errorf("the handshake is not answered as it has to be:\n%s", head)
		}
		for _, name := range []string{"Sec-Websocket-Protocol", "Sec-Websocket-Extensions"} {
			if got := res.Header.Values(name); len(got) > 0 && !strings.Contains(r.fields, got[0]) {
				t.Errorf("%s: %q came, which nobody chose", name, got)
			}
		}
		if r.after != "" {
			p.WantClose("what follows is no frame", 1002)
		} else {
			p.WantMessage("the frame that came with the head", 1, []byte("hello"))
			p.WantClose("and the close frame", 1000)
		}
		p.WantEOF("the server closes")
		return
	}
	if n := res.ContentLength; n > 0 && !strings.HasPrefix(r.head, "HEAD ") {
		body := p.ReadBody(int(n))
		if strings.TrimSpace(body) == "" && !r.first {
			t.Error("the answer has no sentence")
		}
	} else if r.first && n < 0 { // net/http gives no length and repeats the status
		body := res.Status
		if r.status == http.StatusNotImplemented {
			body = "Unsupported transfer encoding"
		}
		p.ReadBody(len(body))
	} else if r.first {
	} else if !strings.HasPrefix(r.head, "HEAD ") {
		t.Errorf("the answer has no body:\n%s", head)
	}
	if web { // which would go on with another request
		p.NetConn().(interface{ CloseWrite() error }).CloseWrite()
	} else if !res.Close {
		t.Errorf("the answer does not say that the connection is closed:\n%s", head)
	}
	p.WantEOF("one request, one answer")
}

// bytes is what is sent, in one piece: a message and a close frame behind a
// good head.
func (r handshakeRow) bytes() []byte {
	b := []byte(r.head)
	if r.after != "" {
		return append(b, r.after...)
	}
	if r.status == http.StatusSwitchingProtocols || r.web == http.StatusSwitchingProtocols {
		for _, f := range frames(textFrame("hello"), closeFrame(1000, "")) {
			f.Mask = true
			b = f.Append(b)
		}
	}
	return b
}

// wantRefusal holds what the application learned against the row.
func (r handshakeRow) wantRefusal(t *testing.T, err error) {
	t.Helper()
	var he *handshake.Error
	switch {
	case r.token == "" && err != nil:
		t.Errorf("the application was told %v", err)
	case r.token == "":
	case !errors.As(err, &he) || he.Token != r.token || he.Status != r.status:
		t.Errorf("the application was told %v, want token %s, status %d", err, r.token, r.status)
	}
}

func TestHostileHandshakesGetTheRightStatusOnEveryPath(t *testing.T) {
	for _, d := range doorways {
		t.Run(d.name, func(t *testing.T) {
			type server struct {
				policy string
				secure bool
			}
			servers := make(map[server]func(t *testing.T) net.Conn)
			refused := make(refusals, 8)
			for _, r := range handshakeRows() {
				key := server{r.policy, r.secure}
				dial := servers[key]
				if dial == nil {
					o := policies[r.policy]
					o.Logger = slog.New(refused)
					dial = d.open(t, &o, r.secure)
					servers[key] = dial
				}
				b := r.bytes()
				if d.web {
					r = r.onWeb()
				}
				t.Run(r.name, func(t *testing.T) {
					for len(refused) > 0 { // of a row that failed
						<-refused
					}
					p := testpeer.New(t, dial(t), testpeer.Client)
					p.WriteRaw(b)
					r.check(t, p, d.web)
					var err error
					select {
					case err = <-refused:
					default:
					}
					r.wantRefusal(t, err)
				})
			}
		})
	}
}

// AcceptConn gets every row in one piece, and one byte with each Read: the
// result is the same.
func TestHostileHandshakesByteByByteAreTheSame(t *testing.T) {
	for _, chunk := range []int{0, 1} {
		for _, r := range handshakeRows() {
			if r.secure {
				continue
			}
			t.Run(fmt.Sprintf("%d/%s", chunk, r.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, b := memconn.Pipe()
					b.SetReadChunk(chunk)
					p := testpeer.New(t, a, testpeer.Client)
					o := policies[r.policy]
					got := make(chan error, 1)
					go func() {
						c, _, err := pushwire.AcceptConn(context.Background(), b, &o)
						if err == nil {
							echo(context.Background(), c)
						}
						got <- err
					}()
					send := r.bytes()
					p.WriteRaw(send[:min(len(send), 100_000)])
					r.check(t, p, false)
					a.Close()
					r.wantRefusal(t, <-got)
				})
			})
		}
	}
}

// req is a good request with the given changes (see testpeer.Handshake).
func req(extra ...string) string { return testpeer.RequestHead(extra...) }

func handshakeRows() []handshakeRow {
	var rows []handshakeRow
	for _, part := range [][]handshakeRow{
		goodHandshakes(), requestLines(), badTokens(), badVersionsAndKeys(), origins(), bodies(), heads(), largeHeads(), notHTTP(), checked(),
	} {
		rows = append(rows, part...)
	}
	return rows
}

// What looks odd and is right.
func goodHandshakes() []handshakeRow {
	lower := strings.NewReplacer("Host", "host", "Upgrade:", "upgrade:", "Connection", "connection", "Sec-WebSocket", "sec-websocket")
	rows := []handshakeRow{
		{name: "the usual", head: req()},
		{name: "field names in lower case", head: lower.Replace(req())},
		{name: "field names in upper case", head: req("SEC-WEBSOCKET-KEY: "+testpeer.Key, "-Sec-WebSocket-Key", "HOST: localhost", "-Host")},
		{name: "tokens in other case", head: req("Upgrade: WebSocket", "Connection: uPGRADE")},
		{name: "tokens in lists", head: req("Upgrade: h2c, websocket", "Connection: keep-alive, Upgrade")},
		{name: "tokens in several fields", head: req("Upgrade: h2c", "Upgrade: websocket", "Connection: keep-alive", "Connection: Upgrade")},
		{name: "lists with empty elements", head: req("Upgrade: ,websocket", "Connection: ,, Upgrade ,")},
		{name: "white space around values", head: req("Upgrade:websocket", "Connection:\t Upgrade \t", "Sec-WebSocket-Key:  "+testpeer.Key+" ", "Sec-WebSocket-Version: \t13\t")},
		{name: "a query", head: req("GET /chat?room=1&x=%2f|{} HTTP/1.1")},
		{name: "an absolute target", head: req("GET http://localhost/chat HTTP/1.1")},
		{name: "an absolute target without a path", head: req("GET http://localhost HTTP/1.1")},
		{name: "an absolute target with a query alone", head: req("GET http://localhost?x HTTP/1.1")},
		{name: "an absolute target that overrules Host", head: req("GET http://localhost/ HTTP/1.1", "Host: elsewhere.example", "Origin: http://localhost")},
		{name: "HTTP/1.2", head: req("GET / HTTP/1.2")},
		{name: "an empty body", head: req("Content-Length: 0")},
		{name: "a subprotocol, in the server's order", policy: "chat", head: req("Sec-WebSocket-Protocol: v1.chat, v2.chat"), fields: "Sec-WebSocket-Protocol: v2.chat"},
		{name: "subprotocols in two fields", policy: "chat", head: req("Sec-WebSocket-Protocol: other", "Sec-WebSocket-Protocol: v1.chat"), fields: "Sec-WebSocket-Protocol: v1.chat"},
		{name: "a subprotocol in another case is another", policy: "chat", head: req("Sec-WebSocket-Protocol: V1.CHAT")},
		{name: "a subprotocol that the server does not have", head: req("Sec-WebSocket-Protocol: v1.chat")},
		{name: "extensions that the server does not have", head: req("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other; a=\"b\"")},
		{name: "bytes beyond ASCII in a value", head: req("X-Name: ж\xff")},
		{name: "100 fields", head: req(manyLines(95)...)},
		{name: "a line of 8 KiB", head: req("X-Long: " + strings.Repeat("x", 8<<10-len("X-Long: ")))},
		{name: "a head of 32 KiB", head: ofSize(32 << 10)},
	}
	for i := range rows {
		rows[i].status = 101
	}
	return rows
}

func manyLines(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("X-%d: y", i)
	}
	return lines
}

// ofSize returns a head of n bytes with fields of 1 to 2 KiB.
func ofSize(n int) string {
	var extra []string
	for left := n - len(req()); left > 0; {
		k := 1 << 10
		if left < 2<<10 {
			k = left
		}
		extra = append(extra, "X: "+strings.Repeat("f", k-len("X: \r\n")))
		left -= k
	}
	return req(extra...)
}

func requestLines() []handshakeRow {
	rows := []handshakeRow{
		{name: "POST", head: req("POST / HTTP/1.1"), status: 405, token: "handshake_method", fields: "Allow: GET"},
		{name: "PUT", head: req("PUT / HTTP/1.1"), status: 405, token: "handshake_method", fields: "Allow: GET"},
		{name: "DELETE", head: req("DELETE / HTTP/1.1"), status: 405, token: "handshake_method", fields: "Allow: GET"},
		{name: "HEAD", head: req("HEAD / HTTP/1.1"), status: 405, token: "handshake_method", fields: "Allow: GET"},
		{name: "OPTIONS", head: req("OPTIONS / HTTP/1.1"), status: 405, token: "handshake_method", fields: "Allow: GET"},
		{name: "a method in lower case", head: req("get / HTTP/1.1"), status: 405, token: "handshake_method", fields: "Allow: GET"},
		{name: "an unknown method", head: req("BREW / HTTP/1.1"), status: 405, token: "handshake_method", fields: "Allow: GET"},
		{name: "CONNECT", head: req("CONNECT localhost:80 HTTP/1.1"), status: 400, token: "handshake_target_form", web: 405, webToken: "handshake_method"},
		{name: "OPTIONS *", head: req("OPTIONS * HTTP/1.1"), status: 400, token: "handshake_target_form", web: 200, first: true},
		{name: "a method that is no token", head: req("G@T / HTTP/1.1"), status: 400, token: "handshake_request_line", first: true},
		{name: "no method", head: req(" / HTTP/1.1"), status: 400, token: "handshake_request_line", first: true},
		{name: "no target", head: req("GET HTTP/1.1"), status: 400, token: "handshake_request_line", first: true},
		{name: "an empty target", head: req("GET  HTTP/1.1"), status: 400, token: "handshake_target_form", first: true},
		{name: "two spaces", head: req("GET /  HTTP/1.1"), status: 400, token: "handshake_http_version_syntax", first: true},
		{name: "a tab for a space", head: req("GET\t/\tHTTP/1.1 "), status: 400, token: "handshake_request_line", first: true},
		{name: "a space behind the version", head: req("GET / HTTP/1.1 "), status: 400, token: "handshake_http_version_syntax", first: true},
		{name: "a space in the target", head: req("GET /a b HTTP/1.1"), status: 400, token: "handshake_http_version_syntax", first: true},
		{name: "an empty line before the request", head: "\r\n" + req(), status: 400, token: "handshake_request_line", first: true},

		{name: "HTTP/1.0", head: req("GET / HTTP/1.0"), status: 505, token: "handshake_http_10"},
		{name: "HTTP/0.9", head: "GET /\r\n\r\n", status: 400, token: "handshake_request_line", first: true},
		{name: "HTTP/2.0", head: req("GET / HTTP/2.0"), status: 505, token: "handshake_http_version", first: true},
		{name: "the preface of HTTP/2", head: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 505, token: "handshake_http_version", web: 505, webToken: "handshake_http_2"},
		{name: "HTTP/11", head: req("GET / HTTP/11"), status: 400, token: "handshake_http_version_syntax", first: true},
		{name: "HTTP/1.10", head: req("GET / HTTP/1.10"), status: 400, token: "handshake_http_version_syntax", first: true},
		{name: "http/1.1", head: req("GET / http/1.1"), status: 400, token: "handshake_http_version_syntax", first: true},
		{name: "another protocol's name", head: req("GET / ICAP/1.0"), status: 400, token: "handshake_http_version_syntax", first: true},

		{name: "target *", head: req("GET * HTTP/1.1"), status: 400, token: "handshake_target_form"},
		{name: "target host:port", head: req("GET localhost:80 HTTP/1.1"), status: 400, token: "handshake_target_form"},
		{name: "a relative target", head: req("GET chat HTTP/1.1"), status: 400, token: "handshake_target_form", first: true},
		{name: "a target with a fragment", head: req("GET /chat#top HTTP/1.1"), status: 400, token: "handshake_target"},
		{name: "a target with a broken escape", head: req("GET /%zz HTTP/1.1"), status: 400, token: "handshake_target", first: true},
		{name: "a target beyond ASCII", head: req("GET /é HTTP/1.1"), status: 400, token: "handshake_target"},
		{name: "a target with a control byte", head: req("GET /\x01 HTTP/1.1"), status: 400, token: "handshake_control_byte", first: true},
		{name: "an absolute target, ws", head: req("GET ws://localhost/ HTTP/1.1"), status: 400, token: "handshake_target_form"},
		{name: "an absolute target, ftp", head: req("GET ftp://localhost/ HTTP/1.1"), status: 400, token: "handshake_target_form"},
		{name: "an absolute target with user info", head: req("GET http://user@localhost/ HTTP/1.1"), status: 400, token: "handshake_target_form"},
		{name: "an absolute target without a host", head: req("GET http:/// HTTP/1.1"), status: 400, token: "handshake_host_invalid"},
	}
	return rows
}

func badTokens() []handshakeRow {
	const up, conn = "handshake_upgrade_missing", "handshake_connection_missing"
	rows := []handshakeRow{
		{name: "no upgrade at all", head: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", status: 426, token: "handshake_not_upgrade", fields: "Upgrade: websocket"},
		{name: "another upgrade and no key", head: req("Upgrade: h2c", "-Sec-WebSocket-Key"), status: 426, token: "handshake_not_upgrade", fields: "Upgrade: websocket"},
		{name: "no Upgrade", head: req("-Upgrade"), token: up},
		{name: "Upgrade to something else", head: req("Upgrade: h2c"), token: up},
		{name: "Upgrade to something longer", head: req("Upgrade: websockets"), token: up},
		{name: "Upgrade with a version", head: req("Upgrade: websocket/13"), token: up},
		{name: "Upgrade that is empty", head: req("Upgrade:"), token: up},
		{name: "Upgrade with a space inside", head: req("Upgrade: web socket"), token: "handshake_upgrade_syntax"},
		{name: "Upgrade with the Kelvin sign", head: req("Upgrade: websoc\u212aet"), token: "handshake_upgrade_syntax"},
		{name: "Upgrade quoted", head: req("Upgrade: \"websocket\""), token: "handshake_upgrade_syntax"},
		{name: "no Connection", head: req("-Connection"), token: conn},
		{name: "Connection: close", head: req("Connection: close"), token: conn},
		{name: "Connection: keep-alive", head: req("Connection: keep-alive"), token: conn},
		{name: "Connection: Upgraded", head: req("Connection: Upgraded"), token: conn},
		{name: "Connection with semicolons", head: req("Connection: keep-alive; Upgrade"), token: "handshake_connection_syntax"},
		{name: "no Host", head: req("-Host"), token: "handshake_host_missing", first: true},
		{name: "two Hosts", head: req("Host: localhost", "Host: localhost"), token: "handshake_host_repeated", first: true},
		{name: "an empty Host", head: req("Host:"), token: "handshake_host_missing"},
		{name: "a Host with a space", head: req("Host: local host"), token: "handshake_host_invalid", first: true},
		{name: "a Host with a comma", head: req("Host: localhost,elsewhere"), token: "handshake_host_invalid"},
		{name: "a Host with user info", head: req("Host: user@localhost"), token: "handshake_host_invalid", first: true},
		{name: "a Host with a path", head: req("Host: localhost/chat"), token: "handshake_host_invalid", first: true},
		{name: "a Host with a port out of range", head: req("Host: localhost:65536"), token: "handshake_host_invalid"},
		{name: "an empty list of subprotocols", head: req("Sec-WebSocket-Protocol:"), token: "handshake_protocol_syntax"},
		{name: "a subprotocol that is no token", head: req("Sec-WebSocket-Protocol: v1 chat"), token: "handshake_protocol_syntax"},
		{name: "a subprotocol offered twice", head: req("Sec-WebSocket-Protocol: a, b, a"), token: "handshake_protocol_repeated"},
		{name: "a subprotocol offered twice in two fields", head: req("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: a"), token: "handshake_protocol_repeated"},
		{name: "an extension that is no token", head: req("Sec-WebSocket-Extensions: per message"), token: "handshake_extension_syntax"},
		{name: "an extension with an open quote", head: req("Sec-WebSocket-Extensions: x; a=\"b"), token: "handshake_extension_syntax"},
	}
	for i := range rows {
		if rows[i].status == 0 {
			rows[i].status = 400
		}
	}
	return rows
}

func badVersionsAndKeys() []handshakeRow {
	var rows []handshakeRow
	const wanted = "Sec-WebSocket-Version: 13\nUpgrade: websocket"
	for _, v := range []string{"0", "7", "8", "12", "14", "113", "013", "13.0", "+13", "0x0d", "13, 8", "8, 13", "thirteen", ""} {
		rows = append(rows, handshakeRow{name: fmt.Sprintf("version %q", v), head: req("Sec-WebSocket-Version: " + v), status: 426, token: "handshake_version"})
	}
	rows = append(rows, handshakeRow{name: "no version", head: req("-Sec-WebSocket-Version"), status: 426, token: "handshake_version_missing"})
	for i := range rows {
		rows[i].fields = wanted
	}
	rows = append(rows,
		handshakeRow{name: "two versions", head: req("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"), status: 400, token: "handshake_version_repeated"},
		handshakeRow{name: "version 13 twice", head: req("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"), status: 400, token: "handshake_version_repeated"},
		handshakeRow{name: "no key", head: req("-Sec-WebSocket-Key"), status: 400, token: "handshake_key_missing"},
		handshakeRow{name: "two keys", head: req("Sec-WebSocket-Key: "+testpeer.Key, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), status: 400, token: "handshake_key_repeated"},
		handshakeRow{name: "the same key twice", head: req("Sec-WebSocket-Key: "+testpeer.Key, "Sec-WebSocket-Key: "+testpeer.Key), status: 400, token: "handshake_key_repeated"},
	)
	for name, key := range map[string]string{
		"that is empty":           "",
		"of 15 bytes":             "AAAAAAAAAAAAAAAAAAAA",
		"of 17 bytes":             "AAAAAAAAAAAAAAAAAAAAAAA=",
		"of 18 bytes":             "AAAAAAAAAAAAAAAAAAAAAAAA",
		"without padding":         "dGhlIHNhbXBsZSBub25jZQ",
		"with half the padding":   "dGhlIHNhbXBsZSBub25jZQ=",
		"with too much padding":   "dGhlIHNhbXBsZSBub25jZQ===",
		"with unused bits set":    "dGhlIHNhbXBsZSBub25jZR==",
		"in the alphabet of URLs": "dGhlIHNhbXBsZSBub25j-_==",
		"with a space inside":     "dGhlIHNhbXBsZSBub25jZ ==",
		"with a star":             "dGhlIHNhbXBsZSBub25jZ*==",
		"twice in one field":      testpeer.Key + ", " + testpeer.Key,
		"in quotes":               `"` + testpeer.Key + `"`,
		"of 16 plain letters":     "abcdefghijklmnop",
		"of 4,000 letters":        strings.Repeat("A", 4000),
	} {
		rows = append(rows, handshakeRow{name: "a key " + name, head: req("Sec-WebSocket-Key: " + key), status: 400, token: "handshake_key_invalid"})
	}
	return rows
}

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

// A handshake has no body. What two readers could take for a body, or for
// none, is refused: that is how requests are smuggled.
func bodies() []handshakeRow {
	inner := req("GET /inner HTTP/1.1")
	length := fmt.Sprintf("Content-Length: %d", len(inner))
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inner), inner)
	const body, cl, te = "handshake_body", "handshake_content_length", "handshake_transfer_encoding"
	rows := []handshakeRow{
		{name: "a body", head: req("Content-Length: 5"), after: "hello", token: body},
		{name: "a body that is a request", head: req(length), after: inner, token: body},
		{name: "a body that does not come", head: req("Content-Length: 5"), token: body},
		{name: "a body in chunks", head: req("Transfer-Encoding: chunked"), after: chunked, token: body},
		{name: "chunks that are none", head: req("Transfer-Encoding: chunked"), after: inner, token: body},
		{name: "chunked in another case", head: req("Transfer-Encoding: CHUNKED"), after: chunked, token: body},
		{name: "two lengths", head: req(length, "Content-Length: 0"), after: inner, token: cl, first: true},
		{name: "the same length twice", head: req(length, length), after: inner, token: cl, web: 400, webToken: body},
		{name: "length 0 twice", head: req("Content-Length: 0", "Content-Length: 0"), token: cl, web: 101},
		{name: "two lengths in one field", head: req("Content-Length: 5, 5"), after: "hello", token: cl, first: true},
		{name: "a negative length", head: req("Content-Length: -1"), token: cl, first: true},
		{name: "a length with a plus sign", head: req("Content-Length: +5"), after: "hello", token: cl, first: true},
		{name: "a length in hex", head: req("Content-Length: 0x5"), after: "hello", token: cl, first: true},
		{name: "an empty length", head: req("Content-Length:"), token: cl, first: true},
		{name: "a length beyond 64 bits", head: req("Content-Length: 18446744073709551621"), token: cl, first: true},
		{name: "length and chunked", head: req(length, "Transfer-Encoding: chunked"), after: chunked, token: te, web: 400, webToken: body},
		{name: "chunked and length", head: req("Transfer-Encoding: chunked", "Content-Length: 0"), after: chunked, token: te, web: 400, webToken: body},
		{name: "chunked twice", head: req("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), after: chunked, token: te, web: 501, first: true},
		{name: "chunked and another coding", head: req("Transfer-Encoding: gzip, chunked"), after: chunked, token: te, web: 501, first: true},
		{name: "an unknown coding", head: req("Transfer-Encoding: xchunked"), after: chunked, token: te, web: 501, first: true},
		{name: "identity", head: req("Transfer-Encoding: identity"), token: te, web: 501, first: true},
		{name: "an empty coding", head: req("Transfer-Encoding:"), token: te, web: 501, first: true},
		{name: "chunked behind a vertical tab", head: req("Transfer-Encoding: \vchunked"), after: chunked, token: "handshake_control_byte", first: true},
		{name: "a space before the colon of Transfer-Encoding", head: req("A: b\r\nTransfer-Encoding : chunked"), after: chunked, token: "handshake_field_name", first: true},
		{name: "a folded Transfer-Encoding", head: req("X: y\r\n Transfer-Encoding: chunked"), after: chunked, token: "handshake_field_folded", web: 101},
	}
	for i := range rows {
		rows[i].status = 400
	}
	return append(rows, handshakeRow{name: "a second request in the same segment", head: req(), after: req(), status: 101})
}

// The grammar of a head.
func heads() []handshakeRow {
	bare := strings.ReplaceAll(req(), "\r\n", "\n")
	rows := []handshakeRow{
		{name: "a folded field", head: req("X: y\r\n z"), token: "handshake_field_folded", web: 101},
		{name: "a field folded with a tab", head: req("X: y\r\n\tz"), token: "handshake_field_folded", web: 101},
		{name: "a folded key", head: req("Sec-WebSocket-Key: dGhlIHNhbXBs\r\n ZSBub25jZQ=="), token: "handshake_field_folded", web: 400, webToken: "handshake_key_invalid"},
		{name: "a first field that is folded", head: req("GET / HTTP/1.1\r\n X: y"), token: "handshake_field_folded", first: true},
		{name: "bare LF at every line", head: bare, token: "handshake_bare_lf", web: 101},
		{name: "bare LF at one field", head: req("X: y\nZ: z"), token: "handshake_bare_lf", web: 101},
		{name: "bare LF at the end", head: strings.TrimSuffix(req(), "\r\n") + "\n", token: "handshake_bare_lf", web: 101},
		{name: "bare CR in a value", head: req("X: y\rz"), token: "handshake_bare_cr", first: true},
		{name: "CR CR LF", head: req("X: y\r"), token: "handshake_bare_cr", first: true},
		{name: "NUL in a value", head: req("X: y\x00z"), token: "handshake_control_byte", first: true},
		{name: "NUL in a name", head: req("X\x00: y"), token: "handshake_control_byte", first: true},
		{name: "NUL in the request line", head: req("GET /\x00 HTTP/1.1"), token: "handshake_control_byte", first: true},
		{name: "DEL in a value", head: req("X: y\x7fz"), token: "handshake_control_byte", first: true},
		{name: "a control byte in a value", head: req("X: y\x1bz"), token: "handshake_control_byte", first: true},
		{name: "a field without a colon", head: req("A: b\r\nX y"), token: "handshake_field_colon", first: true},
		{name: "a field without a name", head: req("A: b\r\n: y"), token: "handshake_field_name", first: true},
		{name: "a space before the colon", head: req("A: b\r\nX : y"), token: "handshake_field_name", first: true},
		{name: "a tab before the colon", head: req("X\t: y"), token: "handshake_field_name", first: true},
		{name: "a name that is no token", head: req("X(: y"), token: "handshake_field_name", first: true},
		{name: "a name beyond ASCII", head: req("Xé: y"), token: "handshake_field_name", first: true},
	}
	for i := range rows {
		rows[i].status = 400
	}
	return rows
}

// Limits. net/http has one of its own, on the bytes of a head (1 MiB unless
// http.Server.MaxHeaderBytes says otherwise); what it lets through was read
// and paid for already.
func largeHeads() []handshakeRow {
	const line, fields, size = "handshake_line_too_long", "handshake_fields_too_many", "handshake_bytes_too_many"
	const much = 2 << 20
	rows := []handshakeRow{
		{name: "101 fields", head: req(manyLines(96)...), token: fields, web: 101},
		{name: "2,000 fields", head: req(manyLines(1995)...), token: fields, web: 101},
		{name: "200,000 fields", head: strings.TrimSuffix(req(), "\r\n") + strings.Repeat("X: y\r\n", 200_000), token: fields, first: true},
		{name: "a line of 8 KiB and a byte", head: req("X-Long: " + strings.Repeat("x", 8<<10-len("X-Long: ")+1)), token: line, web: 101},
		{name: "a request line of 8 KiB and a byte", head: req("GET /" + strings.Repeat("x", 8<<10-len("GET / HTTP/1.1")+1) + " HTTP/1.1"), token: line, web: 101},
		{name: "a head of 32 KiB and a byte", head: ofSize(32<<10 + 1), token: size, web: 101},
		{name: "a head of 64 KiB", head: ofSize(64 << 10), token: size, web: 101},
		{name: "an endless request line", head: "GET /" + strings.Repeat("x", much), token: line, first: true},
		{name: "an endless value", head: "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", much), token: line, first: true},
		{name: "an endless name", head: "GET / HTTP/1.1\r\n" + strings.Repeat("x", much), token: line, first: true},
		{name: "an endless head", head: "GET / HTTP/1.1\r\n" + strings.Repeat("X: "+all125+all125+all125+all125+"\r\n", much/505), token: size, first: true},
	}
	for i := range rows {
		rows[i].status = 431
	}
	return rows
}

// Other protocols that knock on the door.
func notHTTP() []handshakeRow {
	rows := []handshakeRow{
		{name: "a TLS hello", head: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + all125 + "\r\n\r\n", token: "handshake_control_byte", first: true},
		{name: "SSH", head: "SSH-2.0-OpenSSH_9.9\r\n\r\n", token: "handshake_request_line", first: true},
		{name: "a frame without a handshake", head: "\x81\x05hello\r\n\r\n", token: "handshake_control_byte", first: true},
		{name: "the answer to a request", head: testpeer.ResponseHead(testpeer.Key), token: "handshake_request_line", first: true},
		{name: "SMTP", head: "EHLO localhost\r\n\r\n", token: "handshake_request_line", first: true},
		{name: "nothing but line ends", head: "\r\n\r\n", token: "handshake_request_line", first: true},
		{name: "the request line of a proxy protocol", head: "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + req(), token: "handshake_http_version_syntax", first: true},
	}
	for i := range rows {
		rows[i].status = 400
	}
	return rows
}
