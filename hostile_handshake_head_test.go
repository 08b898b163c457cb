package pushwire_test

import (
	"fmt"
	"strings"

	"github.com/pushwire/pushwire/internal/testpeer"
)

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
