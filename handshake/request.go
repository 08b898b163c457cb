package handshake

import (
	"net/http"
	"strings"
)

// A Request is a client's opening handshake: what a server has read, by
// [ParseRequest] or [FromHTTP], or what a client is to send by
// [AppendRequest].
type Request struct {
	Method string // "GET"; may be empty for AppendRequest
	// Target is the resource name (RFC 6455, 3): path and query as they were
	// sent. The scheme and host of an absolute target are not part of it.
	Target string
	// Host is host[:port], from the Host field or from an absolute target,
	// which takes precedence (RFC 9112, 3.2.2).
	Host string
	// Origin is the first Origin field. It is empty for a client that is no
	// browser. A server asks Origins and does not look here.
	Origin string
	Key    string // first Sec-WebSocket-Key field
	// Protocols are the subprotocols that the client offers, in its order of
	// preference. Empty if the field is malformed, which Check reports.
	Protocols []string
	// Extensions are the extensions that the client offers, each with its
	// parameters as sent: "permessage-deflate; client_max_window_bits".
	// Empty if the field is malformed, which Check reports.
	Extensions []string
	HTTP       int // 11 for HTTP/1.1, 10, 20; 0 means 11 for AppendRequest
	// Header holds all fields that came, under canonical names, without Host,
	// as net/http has it. For AppendRequest it holds the fields to add.
	Header http.Header
	// Secure: the request came over TLS. FromHTTP sets it, and the caller of
	// ParseRequest has to: Origins compares the scheme with it.
	Secure bool
}

// ParseRequest reads a request from the front of b, where a client's first
// bytes are collected. As long as the head is not complete, n is 0 and err is
// nil: call it again when b has grown, with scan as scanned, which begins at
// 0. Then n is the length of the head; what follows in b are the client's
// first frames. However small the steps, the time is linear in the bytes.
//
// It takes what HTTP/1.1 allows, less what different readers understand
// differently; what it takes, net/http takes too and understands the same.
// The error is an *[Error]. Whether the request is an opening handshake is
// the business of [Request.Check].
//
// b is not retained. The strings of r share one copy of the head.
func ParseRequest(b []byte, scanned int, l Limits) (r Request, n, scan int, err error) {
	l = l.withDefaults()
	end, _, fault := scanHead(b, scanned, l)
	if fault != nil {
		return Request{}, 0, len(b), fault
	}
	if end == 0 {
		return Request{}, 0, len(b), nil
	}
	if fault := r.parse(string(b[:end]), l); fault != nil {
		return Request{}, 0, end, fault
	}
	return r, end, end, nil
}

// parse reads a whole head that scanHead has passed.
func (r *Request) parse(head string, l Limits) *Error {
	line, fields, _ := strings.Cut(head, "\r\n")
	method, rest, ok1 := strings.Cut(line, " ")
	target, proto, ok2 := strings.Cut(rest, " ")
	if !ok1 || !ok2 || !validToken(method) {
		return faultRequestLine.with(quote(line))
	}
	// The version comes first: the preface of HTTP/2, "PRI * HTTP/2.0", is
	// to be told what is wrong with it and not that * is no path.
	var err *Error
	if r.HTTP, err = parseVersion(proto); err != nil {
		return err
	}
	r.Method = method
	var absolute string
	if r.Target, absolute, err = parseTarget(target); err != nil {
		return err
	}
	hosts := 0
	fields = strings.TrimSuffix(fields, "\r\n")
	h, spare, err := parseFields(fields, l, "Host", func(value string) {
		hosts++
		r.Host = value
	})
	if err != nil {
		return err
	}
	r.Header = h
	// RFC 9112, 3.2: "A server MUST respond with a 400 (Bad Request) status
	// code to any HTTP/1.1 request message that lacks a Host header field and
	// to any request message that contains more than one Host header field
	// line or a Host header field with an invalid field value."
	switch {
	case hosts > 1:
		return faultHostRepeated.with()
	case hosts == 0 && r.HTTP >= 11:
		return faultHostMissing.with()
	}
	if _, ok := parseAuthority(r.Host); !ok && r.Host != "" {
		return faultHostInvalid.with(quote(r.Host))
	}
	if absolute != "" {
		// RFC 9112, 3.2.2: "the origin server MUST ignore the received Host
		// header field (if any) and instead use the host information of the
		// request-target."
		r.Host = absolute
	}
	if _, err := checkFraming(h, r.HTTP >= 11, true); err != nil {
		return err
	}
	r.derive(spare)
	return nil
}

