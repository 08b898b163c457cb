package handshake

import "fmt"

// Check holds the request against every MUST of RFC 6455, 4.2.1, in the order
// in which the answers help most: first whether it is a request that could be
// upgraded, then whether it asks for a WebSocket, then how well. It looks at
// the header, so it is for requests that were received. The error is an
// *[Error] whose Status and Header are the answer to give:
//
//	505  HTTP/1.0 and HTTP/2
//	405  another method than GET
//	426  no upgrade, or another version of the protocol
//	400  everything else
//
// The origin is checked by [Origins.Check], for it is a matter of policy.
//
// RFC 6455, 4.2.1: "If the server, while reading the handshake, finds that
// the client did not send a handshake that matches the description below
// (...), including but not limited to any violations of the ABNF grammar
// specified for the components of the handshake, the server MUST stop
// processing the client's handshake and return an HTTP response with an
// appropriate error code (such as 400 Bad Request)."
func (r *Request) Check() error {
	// Plain calls: through a table r would escape to the heap.
	if err := r.checkHTTP(); err != nil {
		return err
	}
	if err := r.checkUpgrade(); err != nil {
		return err
	}
	if err := r.checkVersion(); err != nil {
		return err
	}
	if err := r.checkKey(); err != nil {
		return err
	}
	if err := r.checkLists(); err != nil {
		return err
	}
	return nil
}

// checkHTTP: "An HTTP/1.1 or higher GET request, including a "Request-URI"".
func (r *Request) checkHTTP() *Error {
	switch {
	case r.HTTP < 11:
		// RFC 9110, 7.8: "A server that receives an Upgrade header field in
		// an HTTP/1.0 request MUST ignore that Upgrade field."
		return faultHTTP10.with()
	case r.HTTP >= 20:
		// RFC 9113, 8.6: HTTP/2 has no upgrade and no 101.
		return faultHTTP2.with(fmt.Sprint(r.HTTP / 10))
	case r.Method != "GET":
		return faultMethod.with(quote(r.Method))
	}
	return nil
}

// checkUpgrade: "An |Upgrade| header field containing the value "websocket",
// treated as an ASCII case-insensitive value", and "A |Connection| header
// field that includes the token "Upgrade"". Host and the absence of a body
// are looked at when it is clear that a WebSocket is wanted.
func (r *Request) checkUpgrade() *Error {
	upgrade, bad := listHas(r.Header["Upgrade"], "websocket", true)
	if bad != "" {
		return faultUpgradeSyntax.with(quote(bad))
	}
	if !upgrade {
		if len(r.Header[headerKey]) == 0 {
			return faultNotUpgrade.with()
		}
		return faultUpgradeMissing.with()
	}
	connection, bad := listHas(r.Header["Connection"], "upgrade", false)
	if bad != "" {
		return faultConnectionSyntax.with(quote(bad))
	}
	if !connection {
		return faultConnectionMissing.with()
	}
	// "A |Host| header field containing the server's authority."
	if r.Host == "" {
		return faultHostMissing.with()
	}
	if _, ok := parseAuthority(r.Host); !ok {
		return faultHostInvalid.with(quote(r.Host))
	}
	// After the head of a handshake come frames. Whoever in between reads
	// them as a body, or the body as frames, is deceived.
	body, err := checkFraming(r.Header, true, true)
	if err != nil {
		return err
	}
	if body {
		return faultBody.with()
	}
	return nil
}

// checkVersion: "A |Sec-WebSocket-Version| header field, with a value of 13."
// It comes before the key, since another version may have other fields.
func (r *Request) checkVersion() *Error {
	switch lines := r.Header[headerVersion]; {
	case len(lines) == 0:
		return faultVersionMissing.with()
	case len(lines) > 1:
		// RFC 6455, 11.3.5: "the |Sec-WebSocket-Version| header field MUST
		// NOT appear more than once in an HTTP request."
		return faultVersionRepeated.with()
	case lines[0] != version:
		// RFC 6455, 4.2.2: "If this version does not match a version
		// understood by the server, the server MUST abort the WebSocket
		// handshake described in this section and instead send an appropriate
		// HTTP error code (such as 426 Upgrade Required)". "013" and "13, 8"
		// are no versions at all; the answer that helps is the same.
		return faultVersion.with(quote(lines[0]))
	}
	return nil
}

// checkKey: "A |Sec-WebSocket-Key| header field with a base64-encoded (...)
// value that, when decoded, is 16 bytes in length."
func (r *Request) checkKey() *Error {
	switch lines := r.Header[headerKey]; {
	case len(lines) == 0:
		return faultKeyMissing.with()
	case len(lines) > 1:
		// RFC 6455, 11.3.1: "The |Sec-WebSocket-Key| header field MUST NOT
		// appear more than once in an HTTP request."
		return faultKeyRepeated.with()
	case !validKey(lines[0]):
		return faultKeyInvalid.with(quote(lines[0]))
	}
	return nil
}

// checkLists reads the two optional lists once more, for their faults: Header
// is what was sent, and the lists may have been changed since. Room on the
// stack is enough for what browsers send.
func (r *Request) checkLists() *Error {
	var room [8]string
	if lines := r.Header[headerProtocol]; lines != nil {
		if _, err := appendProtocols(room[:0], lines); err != nil {
			return err
		}
	}
	if lines := r.Header[headerExtensions]; lines != nil {
		if _, bad := appendExtensions(room[:0], lines); bad != "" {
			return faultExtensionSyntax.with(bad)
		}
	}
	return nil
}
