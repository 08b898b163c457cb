package masking

import (
	_ "unsafe" // for go:linkname

	"github.com/gobwas/ws"
	_ "github.com/gorilla/websocket"
	_ "github.com/lesismal/nbio/nbhttp/websocket"
	_ "github.com/lxzan/gws"

	_ "github.com/coder/websocket"

	"github.com/pushwire/pushwire/mask"
)

// Candidate masks every one of some payloads from the first byte of the key
// on. Each has a loop of its own, so that it is called as its library calls it
// and not through a variable.
type Candidate struct {
	Name string
	Mask func(payloads [][]byte, key [4]byte)
}

// Limit is the candidate that ratios refer to. It writes as much as the others
// and reads nothing.
const Limit = "memclr"

// All are the candidates in the order of the tables, the limit first.
var All = []Candidate{
	{Limit, func(payloads [][]byte, _ [4]byte) {
		for _, p := range payloads {
			clear(p)
		}
	}},
	{"pushwire", func(payloads [][]byte, key [4]byte) {
		for _, p := range payloads {
			mask.XOR(p, key, 0)
		}
	}},
	{"gorilla/websocket", func(payloads [][]byte, key [4]byte) {
		for _, p := range payloads {
			gorillaMask(key, 0, p)
		}
	}},
	{"coder/websocket", func(payloads [][]byte, key [4]byte) {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		for _, p := range payloads {
			coderMask(p, k)
		}
	}},
	{"gobwas/ws", func(payloads [][]byte, key [4]byte) {
		for _, p := range payloads {
			ws.Cipher(p, key, 0)
		}
	}},
	{"lxzan/gws", func(payloads [][]byte, key [4]byte) {
		for _, p := range payloads {
			gwsMask(p, key[:])
		}
	}},
	{"lesismal/nbio", func(payloads [][]byte, key [4]byte) {
		for _, p := range payloads {
			nbioMask(p, key[:])
		}
	}},
}

//go:linkname gorillaMask github.com/gorilla/websocket.maskBytes
//go:noescape
func gorillaMask(key [4]byte, pos int, b []byte) int

//go:linkname coderMask github.com/coder/websocket.mask
//go:noescape
func coderMask(b []byte, key uint32) uint32

//go:linkname gwsMask github.com/lxzan/gws/internal.MaskXOR
//go:noescape
func gwsMask(b, key []byte)

//go:linkname nbioMask github.com/lesismal/nbio/nbhttp/websocket.maskXOR
//go:noescape
func nbioMask(b, key []byte)
