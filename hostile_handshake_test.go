package pushwire_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
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
