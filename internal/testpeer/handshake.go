package testpeer

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"strings"
)

// Key is the Sec-WebSocket-Key that Handshake sends as a Client: the example
// of RFC 6455, 1.3.
const Key = "dGhlIHNhbXBsZSBub25jZQ=="

// maxHead is the longest head that ReadHead takes, in bytes.
const maxHead = 1 << 20

// Handshake does the opening handshake of the peer's role, which the other
// end has to accept, and returns the head that came.
//
// Each extra line takes part in the head that is sent: "Name: value" replaces
// the default lines of that name, or is added at the end ("Name: a" and
// "Name: b" are both sent); "-Name" leaves the default out; a line with no
// colon before its first space replaces the first line, as "GET /chat
// HTTP/1.1".
func (p *Peer) Handshake(extra ...string) (head string) {
	p.t.Helper()
	if p.role == Client {
		p.WriteString(RequestHead(extra...))
		head = p.ReadHead()
		res := ParseResponse(head)
		if res == nil || res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Sec-WebSocket-Accept") != AcceptKey(Key) {
			p.t.Fatalf("testpeer: the handshake was not accepted:\n%s", head)
		}
		return head
	}
	head = p.ReadHead()
	req := ParseRequest(head)
	if req == nil {
		p.t.Fatalf("testpeer: this is no request:\n%s", head)
	}
	p.WriteString(ResponseHead(req.Header.Get("Sec-WebSocket-Key"), extra...))
	return head
}

// RequestHead returns the head that Handshake sends as a Client.
func RequestHead(extra ...string) string {
	return head([]string{
		"GET / HTTP/1.1",
		"Host: localhost",
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Key: " + Key,
		"Sec-WebSocket-Version: 13",
	}, extra)
}

// ResponseHead returns the head that Handshake sends as a Server that was
// given key.
func ResponseHead(key string, extra ...string) string {
	return head([]string{
		"HTTP/1.1 101 Switching Protocols",
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Accept: " + AcceptKey(key),
	}, extra)
}

// head applies extra, as Handshake says, to the default lines.
func head(lines, extra []string) string {
	name := func(line string) string {
		n, _, ok := strings.Cut(line, ":")
		if !ok || strings.Contains(n, " ") {
			return "" // the first line
		}
		return strings.ToLower(n)
	}
	drop := make(map[string]bool)
	first := lines[0]
	var added []string
	for _, line := range extra {
		if n, ok := strings.CutPrefix(line, "-"); ok {
			drop[strings.ToLower(n)] = true
			continue
		}
		if name(line) == "" {
			first = line
			continue
		}
		drop[name(line)] = true
		added = append(added, line)
	}
	var b strings.Builder
	b.WriteString(first + "\r\n")
	for _, line := range lines[1:] {
		if !drop[name(line)] {
			b.WriteString(line + "\r\n")
		}
	}
	for _, line := range added {
		b.WriteString(line + "\r\n")
	}
	return b.String() + "\r\n"
}

// AcceptKey returns the Sec-WebSocket-Accept for key (RFC 6455, 4.2.2).
func AcceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// ReadHead reads a request's or a response's head up to and with its empty
// line. What follows stays for the next call.
func (p *Peer) ReadHead() string {
	p.t.Helper()
	p.arm()
	var b strings.Builder
	for !strings.HasSuffix(b.String(), "\r\n\r\n") {
		line, err := p.r.ReadString('\n')
		b.WriteString(line)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			p.t.Fatalf("testpeer: no whole head in %v, only %q", p.Timeout, b.String())
		case err != nil:
			p.t.Fatalf("testpeer: the connection ended inside a head (%v): %q", err, b.String())
		case b.Len() > maxHead:
			p.t.Fatalf("testpeer: a head of more than %d bytes", maxHead)
		}
	}
	return b.String()
}

// ReadBody returns the next n bytes, as of an HTTP response's body.
func (p *Peer) ReadBody(n int) string {
	p.t.Helper()
	p.arm()
	b := make([]byte, 0, n)
	for len(b) < n {
		c, err := p.r.ReadByte()
		if err != nil {
			p.t.Fatalf("testpeer: wanted %d bytes of body, got %q and %v", n, b, err)
		}
		b = append(b, c)
	}
	return string(b)
}

// ParseResponse parses what ReadHead returned, or returns nil. The body is
// empty.
func ParseResponse(head string) *http.Response {
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head)), nil)
	if err != nil {
		return nil
	}
	res.Body.Close()
	return res
}

// ParseRequest is ParseResponse for a request.
func ParseRequest(head string) *http.Request {
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		return nil
	}
	return req
}

// WantStatus reads a response's head, fails unless it has this status, and
// returns it.
func (p *Peer) WantStatus(why string, status int) *http.Response {
	p.t.Helper()
	head := p.ReadHead()
	res := ParseResponse(head)
	if res == nil || res.StatusCode != status {
		p.t.Fatalf("%s: wanted status %d, got\n%s", why, status, head)
	}
	return res
}
