package frame

import (
	"slices"

	"github.com/pushwire/pushwire/mask"
)

// AppendMessage appends payload as one whole frame (FIN set) and returns the
// longer slice. rsv holds the reserved bits of an extension, 0 for none. As a
// Client it masks with a fresh key, in the one pass that copies (RFC 6455,
// 5.3: "The masking key needs to be unpredictable"). payload is not retained
// and not modified. It panics on a control frame of more than [MaxControl]
// bytes.
func AppendMessage(dst []byte, role Role, op Opcode, rsv byte, payload []byte) []byte {
	if op.IsControl() && len(payload) > MaxControl {
		panic("frame: AppendMessage: a control frame carries at most 125 bytes")
	}
	h := Header{Fin: true, RSV: rsv, Opcode: op, Length: int64(len(payload))}
	if role == Client {
		// RFC 6455, 5.1: "a client MUST mask all frames that it sends to the
		// server"
		h.Masked = true
		h.Key = mask.NewKey()
	}
	dst = slices.Grow(dst, h.Size()+len(payload))
	dst = h.Append(dst)
	if !h.Masked {
		return append(dst, payload...)
	}
	n := len(dst)
	dst = dst[:n+len(payload)]
	mask.Copy(dst[n:], payload, h.Key, 0)
	return dst
}
