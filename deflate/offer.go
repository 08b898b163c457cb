package deflate

// offers are what a client with these options offers, the preferred one first.
func (o Options) offers() (all [2]terms, n int) {
	first := terms{o.ServerNoContext, o.ClientNoContext, orMax(o.ServerBits), orMax(o.ClientBits)}
	// RFC 7692, 7.1.2.1: "Absence of this parameter in an extension
	// negotiation offer indicates that the client can receive messages
	// compressed using an LZ77 sliding window of up to 32,768 bytes."
	if first.serverBits == maxBits {
		first.serverBits = 0
	}
	// 7.1.2.2: "By including this parameter in an offer, a client informs the
	// peer server that the client supports the 'client_max_window_bits'
	// extension parameter in an extension negotiation response and,
	// optionally, a hint by attaching a value to the parameter." Ours always
	// does.
	if first.clientBits == maxBits {
		first.clientBits = anyBits
	}
	all[0] = first
	if !o.Fallback || !first.serverNoContext && first.serverBits == 0 {
		return all, 1
	}
	// 7.1.3: "if the client just prefers using a small window but wants to
	// fall back to the 'permessage-deflate' without the
	// 'server_max_window_bits' extension parameter, the client can make an
	// offer with the fallback option".
	// It goes without the hint too: npm's ws declines an offer whose
	// client_max_window_bits is below what it was told to use, and with it
	// the whole handshake.
	all[1] = terms{clientNoContext: first.clientNoContext, clientBits: anyBits}
	return all, 2
}

// AppendOffer appends what a client puts into a Sec-WebSocket-Extensions
// field: one offer, or two with Fallback.
func (o Options) AppendOffer(dst []byte) []byte {
	all, n := o.offers()
	for i, t := range all[:n] {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = t.append(dst)
	}
	return dst
}

// Accept is the server's part: it takes the first offer of the list that can
// be met, with what its own options want where the offer lets it. The list
// are the elements of the request's Sec-WebSocket-Extensions fields
// (handshake.Request.Extensions); those of other extensions, and offers that
// have to be declined, are skipped. answer is the element to send back; ok is
// false if there is none, and the connection goes on without compression.
func (o Options) Accept(offers []string) (p Params, answer string, ok bool) {
	for _, offer := range offers {
		if elementName(offer) != Name {
			continue
		}
		// RFC 7692, 7.1.3: "The server can accept 'permessage-deflate' by
		// picking any supported one from the listed offers." All that is
		// well-formed is supported.
		t, fault, _ := parseElement(offer, false)
		if fault != nil {
			continue
		}
		a := o.answer(t)
		var buf [maxElement]byte
		return a.params(), string(a.append(buf[:0])), true
	}
	return Params{}, "", false
}

// answer accepts an offer.
func (o Options) answer(offer terms) (a terms) {
	// RFC 7692, 7.1.1.1: "A server accepts an extension negotiation offer that
	// includes the 'server_no_context_takeover' extension parameter by
	// including the 'server_no_context_takeover' extension parameter in the
	// corresponding extension negotiation response", and it may do so "even if
	// the extension negotiation offer being accepted (...) didn't include" it.
	a.serverNoContext = offer.serverNoContext || o.ServerNoContext
	// 7.1.1.2: "If the received extension negotiation offer includes the
	// 'client_no_context_takeover' extension parameter, the server may either
	// ignore the parameter or use the parameter to avoid taking over the LZ77
	// sliding window unnecessarily"; "A server MAY include the
	// 'client_no_context_takeover' extension parameter" in any case.
	a.clientNoContext = offer.clientNoContext || o.ClientNoContext
	// 7.1.2.1: "A server accepts an extension negotiation offer with this
	// parameter by including the 'server_max_window_bits' extension parameter
	// in the extension negotiation response to send back to the client with
	// the same or smaller value as the offer", and "MAY include" it "even if
	// the extension negotiation offer being accepted by the response didn't".
	if own := orMax(o.ServerBits); offer.serverBits != 0 {
		a.serverBits = min(own, offer.serverBits)
	} else if own < maxBits {
		a.serverBits = own
	}
	// 7.1.2.2: "If a received extension negotiation offer doesn't have the
	// 'client_max_window_bits' extension parameter, the corresponding
	// extension negotiation response to the offer MUST NOT include the
	// 'client_max_window_bits' extension parameter." If it has, "the server
	// may either ignore this value or use this value (...) with a value equal
	// to or smaller than the received value".
	switch own := orMax(o.ClientBits); {
	case offer.clientBits == 0:
	case offer.clientBits != anyBits:
		a.clientBits = min(own, offer.clientBits)
	case own < maxBits:
		a.clientBits = own
	}
	return a
}

// Check is the client's part: it holds a server's answer, the elements of the
// response's Sec-WebSocket-Extensions fields, against what AppendOffer wrote.
// agreed is false, without an error, if permessage-deflate is not in it.
// An error is an [*Error], and the connection has to be failed.
func (o Options) Check(answer []string) (p Params, agreed bool, err error) {
	for _, element := range answer {
		if elementName(element) != Name {
			continue
		}
		// RFC 6455, 9.1, has each extension once; RFC 7692, 5: "If a server
		// gives an invalid response (...) the client MUST _Fail the WebSocket
		// Connection_."
		if agreed {
			return Params{}, false, faultTwice.quote(element)
		}
		// RFC 7692, 7: "A client MUST _Fail the WebSocket Connection_ if the
		// peer server accepted an extension negotiation offer for this
		// extension with an extension negotiation response meeting any of the
		// following conditions".
		t, fault, part := parseElement(element, true)
		if fault != nil {
			return Params{}, false, fault.quote(part)
		}
		// Section 5: "the client can configure its behavior without
		// identifying exactly which PMCE extension negotiation offer has been
		// accepted": any of ours that it keeps to will do. The fault told is
		// that against the last, which asks for least.
		all, n := o.offers()
		for _, offer := range all[:n] {
			if fault = t.against(offer); fault == nil {
				break
			}
		}
		if fault != nil {
			return Params{}, false, fault.quote(element)
		}
		p, agreed = t.params(), true
	}
	return p, agreed, nil
}

// against returns what the answer t does that the offer forbids, or nil.
func (t terms) against(offer terms) *answerFault {
	switch {
	case offer.serverNoContext && !t.serverNoContext:
		// RFC 7692, 7.1.1.1: "By including this extension parameter in an
		// extension negotiation offer, a client prevents the peer server from
		// using context takeover." It is accepted "by including" it.
		return &faultServerContext
	case offer.serverBits != 0 && (t.serverBits == 0 || t.serverBits > offer.serverBits):
		// 7.1.2.1: "A server accepts an extension negotiation offer with this
		// parameter by including the 'server_max_window_bits' extension
		// parameter in the extension negotiation response (...) with the same
		// or smaller value as the offer."
		return &faultServerBits
	case offer.clientBits == 0 && t.clientBits != 0:
		// 7.1.2.2: "the corresponding extension negotiation response to the
		// offer MUST NOT include the 'client_max_window_bits' extension
		// parameter." (Our own offers always have it.)
		return &faultClientBits
	}
	// A client_max_window_bits above the hint of our offer is allowed: 7.2.1,
	// "the client MAY use an LZ77 sliding window with any size to compress
	// messages to send as long as the size conforms to the 'agreed
	// parameters'." So is client_no_context_takeover unasked: 7.1.1.2, "A
	// client MUST support" it "in an extension negotiation response."
	return nil
}
