package frame

import "encoding/binary"

// Sizes that RFC 6455, 5.2 and 5.5, give.
const (
	// MaxHeader is the longest header: 2 bytes, 8 of length, 4 of key.
	MaxHeader = 14
	// MaxControl is the longest payload of a control frame.
	MaxControl = 125
)

// The reserved bits as they stand in [Header].RSV and [Decoder].RSV.
const (
	RSV1 = 4 // permessage-deflate (RFC 7692): the message is compressed
	RSV2 = 2
	RSV3 = 1
)

const (
	len16 = 126 // the 7-bit length that announces a 16-bit one
	len64 = 127 // the 7-bit length that announces a 64-bit one
)

// Header is the part of a frame before its payload (RFC 6455, 5.2).
type Header struct {
	Fin    bool    // the last fragment of its message
	RSV    byte    // the three reserved bits: RSV1, RSV2, RSV3
	Opcode Opcode  // what the payload is
	Masked bool    // the payload is masked with Key
	Key    [4]byte // the masking key, when Masked
	Length int64   // bytes of payload, never negative
}

// Parse reads one header from the start of b and returns it with its size n.
// n == 0 with a nil error means that b ends inside the header: call again
// with more bytes. Parse refuses, on the first byte that shows it, what no
// header may hold whatever came before it: a reserved opcode, a fragmented or
// overlong control frame, a length that is not minimal or has its top bit
// set. What depends on the connection (role, extensions, sequence) is
// [Decoder]'s part. Errors are of type [*Error]. b is not retained.
func Parse(b []byte) (h Header, n int, err error) {
	if len(b) == 0 {
		return Header{}, 0, nil
	}
	if err := h.first(b[0]); err != nil {
		return Header{}, 0, err
	}
	if len(b) == 1 {
		return Header{}, 0, nil
	}
	if err := h.second(b[1]); err != nil {
		return Header{}, 0, err
	}
	if n, err = h.rest(b); n == 0 {
		return Header{}, 0, err
	}
	return h, n, nil
}

// first takes the byte of FIN, RSV and opcode. Errors are plain nil or *Error
// as error, so that the happy path carries no typed nil.
func (h *Header) first(b byte) error {
	h.Fin = b&0x80 != 0
	h.RSV = b >> 4 & 7
	h.Opcode = Opcode(b & 0xF)
	if h.Opcode.IsReserved() {
		// RFC 6455, 5.2: "If an unknown opcode is received, the receiving
		// endpoint MUST _Fail the WebSocket Connection_."
		return errOpcodeReserved
	}
	if h.Opcode.IsControl() && !h.Fin {
		// RFC 6455, 5.4: "Control frames themselves MUST NOT be fragmented."
		return errControlFragmented
	}
	return nil
}

// second takes the byte of MASK and the 7-bit length.
func (h *Header) second(b byte) error {
	h.Masked = b&0x80 != 0
	h.Length = int64(b & 0x7F)
	if h.Opcode.IsControl() && h.Length > MaxControl {
		// RFC 6455, 5.5: "All control frames MUST have a payload length of
		// 125 bytes or less and MUST NOT be fragmented."
		return errControlTooLong
	}
	return nil
}

// rest takes the extended length and the key from b, the whole header from
// its first byte. It returns the header's size, or 0 when b is too short.
func (h *Header) rest(b []byte) (int, error) {
	n := 2
	switch h.Length {
	case len16:
		if len(b) < 4 {
			return 0, nil
		}
		h.Length = int64(binary.BigEndian.Uint16(b[2:]))
		if h.Length < len16 {
			// RFC 6455, 5.2: "the minimal number of bytes MUST be used to
			// encode the length"
			return 0, errLengthNotMinimal
		}
		n = 4
	case len64:
		if len(b) > 2 && b[2]&0x80 != 0 {
			// RFC 6455, 5.2: "(the most significant bit MUST be 0)"
			return 0, errLengthTopBit
		}
		if len(b) < 10 {
			return 0, nil
		}
		h.Length = int64(binary.BigEndian.Uint64(b[2:]))
		if h.Length <= 0xFFFF {
			return 0, errLengthNotMinimal
		}
		n = 10
	}
	if h.Masked {
		if len(b) < n+4 {
			return 0, nil
		}
		h.Key = [4]byte(b[n:])
		n += 4
	}
	return n, nil
}

// Append appends h as it stands on the wire, with the shortest form of the
// length, and returns the longer slice. It panics when Length is negative;
// nothing else is checked, so that a test tool may build what the protocol
// forbids.
func (h Header) Append(dst []byte) []byte {
	if h.Length < 0 {
		panic("frame: Header.Append: negative length")
	}
	b0 := byte(h.Opcode)&0xF | h.RSV&7<<4
	if h.Fin {
		b0 |= 0x80
	}
	var b1 byte
	if h.Masked {
		b1 = 0x80
	}
	switch {
	case h.Length < len16:
		dst = append(dst, b0, b1|byte(h.Length))
	case h.Length <= 0xFFFF:
		dst = append(dst, b0, b1|len16, byte(h.Length>>8), byte(h.Length))
	default:
		dst = append(dst, b0, b1|len64)
		dst = binary.BigEndian.AppendUint64(dst, uint64(h.Length))
	}
	if h.Masked {
		dst = append(dst, h.Key[:]...)
	}
	return dst
}

// Size returns the number of bytes that Append adds.
func (h Header) Size() int {
	n := 2
	switch {
	case h.Length > 0xFFFF:
		n += 8
	case h.Length >= len16:
		n += 2
	}
	if h.Masked {
		n += 4
	}
	return n
}
