package load

import (
	"math/rand/v2"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/mask"
)

// Payload returns size bytes that are the same in each run.
func Payload(size int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	p := make([]byte, size)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// Request returns a masked binary frame around payload.
func Request(payload []byte) []byte {
	h := frame.Header{Fin: true, Opcode: frame.Binary, Masked: true, Key: [4]byte{0x6a, 0x1f, 0xc3, 0x95}, Length: int64(len(payload))}
	b := h.Append(nil)
	n := len(b)
	b = append(b, payload...)
	mask.XOR(b[n:], h.Key, 0)
	return b
}

// Reply returns the frame with which a server echoes payload.
func Reply(payload []byte) []byte {
	h := frame.Header{Fin: true, Opcode: frame.Binary, Length: int64(len(payload))}
	return append(h.Append(nil), payload...)
}
