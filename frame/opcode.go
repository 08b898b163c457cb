package frame

import "strconv"

// Opcode says what a frame's payload is (RFC 6455, 5.2).
type Opcode byte

// The opcodes that RFC 6455 defines; all others are reserved and refused.
const (
	Continuation Opcode = 0x0 // goes on with the message that a Text or Binary frame began
	Text         Opcode = 0x1 // UTF-8 text
	Binary       Opcode = 0x2 // any bytes
	Close        Opcode = 0x8 // begins or answers the closing handshake
	Ping         Opcode = 0x9 // asks for a Pong with the same payload
	Pong         Opcode = 0xA // answers a Ping, or tells that one is alive
)

// IsControl reports whether op belongs to the control frames: at most
// [MaxControl] bytes of payload, never fragmented, allowed between the
// fragments of a message (RFC 6455, 5.5).
func (op Opcode) IsControl() bool { return op&0x8 != 0 }

// IsReserved reports whether RFC 6455 gives op no meaning.
func (op Opcode) IsReserved() bool {
	return op > Binary && op < Close || op > Pong
}

// String returns the name that RFC 6455 uses, in lower case.
func (op Opcode) String() string {
	switch op {
	case Continuation:
		return "continuation"
	case Text:
		return "text"
	case Binary:
		return "binary"
	case Close:
		return "close"
	case Ping:
		return "ping"
	case Pong:
		return "pong"
	}
	return "opcode 0x" + strconv.FormatUint(uint64(op), 16)
}

// Role says which end of the connection the local side is. It decides the
// direction of masking: a client masks all that it sends, a server nothing
// (RFC 6455, 5.1).
type Role byte

const (
	Server Role = iota // reads masked frames, writes unmasked ones
	Client             // reads unmasked frames, writes masked ones
)

// String returns "server" or "client".
func (r Role) String() string {
	if r == Client {
		return "client"
	}
	return "server"
}
