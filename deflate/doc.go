// Package deflate is permessage-deflate, the compression of WebSocket
// messages: its negotiation, and DEFLATE with windows of 8 to 15 bits, without
// any input or output of its own.
//
// The smallest use, a server that takes an offer and reads one message:
//
//	p, answer, ok := deflate.Options{}.Accept(request.Extensions)
//	if ok {
//		response.Extensions = []string{answer}
//	}
//	...
//	z.Reset(p.ClientBits, history) // z is a deflate.Inflater, new or used
//	for {
//		out, n, err := z.Next(payload, fin)
//		payload = payload[n:]
//		message = append(message, out...) // hold it against a limit here
//		if err == io.EOF {
//			break // the message is whole
//		} else if err != nil {
//			return err // a *deflate.Error: the connection has to be failed
//		} else if len(out) == 0 {
//			payload, fin = nextFrame()
//		}
//	}
//	history = append(history[:0], z.History()...) // unless p.ClientNoContext
//
// # Terms
//
// A client offers the extension in its request, as one or more offers in the
// order of preference; a server accepts one of them with an answer, whose
// parameters are what was agreed on ([Params]). What one end wants are its
// [Options]. Those that begin with "Server" are about messages that the server
// sends, those with "Client" about the client's.
//
// The window is how many bytes back a compressed message may refer, as a power
// of 2 (its bits). The context is what it may refer to from the messages
// before: with context takeover the window goes on from message to message,
// without it each message begins with an empty one. The history is the last
// window of a context. The tail are the four bytes that end every message and
// are not sent ([Tail]).
//
// # Both ends of a negotiation
//
// A client sends [Options.AppendOffer] and holds what comes back against the
// same options with [Options.Check]; a server calls [Options.Accept]. Both get
// the same [Params] out of it. A limit that a client sets on the server is a
// demand: a server that does not know it declines the offer, or answers what
// the offer forbids, which fails the connection. With [Options.Fallback] it is
// a wish. What a client says about itself is a hint, which Params may not show:
// it keeps to it all the same, by compressing with the smaller of its own
// window and the one agreed on, and with no context if it said so.
//
// # Inflating
//
// [Inflater] gives a message in pieces as its payload comes in pieces, cut
// anywhere. A context is no more than its history, a byte slice of at most
// 1<<bits bytes, which each message begins with a copy of: a few Inflaters in a
// pool serve any number of connections.
//
// The tail is added by the Inflater. A message has to end with the header of
// the empty stored block that the tail completes. Blocks with BFINAL may stand
// anywhere, as in RFC 7692, 7.2.3.4, and where one ends the payload the octet
// behind it may be missing; so may the one octet of an empty message.
//
// # Compressing
//
// The other half of the package turns a message into a payload, with the
// window and the context that were agreed on.
//
// # Specifications
//
// RFC 7692, sections 5 and 7 (parameters in 7.1, payloads in 7.2); RFC 1951
// (DEFLATE). RFC 6455, 9.1, is the syntax of offers and answers; package
// handshake has checked it, and what breaks it here is declined or refused.
//
// # Limits and defaults
//
//	window                          8 to 15 bits (256 B to 32 KiB); 15 by default
//	one call of Inflater.Next       at most 32 KiB come out (MaxPiece)
//	memory of an Inflater           17 KiB for a window of 8 bits, 33 KiB of 12, 77 KiB of 15
//	fixed tables, once a process    10 KiB
//	history to keep for a context   1<<bits bytes at most, none without takeover
//
// Allocations: an Inflater grows with the largest window that it was Reset
// for, and allocates nothing else.
//
// # Concurrency
//
// Functions and methods of [Options] may be called from any goroutine. An
// [Inflater] belongs to one goroutine at a time.
//
// # Security
//
// No input makes the package panic or loop. Every call of [Inflater.Next]
// consumes its input or gives a piece; a message that inflates to a thousand
// times its size does so 32 KiB at a time, and the caller stops at its limit.
// A distance beyond the agreed window is an error even where the bytes would
// be at hand, and nothing of another connection is ever within reach: bytes
// count as history only if they were passed to Reset or inflated since.
//
// Compression leaks lengths: where an attacker can choose a part of a message
// that also holds a secret, and sees how long it gets, the secret can be
// guessed (RFC 7692, 8, names CRIME). Dropping the context keeps messages
// apart from each other, not the parts of one.
package deflate
