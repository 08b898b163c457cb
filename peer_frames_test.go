package pushwire_test

import (
	"strings"

	"github.com/pushwire/pushwire/internal/testpeer"
)

// Frames that keep the rules.

func textFrame(s string) testpeer.Frame {
	return testpeer.Frame{Fin: true, Opcode: 1, Payload: []byte(s)}
}
func textStart(s string) testpeer.Frame { return testpeer.Frame{Opcode: 1, Payload: []byte(s)} }
func binaryFrame(s string) testpeer.Frame {
	return testpeer.Frame{Fin: true, Opcode: 2, Payload: []byte(s)}
}
func binaryStart(s string) testpeer.Frame { return testpeer.Frame{Opcode: 2, Payload: []byte(s)} }
func moreFrame(s string) testpeer.Frame   { return testpeer.Frame{Payload: []byte(s)} }
func lastFrame(s string) testpeer.Frame   { return testpeer.Frame{Fin: true, Payload: []byte(s)} }
func controlFrame(opcode byte, s string) testpeer.Frame {
	return testpeer.Frame{Fin: true, Opcode: opcode, Payload: []byte(s)}
}
func pingFrame(s string) testpeer.Frame { return controlFrame(9, s) }
func pongFrame(s string) testpeer.Frame { return controlFrame(10, s) }
func closeFrame(code int, reason string) testpeer.Frame {
	return controlFrame(8, string([]byte{byte(code >> 8), byte(code)})+reason)
}

// Frames that don't.

func withRSV(bits byte, f testpeer.Frame) testpeer.Frame       { f.RSV = bits; return f }
func withoutFin(f testpeer.Frame) testpeer.Frame               { f.Fin = false; return f }
func withLengthForm(bits int, f testpeer.Frame) testpeer.Frame { f.LengthForm = bits; return f }

// declare makes the header say n, whatever the payload is.
func withDeclared(n uint64, f testpeer.Frame) testpeer.Frame { f.DeclaredLength = &n; return f }

func frames(f ...testpeer.Frame) []testpeer.Frame { return f }

var (
	all125   = strings.Repeat("0123456789", 13)[:125]
	all65536 = strings.Repeat("0123456789abcdef", 1<<12)
)
