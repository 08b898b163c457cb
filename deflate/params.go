package deflate

import "strconv"

// Name is the extension's name: RFC 7692, 7, "The registered extension name
// for this extension is 'permessage-deflate'."
const Name = "permessage-deflate"

// Tail is what a sender removes from the end of a message and a receiver adds
// back: the length fields of an empty stored block (RFC 7692, 7.2.1 and 7.2.2).
const Tail = "\x00\x00\xff\xff"

// Names of the parameters, RFC 7692, 7.
const (
	serverNoContext = "server_no_context_takeover"
	clientNoContext = "client_no_context_takeover"
	serverMaxBits   = "server_max_window_bits"
	clientMaxBits   = "client_max_window_bits"
)

// Params are what both ends agreed on. The parameters with "Server" bind what
// the server sends: it compresses and the client inflates by them. Those with
// "Client" bind what the client sends.
type Params struct {
	// Each message begins with an empty window: nothing has to be kept from
	// one message to the next.
	ServerNoContext, ClientNoContext bool
	// The window, as a power of 2: 8 to 15. A sender may use a smaller one.
	ServerBits, ClientBits int
}

// Options are what one end wants. The zero value takes everything: contexts
// are kept, windows are 32 KiB unless the peer asks for less.
type Options struct {
	// ServerNoContext makes the server begin each message with an empty
	// window: a server sets it to save its own memory, a client to save its
	// own by demanding it.
	ServerNoContext bool
	// ClientNoContext is the same for what the client sends. A server may
	// demand it; from a client it is a hint that it will do so anyway, which
	// servers answer by agreeing to it.
	ClientNoContext bool
	// ServerBits limits the window of what the server sends: 8 to 15, 0 is 15.
	ServerBits int
	// ClientBits limits the window of what the client sends, likewise. A
	// server can impose it only on a client that offers to be limited; where
	// it is not agreed on, Params.ClientBits says so. From a client it is a
	// hint that it will use no larger window.
	ClientBits int
	// Fallback is for clients that prefer ServerNoContext and ServerBits but
	// do not insist: there are servers that know neither, and that would
	// decline or answer what such an offer forbids. A second offer without
	// both, and without a hint of ClientBits, is made (RFC 7692, 7.1.3).
	Fallback bool
}

// Validate returns an [*OptionsError] for a window outside 8 to 15 bits.
// Functions that take such Options nevertheless use the nearest limit.
func (o Options) Validate() error {
	for _, f := range []struct {
		name string
		bits int
	}{{"ServerBits", o.ServerBits}, {"ClientBits", o.ClientBits}} {
		if f.bits != 0 && (f.bits < minBits || f.bits > maxBits) {
			return &OptionsError{f.name, f.bits}
		}
	}
	return nil
}

// orMax is a bits field of Options as a number of bits.
func orMax(bits int) int {
	if bits == 0 {
		return maxBits
	}
	return max(minBits, min(bits, maxBits))
}

// terms are the parameters of one element, an offer or an answer: what was
// written, while Params are what it means. Bits are 0 where a parameter is
// absent and anyBits where it has no value.
type terms struct {
	serverNoContext, clientNoContext bool
	serverBits, clientBits           int
}

// maxElement is as long as an element of ours gets, in bytes.
const maxElement = len(Name + "; " + serverNoContext + "; " + clientNoContext + "; " + serverMaxBits + "=15; " + clientMaxBits + "=15")

// anyBits is client_max_window_bits without a value: the client can be limited.
const anyBits = -1

// params is what an answer means. RFC 7692, 7.1.2: without a limit it is "an
// LZ77 sliding window of up to 32,768 bytes".
func (t terms) params() Params {
	return Params{t.serverNoContext, t.clientNoContext, orMax(t.serverBits), orMax(t.clientBits)}
}

// append writes the element.
func (t terms) append(dst []byte) []byte {
	dst = append(dst, Name...)
	if t.serverNoContext {
		dst = append(dst, "; "+serverNoContext...)
	}
	if t.clientNoContext {
		dst = append(dst, "; "+clientNoContext...)
	}
	if t.serverBits != 0 {
		dst = append(dst, "; "+serverMaxBits+"="...)
		dst = strconv.AppendInt(dst, int64(t.serverBits), 10)
	}
	if t.clientBits != 0 {
		dst = append(dst, "; "+clientMaxBits...)
		if t.clientBits != anyBits {
			dst = append(dst, '=')
			dst = strconv.AppendInt(dst, int64(t.clientBits), 10)
		}
	}
	return dst
}