// derive fills the fields of r that come from its header. spare is room for
// the elements of lists; where it is nil and there is a list, room for all of
// them is made at once.
func (r *Request) derive(spare []string) {
	r.Origin = first(r.Header["Origin"])
	r.Key = first(r.Header[headerKey])
	protocols, extensions := r.Header[headerProtocol], r.Header[headerExtensions]
	if spare == nil && (protocols != nil || extensions != nil) {
		spare = make([]string, 0, spareValues)
	}
	// Faults are for Check to report, in its order.
	if protocols != nil {
		if list, err := appendProtocols(spare, protocols); err == nil {
			r.Protocols, spare = list[:len(list):len(list)], list[len(list):]
		}
	}
	if extensions != nil {
		if list, bad := appendExtensions(spare, extensions); bad == "" {
			r.Extensions = list[:len(list):len(list)]
		}
	}
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// FromHTTP makes a Request of one that net/http has read. Its Header is r's
// own and not a copy. The error is an *[Error]: a body is announced, or the
// target is not a path; the Request is filled in all the same.
func FromHTTP(r *http.Request) (Request, error) {
	q := Request{
		Method: r.Method,
		Target: r.RequestURI,
		Host:   r.Host,
		HTTP:   r.ProtoMajor*10 + r.ProtoMinor,
		Header: r.Header,
		Secure: r.TLS != nil,
	}
	if q.Method == "" {
		q.Method = "GET" // as net/http says for its clients
	}
	if q.Target == "" && r.URL != nil {
		q.Target = r.URL.RequestURI() // a request that was made and not read
	}
	q.derive(nil)
	if q.Method != "GET" || q.HTTP < 11 || q.HTTP >= 20 {
		return q, nil // for Check: it has the better answer
	}
	resource, host, err := parseTarget(q.Target)
	if err != nil {
		return q, err
	}
	q.Target = resource
	if q.Host == "" {
		q.Host = host
	}
	// net/http takes Transfer-Encoding out of the header.
	if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
		// What else is wrong may have the better answer, here too.
		if err := q.Check(); err != nil {
			return q, err
		}
		return q, faultBody.with()
	}
	return q, nil
}

// AppendRequest appends the request to dst. Key, Target and Host have to be
// set; Method may be empty or "GET" and HTTP 0 or 11. The fields of r.Header
// are added as they are, in the order of their names; Origin may be among
// them if r.Origin is empty. On an error, a *[ConfigError], dst is returned
// as it was.
func AppendRequest(dst []byte, r *Request) ([]byte, error) {
	if err := r.checkOutgoing(); err != nil {
		return dst, err
	}
	// RFC 6455, 4.1: "The method of the request MUST be GET, and the HTTP
	// version MUST be at least 1.1."
	dst = append(dst, "GET "...)
	dst = append(dst, r.Target...)
	dst = append(dst, " HTTP/1.1\r\n"...)
	dst = appendField(dst, "Host", r.Host)
	dst = append(dst, "Upgrade: websocket\r\nConnection: Upgrade\r\n"...)
	dst = appendField(dst, "Sec-WebSocket-Key", r.Key)
	dst = appendField(dst, "Sec-WebSocket-Version", version)
	if r.Origin != "" {
		dst = appendField(dst, "Origin", r.Origin)
	}
	dst = appendList(dst, "Sec-WebSocket-Protocol", r.Protocols)
	dst = appendList(dst, "Sec-WebSocket-Extensions", r.Extensions)
	dst = appendHeader(dst, r.Header)
	return append(dst, "\r\n"...), nil
}

// checkOutgoing holds a request that we are to send against RFC 6455, 4.1.
func (r *Request) checkOutgoing() error {
	if r.Method != "" && r.Method != "GET" || r.HTTP != 0 && r.HTTP != 11 {
		return faultConfigMethod.config(quote(r.Method))
	}
	if !validResource(r.Target) {
		return faultConfigTarget.config(quote(r.Target))
	}
	if _, ok := parseAuthority(r.Host); !ok {
		return faultConfigHost.config(quote(r.Host))
	}
	if !validKey(r.Key) {
		return faultConfigKey.config(quote(r.Key))
	}
	for _, p := range r.Protocols {
		if !validToken(p) {
			return faultConfigProtocol.config(quote(p))
		}
	}
	// RFC 6455, 4.1: "and MUST all be unique strings"
	if s, ok := repeated(r.Protocols); ok {
		return faultConfigProtocolRepeated.config(quote(s))
	}
	for _, e := range r.Extensions {
		if n, ok := extensionLen(e); !ok || n != len(e) || trimSpace(e) != e { // white space around it would not be read
			return faultConfigExtension.config(quote(e))
		}
	}
	if err := checkHeader(r.Header); err != nil {
		return err
	}
	if r.Origin == "" {
		return nil
	}
	if o, ok := parseOrigin(r.Origin); (!ok || o.wild) && r.Origin != "null" {
		return faultConfigOrigin.config(quote(r.Origin))
	}
	for name := range r.Header {
		if equalFold(name, "origin") {
			return faultConfigOriginTwice.config()
		}
	}
	return nil
}
