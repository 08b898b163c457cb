// Package handshake reads, checks and writes both halves of the WebSocket
// opening handshake, without any input or output of its own: bytes in, values
// out.
//
// The smallest use, a server that has collected b from a connection:
//
//	r, n, scan, err := handshake.ParseRequest(b, scanned, handshake.Limits{})
//	if err == nil && n == 0 {
//		scanned = scan
//		continue // read more into b
//	}
//	if err == nil {
//		err = r.Check()
//	}
//	if err == nil {
//		err = handshake.Origins{}.Check(&r)
//	}
//	var fault *handshake.Error
//	if errors.As(err, &fault) {
//		conn.Write(handshake.AppendError(nil, fault))
//		return conn.Close()
//	}
//	protocol := handshake.SelectProtocol([]string{"chat.v2", "chat"}, r.Protocols)
//	out, err := handshake.AppendResponse(nil, &r, protocol, "", nil)
//	// send out; the client's first frames are in b[n:]
//
// # Terms
//
// The head is what HTTP sends before a body: the request line or status line,
// the header fields, and the empty line. A field is one line of it, name and
// value. The target is what the request line asks for, the resource name its
// path and query. The key is the client's nonce, and accept the server's
// answer to it. A subprotocol is what the application speaks inside the
// messages; an extension changes the frames themselves. The origin is scheme,
// host and port of the web page that opens the connection.
//
// # Three layers
//
// [ParseRequest] and [ParseResponse] read a head and are about HTTP.
// [Request.Check] and [Response.Check] hold what was read against the rules of
// the handshake, and [Origins.Check] against a policy. [AppendRequest],
// [AppendResponse] and [AppendError] write. [FromHTTP] takes the place of
// parsing under net/http. An [*Error] is the peer's fault and says what to
// answer; a [*ConfigError] is our own.
//
// # Specifications
//
//	RFC 6455  1.3, 4.1, 4.2, 4.3, 4.4, 9.1, 10.2, 11.3   the handshake
//	RFC 9112  2.2, 3, 3.2, 4, 5, 6.1                      the syntax of heads
//	RFC 9110  5.5, 5.6, 7.8, 8.6, 15.5.6, 15.5.22         fields, Upgrade, 405, 426
//	RFC 6454  4, 6.1, 6.2                                 origins
//	RFC 3986  3.1, 3.2                                    scheme, host, port
//	RFC 6585  5                                           431
//	RFC 4648  3.5, 4                                      base64
//
// The note in RFC 6455, 4.1, ends its example key in "EC==", which no encoder
// writes (it should be "EA=="); such keys are refused. Where sections 4.2.2
// and 11.3.2 differ on how often a response may carry
// Sec-WebSocket-Extensions, both readings are accepted.
//
// # Limits and defaults
//
//	line, CR LF not counted              8 KiB (Limits.Line)
//	fields of a head                     100 (Limits.Fields)
//	head, with its empty line            32 KiB (Limits.Bytes)
//	key                                  16 B, 24 characters
//	accept                               28 characters
//	version                              13, and no other
//	peer's own bytes in an error text    40 B, escaped
//	parse, check and answer              4 allocations with up to 8 fields in the
//	                                     map, 6 with a browser's 13: the text, the
//	                                     values, and 2 or 4 for the map itself
//
// # Concurrency
//
// Functions may be called from any goroutine, and there is no state between
// calls. A value belongs to one goroutine at a time, but any number may use
// one Origins that nobody changes.
//
// # Security
//
// No input makes the package panic, and memory is at most a small multiple of
// the bytes that came. Time is linear in them, even if they come one at a
// time. Requests are read strictly, since every tolerance is something that a
// proxy in front may understand differently: a lone CR or LF, folded lines,
// space before a colon, control bytes, two Host fields, a length or coding
// that two readers could take differently, are all refused. net/http accepts
// every request that passes here, and with the same meaning.
//
// Pages of foreign origins are refused unless [Origins] allows them. What goes
// out is checked and never rewritten: a CR or LF in a field, a target, a host
// or a subprotocol is an error. Error texts quote what the peer sent, escaped
// and shortened.
package handshake
