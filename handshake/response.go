package handshake

import (
	"net/http"
	"slices"
	"strings"
)

// A Response is a server's answer to the opening handshake.
type Response struct {
	HTTP       int      // 11 for HTTP/1.1
	Status     int      // 101 if the server agrees
	Phrase     string   // reason phrase; may be empty
	Protocol   string   // the subprotocol in use, or ""
	Accept     string   // first Sec-WebSocket-Accept field
	Extensions []string // the extensions in use, each with its parameters
	Header     http.Header
}

// ParseResponse reads a response from the front of b, in steps like
// [ParseRequest]. After the n bytes of the head come frames if the server
// agreed, or else the body. A server may send interim responses first (status
// 100 and 102 to 199; RFC 9110, 15.2): skip n bytes and go on with scanned 0.
//
// The reason phrase may be missing, with or without the space before it, as
// some servers have it. The rest is held as strictly as a request. The error
// is an *[Error] with Status 0.
//
// b is not retained. The strings of r share one copy of the head.
func ParseResponse(b []byte, scanned int, l Limits) (r Response, n, scan int, err error) {
	l = l.withDefaults()
	end, _, fault := scanHead(b, scanned, l)
	if end > 0 {
		fault = r.parse(string(b[:end]), l)
	}
	switch {
	case fault != nil:
		fault.Status = 0 // nobody is there to be answered
		return Response{}, 0, len(b), fault
	case end == 0:
		return Response{}, 0, len(b), nil
	}
	return r, end, end, nil
}

// parse reads a whole head that scanHead has passed.
func (r *Response) parse(head string, l Limits) *Error {
	line, fields, _ := strings.Cut(head, "\r\n")
	// RFC 9112, 4: status-line = HTTP-version SP status-code SP [ phrase ].
	proto, rest, ok := strings.Cut(line, " ")
	code, phrase, _ := strings.Cut(rest, " ")
	if !ok || !strings.HasPrefix(proto, "HTTP/") || len(code) != 3 ||
		code[0] < '1' || !isDigit(code[0]) || !isDigit(code[1]) || !isDigit(code[2]) {
		return faultStatusLine.with(quote(line))
	}
	var err *Error
	if r.HTTP, err = parseVersion(proto); err != nil {
		return err
	}
	r.Status = int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
	r.Phrase = phrase
	fields = strings.TrimSuffix(fields, "\r\n")
	h, spare, err := parseFields(fields, l, "", nil)
	if err != nil {
		return err
	}
	r.Header = h
	if _, err := checkFraming(h, r.HTTP >= 11, false); err != nil {
		return err
	}
	r.Accept = first(h[headerAccept])
	r.Protocol = first(h[headerProtocol])
	if lines := h[headerExtensions]; lines != nil {
		if list, bad := appendExtensions(spare, lines); bad == "" {
			r.Extensions = list[:len(list):len(list)]
		}
	}
	return nil
}

// Check holds the response against everything that RFC 6455, 4.1, tells a
// client to check; req is what was sent. The error is an *[Error] with Status
// 0. A length on a 101 is not looked at: RFC 9112, 6.3, such a response "is
// always terminated by the first empty line after the header fields".
func (r *Response) Check(req *Request) error {
	switch {
	case r.Status != http.StatusSwitchingProtocols:
		return faultAnswerStatus.with(r.Status, quote(r.Phrase))
	case r.HTTP < 11:
		return faultAnswerHTTP.with()
	}
	// "If the response lacks an |Upgrade| header field or the |Upgrade|
	// header field contains a value that is not an ASCII case-insensitive
	// match for the value "websocket", the client MUST _Fail the WebSocket
	// Connection_." So a list, which a request may have, is refused.
	if lines := r.Header["Upgrade"]; len(lines) != 1 || !equalFold(lines[0], "websocket") {
		return faultAnswerUpgrade.with()
	}
	// "If the response lacks a |Connection| header field or the |Connection|
	// header field doesn't contain a token that is an ASCII case-insensitive
	// match for the value "Upgrade""
	if has, bad := listHas(r.Header["Connection"], "upgrade", false); !has || bad != "" {
		return faultAnswerConnection.with()
	}
	// RFC 6455, 11.3.3: "The |Sec-WebSocket-Accept| header MUST NOT appear
	// more than once in an HTTP response."
	lines := r.Header[headerAccept]
	switch len(lines) {
	case 0:
		return faultAnswerAcceptMissing.with()
	case 1:
	default:
		return faultAnswerAcceptRepeated.with()
	}
	// "a value other than the base64-encoded SHA-1 of the concatenation of
	// the |Sec-WebSocket-Key| (as a string, not base64-decoded) with the
	// string "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" but ignoring any leading
	// and trailing whitespace"
	var room [28]byte
	if string(AppendAccept(room[:0], req.Key)) != lines[0] {
		return faultAnswerAccept.with(quote(lines[0]))
	}
	return r.checkChoice(req)
}

