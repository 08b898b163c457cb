package pushwire_test

import (
	"fmt"

	"github.com/pushwire/pushwire/internal/testpeer"
)

// RFC 6455, 5.2: RSV1, RSV2, RSV3 "MUST be 0 unless an extension is
// negotiated".
func rsvRows() (rows []frameRow) {
	for bits := byte(1); bits < 8; bits++ {
		for _, k := range []struct {
			name   string
			before []testpeer.Frame
			f      testpeer.Frame
		}{
			{"text", nil, textFrame("a")},
			{"text fragment", nil, textStart("a")},
			{"binary", nil, binaryFrame("a")},
			{"continuation", frames(textStart("a")), moreFrame("b")},
			{"last continuation", frames(textStart("a")), lastFrame("b")},
			{"close", nil, closeFrame(1000, "")},
			{"ping", nil, pingFrame("a")},
			{"pong", nil, pongFrame("a")},
			{"ping in a message", frames(textStart("a")), pingFrame("a")},
		} {
			rows = append(rows, frameRow{
				name: fmt.Sprintf("RSV %03b on %s", bits, k.name),
				send: append(k.before, withRSV(bits, k.f)),
				code: 1002, token: "frame_rsv_unexpected", decides: 1,
			})
		}
	}
	return rows
}

// RFC 6455, 5.2: "If an unknown opcode is received, the receiving endpoint
// MUST _Fail the WebSocket Connection_."
func opcodeRows() (rows []frameRow) {
	for _, opcode := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		for _, k := range []struct {
			name   string
			before []testpeer.Frame
			fin    bool
		}{{"", nil, true}, {" fragment", nil, false}, {" in a message", frames(textStart("a")), true}} {
			rows = append(rows, frameRow{
				name: fmt.Sprintf("opcode %d%s", opcode, k.name),
				send: append(k.before, testpeer.Frame{Fin: k.fin, Opcode: opcode, Payload: []byte("a")}),
				code: 1002, token: "frame_opcode_reserved", decides: 1,
			})
		}
	}
	return rows
}

// RFC 6455, 5.1: a server closes on a frame without mask, a client on one
// with. The same row is the one or the other, by the role.
func maskRows() (rows []frameRow) {
	for _, k := range []struct {
		name   string
		before []testpeer.Frame
		f      testpeer.Frame
	}{
		{"text", nil, textFrame("a")},
		{"empty text", nil, textFrame("")},
		{"text fragment", nil, textStart("a")},
		{"binary", nil, binaryFrame("a")},
		{"continuation", frames(textStart("a")), lastFrame("b")},
		{"close", nil, closeFrame(1000, "")},
		{"ping", nil, pingFrame("")},
		{"pong", nil, pongFrame("a")},
		{"16-bit length", nil, textFrame(all125 + "x")},
		{"64-bit length", nil, binaryFrame(all65536)},
	} {
		rows = append(rows, frameRow{
			name: "the other role's masking on " + k.name,
			send: append(k.before, k.f), wrongMask: true,
			code: 1002, token: maskToken, decides: 2,
		})
	}
	return append(rows, frameRow{
		name: "the other role's masking on the second message",
		send: frames(textFrame("a"), textFrame("b")), wrongMask: true,
		code: 1002, token: maskToken, got: []string{"a"}, decides: 2,
	})
}

// RFC 6455, 5.2: "the minimal number of bytes MUST be used to encode the
// length", "the most significant bit MUST be 0".
func lengthRows() (rows []frameRow) {
	for _, n := range []int{0, 1, 124, 125} {
		rows = append(rows, frameRow{
			name: fmt.Sprintf("length %d in 16 bits", n), send: frames(withLengthForm(16, textFrame(all125[:n]))),
			code: 1002, token: "frame_length_not_minimal", decides: 4,
		})
	}
	for _, n := range []int{0, 1, 125, 126, 65535} {
		rows = append(rows, frameRow{
			name: fmt.Sprintf("length %d in 64 bits", n), send: frames(withLengthForm(64, binaryFrame(all65536[:n]))),
			code: 1002, token: "frame_length_not_minimal", decides: 10,
		})
	}
	rows = append(rows,
		frameRow{name: "length 1 in 16 bits on a continuation", send: frames(textStart("a"), withLengthForm(16, lastFrame("b"))),
			code: 1002, token: "frame_length_not_minimal", decides: 4},
		frameRow{name: "length 1 in 64 bits on a continuation", send: frames(textStart("a"), withLengthForm(64, lastFrame("b"))),
			code: 1002, token: "frame_length_not_minimal", decides: 10},
	)
	for _, n := range []uint64{1 << 63, 1<<63 | 1, 1<<63 | 65536, 1<<64 - 1} {
		rows = append(rows,
			frameRow{name: fmt.Sprintf("length %#x", n), send: frames(withDeclared(n, binaryFrame("a"))),
				code: 1002, token: "frame_length_top_bit", decides: 3},
			frameRow{name: fmt.Sprintf("length %#x on a continuation", n), send: frames(textStart("a"), withDeclared(n, moreFrame("b"))),
				code: 1002, token: "frame_length_top_bit", decides: 3},
			frameRow{name: fmt.Sprintf("length %#x without limits", n), cfg: noLimits, send: frames(withDeclared(n, binaryFrame("a"))),
				code: 1002, token: "frame_length_top_bit", decides: 3},
		)
	}
	return rows
}

// RFC 6455, 5.5: "All control frames MUST have a payload length of 125 bytes
// or less and MUST NOT be fragmented."
func controlRows() (rows []frameRow) {
	for i, name := range []string{"close", "ping", "pong"} {
		opcode := byte(8 + i)
		f := controlFrame(opcode, "\x03\xe8")
		for _, r := range []frameRow{
			{name: " of 126 bytes", send: frames(controlFrame(opcode, "\x03\xe8"+all125[1:])), token: "frame_control_too_long"},
			{name: " of 65536 bytes", send: frames(controlFrame(opcode, "\x03\xe8"+all65536[2:])), token: "frame_control_too_long"},
			{name: " with a 16-bit length of 2", send: frames(withLengthForm(16, f)), token: "frame_control_too_long"},
			{name: " with a 64-bit length of 2", send: frames(withLengthForm(64, f)), token: "frame_control_too_long"},
			{name: " with a length of 2^63", send: frames(withDeclared(1<<63, f)), token: "frame_control_too_long"},
			{name: " in fragments", send: frames(withoutFin(f)), token: "frame_control_fragmented"},
			{name: " in fragments, empty", send: frames(withoutFin(controlFrame(opcode, ""))), token: "frame_control_fragmented"},
			{name: " in fragments in a message", send: frames(textStart("a"), withoutFin(f)), token: "frame_control_fragmented"},
			{name: " of 126 bytes in a message", send: frames(textStart("a"), controlFrame(opcode, "\x03\xe8"+all125[1:])), token: "frame_control_too_long"},
		} {
			r.name, r.code = name+r.name, 1002
			r.decides = 2
			if r.token == "frame_control_fragmented" {
				r.decides = 1
			}
			rows = append(rows, r)
		}
	}
	return rows
}