// checkChoice: the server may choose only from what was offered.
func (r *Response) checkChoice(req *Request) error {
	// "this header field indicates the use of a subprotocol that was not
	// present in the client's handshake". The empty string "is not a legal
	// value for this field" (4.2.2), so it was never offered either.
	switch lines := r.Header[headerProtocol]; {
	case len(lines) > 1:
		// RFC 6455, 11.3.4: "the |Sec-WebSocket-Protocol| header field MUST
		// NOT appear more than once in an HTTP response."
		return faultAnswerProtocolRepeated.with()
	case len(lines) == 1 && (lines[0] == "" || !slices.Contains(req.Protocols, lines[0])):
		return faultAnswerProtocol.with(quote(lines[0]))
	}
	// "the use of an extension that was not present in the client's
	// handshake". On whether the field may come more than once the RFC
	// contradicts itself (11.3.2: "MUST NOT appear more than once in an HTTP
	// response"; 4.2.2: "or split between multiple instances"): a list means
	// the same either way, so both are taken.
	if lines := r.Header[headerExtensions]; lines != nil {
		list, bad := appendExtensions(nil, lines)
		if bad != "" {
			return faultAnswerExtensionSyntax.with(bad)
		}
		for _, e := range list {
			if !offered(req.Extensions, extensionName(e)) {
				return faultAnswerExtension.with(quote(e))
			}
		}
	}
	return nil
}

// AppendResponse appends to dst the 101 answer that accepts r. protocol is
// the subprotocol chosen, and extensions the value of
// Sec-WebSocket-Extensions; both have to come from what r offers, and "" is
// none. The fields of extra are added as they are, in the order of their
// names. On an error, a *[ConfigError], dst is returned as it was.
//
// r has to have passed [Request.Check]; its key is looked at once more.
func AppendResponse(dst []byte, r *Request, protocol, extensions string, extra http.Header) ([]byte, error) {
	if !validKey(r.Key) {
		return dst, faultConfigKey.config(quote(r.Key))
	}
	// RFC 6455, 4.2.2: "if the server does not agree to any of the client's
	// requested subprotocols, the only acceptable value is null."
	if protocol != "" && !(validToken(protocol) && slices.Contains(r.Protocols, protocol)) {
		return dst, faultConfigProtocolNotOffered.config(quote(protocol))
	}
	if extensions != "" {
		list, bad := appendExtensions(nil, []string{extensions})
		if bad != "" {
			return dst, faultConfigExtension.config(bad)
		}
		// RFC 6455, 4.2.2: "Extensions not listed by the client MUST NOT be
		// listed."
		for _, e := range list {
			if !offered(r.Extensions, extensionName(e)) {
				return dst, faultConfigExtensionNotOffered.config(quote(e))
			}
		}
	}
	if err := checkHeader(extra); err != nil {
		return dst, err
	}
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = AppendAccept(dst, r.Key)
	dst = append(dst, "\r\n"...)
	if protocol != "" {
		dst = appendField(dst, "Sec-WebSocket-Protocol", protocol)
	}
	if extensions != "" {
		dst = appendField(dst, "Sec-WebSocket-Extensions", extensions)
	}
	dst = appendHeader(dst, extra)
	return append(dst, "\r\n"...), nil
}
