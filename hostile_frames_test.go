package pushwire_test

// One file, because it is one table and what runs it.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// A frameRow is a conversation of which the peer's part is given. It ends
// with a close frame of the end under test.
type frameRow struct {
	name      string
	send      []testpeer.Frame // masked by the runner, as the peer's role demands
	wrongMask bool             // the last of them has the other role's masking
	raw       []byte           // sent behind them as it is
	cfg       pushwire.Config

	code  int      // of the close frame that must come back; 1005: an empty one
	token string   // of the breach that the application is told; "" for a clean end
	got   []string // messages that the application must get before
	pong  string   // payload of the last pong before the close frame

	// decides is the byte of the last frame, from 1 on, that must bring the
	// close frame: not one byte later, not one earlier. untilEnd is the last
	// of all that is sent, 0 leaves it open.
	decides int
}

const untilEnd = -1

// maskToken stands for the token that fits the role.
const maskToken = "the role's"

// bytes returns what goes on the wire when the peer sends to role, and how
// many bytes of it bring the close frame (0: open).
func (r *frameRow) bytes(role frame.Role) (b []byte, at int) {
	for i, f := range r.send {
		f.Mask = role == frame.Server
		if i == len(r.send)-1 {
			f.Mask = f.Mask != r.wrongMask
			at = len(b) + r.decides
		}
		b = f.Append(b)
	}
	b = append(b, r.raw...)
	switch r.decides {
	case 0:
		at = 0
	case untilEnd:
		at = len(b)
	}
	return b, at
}

// check holds the answer and the application's view against the row.
func (r *frameRow) check(t *testing.T, role frame.Role, p *testpeer.Peer, got <-chan seen) {
	t.Helper()
	pong := ""
	f := p.ReadFrame()
	for ; f.Opcode == 10; f = p.ReadFrame() {
		pong = string(f.Payload)
	}
	if f.Opcode != 8 {
		t.Fatalf("wanted a close frame, got %v", f)
	}
	code, reason := 1005, ""
	if len(f.Payload) >= 2 {
		code, reason = int(f.Payload[0])<<8|int(f.Payload[1]), string(f.Payload[2:])
	}
	if code != r.code {
		t.Fatalf("the close frame has %d %q, want %d", code, reason, r.code)
	}
	if r.pong != "" && pong != r.pong {
		t.Errorf("the last pong has %q, want %q", pong, r.pong)
	}
	clean := r.token == ""
	if role == frame.Server || !clean {
		// A reset could have overtaken the close frame: bytes of ours that lie
		// unread in the other end's socket when it closes make one.
		if n, err := p.NetConn().Read(make([]byte, 1)); n > 0 || err != io.EOF {
			t.Errorf("behind the close frame came %d bytes and %v, want the plain end", n, err)
		}
		p.WantEOF("nothing follows a close frame")
	}
	ce := wait(t, got).wantEnd(t, frame.Code(r.code), r.got)
	if ce.Sent == nil || ce.Sent.Code != frame.Code(r.code) {
		t.Errorf("CloseError.Sent is %v", ce.Sent)
	}
	if clean {
		if ce.Err != nil || !ce.Remote || ce.Received == nil {
			t.Errorf("no clean end: %v", ce)
		}
		return
	}
	token := r.token
	if token == maskToken {
		token = map[frame.Role]string{frame.Server: "frame_mask_missing", frame.Client: "frame_mask_unexpected"}[role]
	}
	var fe *frame.Error
	if !errors.As(ce, &fe) || fe.Token != token {
		t.Errorf("the application was told %v, want a frame.Error with token %s", ce, token)
	}
	if reason == "" || ce.Remote || ce.Received != nil {
		t.Errorf("the close frame's reason is %q, the CloseError %+v", reason, ce)
	}
}

func TestHostileFramesGetTheRightCloseOnEveryPath(t *testing.T) {
	for _, v := range victims {
		t.Run(v.name, func(t *testing.T) {
			for i, r := range frameRows() {
				if v.sample && i%4 != 0 {
					continue
				}
				t.Run(r.name, func(t *testing.T) {
					p, got := v.open(t, &r.cfg)
					b, _ := r.bytes(v.role)
					p.WriteRaw(b) // an error would be the answer coming early
					r.check(t, v.role, p, got)
				})
			}
		})
	}
}

// The same, each byte alone. After each the end under test is given all the
// time that it wants, so that the byte which brings the close frame is known.
func TestHostileFramesByteByByteEndOnTheByteThatDecides(t *testing.T) {
	for _, role := range bothRoles {
		for _, r := range frameRows() {
			t.Run(fmt.Sprintf("%v/%s", role, r.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p, nc, got := memVictim(t, role, &r.cfg)
					b, at := r.bytes(role)
					sendSlowly(p, b, func(n int) {
						if at == 0 {
							return
						}
						if answered := nc.Buffered() > 0; answered != (n >= at) {
							t.Fatalf("after %d bytes: answered %v; byte %d of %d decides", n, answered, at, len(b))
						}
					})
					r.check(t, role, p, got)
				})
			})
		}
	}
}

// sendSlowly sends byte by byte and calls each after every one; the middle of
// something long goes in one piece.
func sendSlowly(p *testpeer.Peer, b []byte, each func(n int)) {
	const edge = 600 // more than a header and a control frame, and than one small read
	for i := 0; i < len(b); {
		n := 1
		if i == edge && len(b) > 3*edge {
			n = len(b) - 2*edge
		}
		p.WriteRaw(b[i : i+n])
		i += n
		synctest.Wait()
		each(i)
	}
}

// Every way to cut the bytes of a conversation in two gives the same result,
// headers with both extended lengths included.
func TestFramesSplitAtEveryByteAreTheSame(t *testing.T) {
	medium := all65536[:300]
	for _, r := range []frameRow{
		{name: "lengths in 7 and 16 bits", code: 1000, got: []string{"κόσμε", medium + "é"}, send: frames(
			textFrame("κόσμε"), pingFrame("p"), textStart(medium), pingFrame(""), lastFrame("é"), closeFrame(1000, "bye"))},
		{name: "a length in 64 bits", code: 1000, got: []string{all65536}, send: frames(textFrame(all65536), closeFrame(1000, ""))},
	} {
		for _, role := range bothRoles {
			t.Run(fmt.Sprintf("%s/%v", r.name, role), func(t *testing.T) {
				b, _ := r.bytes(role)
				for at := range b {
					if at > 350 && at < len(b)-20 && at%16411 != 0 {
						continue // the inside of the long payload, by samples
					}
					synctest.Test(t, func(t *testing.T) {
						p, _, got := memVictim(t, role, &r.cfg)
						p.WriteRaw(b[:at])
						synctest.Wait()
						p.WriteRaw(b[at:])
						r.check(t, role, p, got)
					})
					if t.Failed() {
						t.Fatalf("split before byte %d of %d", at, len(b))
					}
				}
			})
		}
	}
}

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

// frameRows is the table of frames.
func frameRows() []frameRow {
	var rows []frameRow
	for _, part := range [][]frameRow{
		validRows(), rsvRows(), opcodeRows(), maskRows(), lengthRows(), controlRows(),
		sequenceRows(), closeRows(), textRows(), limitRows(), afterCloseRows(), deflateRows(),
	} {
		rows = append(rows, part...)
	}
	return rows
}

// What looks odd and is right.
func validRows() []frameRow {
	end := closeFrame(1000, "")
	all := string(bytes.Repeat([]byte{0, 0xff, 0x80, 'a'}, 100))
	return []frameRow{
		{name: "empty text", send: frames(textFrame(""), end), code: 1000, got: []string{""}},
		{name: "empty binary", send: frames(binaryFrame(""), end), code: 1000, got: []string{""}},
		{name: "binary that is no UTF-8", send: frames(binaryFrame(all), end), code: 1000, got: []string{all}},
		{name: "125 bytes", send: frames(textFrame(all125), end), code: 1000, got: []string{all125}},
		{name: "126 bytes", send: frames(textFrame(all125+"x"), end), code: 1000, got: []string{all125 + "x"}},
		{name: "65535 bytes", send: frames(binaryFrame(all65536[1:]), end), code: 1000, got: []string{all65536[1:]}},
		{name: "65536 bytes", send: frames(binaryFrame(all65536), end), code: 1000, got: []string{all65536}},
		{name: "fragments, all empty", send: frames(textStart(""), moreFrame(""), lastFrame(""), end), code: 1000, got: []string{""}},
		{name: "fragments, some empty", send: frames(binaryStart(""), moreFrame("ab"), moreFrame(""), lastFrame("c"), end), code: 1000, got: []string{"abc"}},
		{name: "control frames between fragments", send: frames(textStart("a"), pingFrame("1"), pongFrame(""), moreFrame("b"), pingFrame("2"), lastFrame("c"), end),
			code: 1000, got: []string{"abc"}, pong: "2"},
		{name: "control frame inside a character", send: frames(textStart("a\xe2"), pingFrame("1"), moreFrame("\x82"), pongFrame("x"), lastFrame("\xac"), end),
			code: 1000, got: []string{"a€"}, pong: "1"},
		{name: "ping of 125 bytes", send: frames(pingFrame(all125), end), code: 1000, pong: all125},
		{name: "pongs that nobody asked for", send: frames(pongFrame(""), pongFrame(all125), textFrame("a"), end), code: 1000, got: []string{"a"}},
		{name: "two messages", send: frames(textFrame("a"), binaryFrame("b"), end), code: 1000, got: []string{"a", "b"}},
		{name: "a message cut off by close", send: frames(textStart("a"), end), code: 1000},
		{name: "text that is not UTF-8, unchecked", cfg: pushwire.Config{SkipUTF8: true}, send: frames(textFrame("\xff\xc0"), end), code: 1000, got: []string{"\xff\xc0"}},
	}
}

var (
	all125   = strings.Repeat("0123456789", 13)[:125]
	all65536 = strings.Repeat("0123456789abcdef", 1<<12)
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

var noLimits = pushwire.Config{MaxMessage: -1, MaxFragments: -1}

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

// RFC 6455, 5.4: fragments of one message follow each other, and nothing but
// control frames comes between.
func sequenceRows() (rows []frameRow) {
	for _, first := range []testpeer.Frame{textStart("a"), textStart(""), binaryStart("a")} {
		for _, second := range []testpeer.Frame{textFrame("b"), binaryFrame("b"), textStart("b"), binaryStart(""), textFrame("")} {
			rows = append(rows,
				frameRow{name: fmt.Sprintf("opcode %d of %d bytes inside a message of opcode %d of %d bytes, FIN %v", second.Opcode, len(second.Payload), first.Opcode, len(first.Payload), second.Fin),
					send: frames(first, second), code: 1002, token: "frame_data_interleaved", decides: 1})
		}
	}
	rows = append(rows, frameRow{name: "a message inside a message after a ping", send: frames(textStart("a"), moreFrame("b"), pingFrame("c"), textFrame("d")),
		code: 1002, token: "frame_data_interleaved", pong: "c"})
	for _, r := range []frameRow{
		{name: "at the start", send: frames(lastFrame("a"))},
		{name: "at the start, empty", send: frames(lastFrame(""))},
		{name: "at the start, with more to come", send: frames(moreFrame("a"))},
		{name: "after a whole message", send: frames(textFrame("a"), lastFrame("b")), got: []string{"a"}},
		{name: "after a message in fragments", send: frames(textStart("a"), lastFrame("b"), lastFrame("c")), got: []string{"ab"}},
		{name: "after a pong", send: frames(pongFrame("a"), lastFrame("b"))},
	} {
		r.name, r.code, r.token, r.decides = "continuation "+r.name, 1002, "frame_continuation_unexpected", 1
		rows = append(rows, r)
	}
	return rows
}

// RFC 6455, 5.5.1 and 7.4.
func closeRows() (rows []frameRow) {
	for _, b := range []string{"\x00", "\x03", "\xe8", "\xff"} {
		rows = append(rows, frameRow{name: fmt.Sprintf("close with the one byte %#x", b), send: frames(controlFrame(8, b)),
			code: 1002, token: "close_payload_too_short", decides: untilEnd})
	}
	for _, code := range []int{0, 1, 500, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 9999, 32768, 65535} {
		for _, reason := range []string{"", "why", "\xff"} {
			rows = append(rows, frameRow{name: fmt.Sprintf("close %d with reason %q", code, reason), send: frames(closeFrame(code, reason)),
				code: 1002, token: "close_code_invalid", decides: untilEnd})
		}
	}
	for _, bad := range []struct{ name, reason string }{
		{"is one bad byte", "\xff"},
		{"ends inside a character", "gr\xc3"},
		{"holds a surrogate", "a\xed\xa0\x80b"},
		{"holds an overlong form", "a\xc0\xafb"},
		{"goes beyond U+10FFFF", "\xf4\x90\x80\x80"},
		{"is bad after 122 bytes", all125[:122] + "\x80"},
		{"begins with half a character", "\x82\xac"},
		{"is bad behind many characters", strings.Repeat("é", 60) + "\xf0\x9f"},
	} {
		rows = append(rows, frameRow{name: "close whose reason " + bad.name, send: frames(closeFrame(1000, bad.reason)),
			code: 1007, token: "close_reason_not_utf8", decides: untilEnd})
	}
	rows = append(rows, frameRow{name: "close with nothing", send: frames(controlFrame(8, "")), code: 1005, decides: untilEnd})
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		for _, reason := range []string{"", "why", strings.Repeat("é", 61) + "!"} {
			rows = append(rows, frameRow{name: fmt.Sprintf("close %d with a reason of %d bytes", code, len(reason)),
				send: frames(textFrame("a"), closeFrame(code, reason)), code: code, got: []string{"a"}, decides: untilEnd})
		}
	}
	return rows
}

// RFC 6455, 8.1: text that is not UTF-8 fails the connection. It does as soon
// as the byte is there with which no text can go on: every frame here is
// declared longer than what is sent of it.
func textRows() (rows []frameRow) {
	const before = "κόσμε "
	for _, bad := range []struct{ name, open, last string }{
		{"a continuation byte alone", "", "\x80"},
		{"the last continuation byte alone", "", "\xbf"},
		{"the lead of an overlong form of 2 bytes", "", "\xc0"},
		{"the other lead of an overlong form of 2 bytes", "", "\xc1"},
		{"the lead of a 4-byte form beyond all planes", "", "\xf5"},
		{"the lead of a 5-byte form", "", "\xf8"},
		{"the byte FE", "", "\xfe"},
		{"the byte FF", "", "\xff"},
		{"an overlong form of 3 bytes", "\xe0", "\x80"},
		{"the longest overlong form of 3 bytes", "\xe0", "\x9f"},
		{"an overlong form of 4 bytes", "\xf0", "\x80"},
		{"the longest overlong form of 4 bytes", "\xf0", "\x8f"},
		{"the first surrogate", "\xed", "\xa0"},
		{"the last surrogate", "\xed", "\xbf"},
		{"the first number beyond U+10FFFF", "\xf4", "\x90"},
		{"2 bytes without their second", "\xc3", "("},
		{"3 bytes without their second", "\xe2", "("},
		{"3 bytes without their third", "\xe2\x82", "("},
		{"4 bytes without their fourth", "\xf0\x9f\x98", "("},
		{"a lead inside a character", "\xe2\x82", "\xc3"},
	} {
		ascii := strings.Repeat("0123456789", 200)
		for _, r := range []frameRow{
			{name: "in one frame", send: frames(withDeclared(100, textFrame(before+bad.open+bad.last)))},
			{name: "across fragments", send: frames(textStart(before+bad.open), moreFrame(""), withDeclared(100, moreFrame(bad.last)))},
			{name: "in a long frame", send: frames(withDeclared(9000, textFrame(ascii+before+bad.open+bad.last)))},
			{name: "after a ping", send: frames(textStart(before+bad.open), pingFrame("p"), withDeclared(70000, lastFrame(bad.last))), pong: "p"},
			{name: "in the second message", send: frames(textFrame("a"), withDeclared(50, textFrame(bad.open+bad.last))), got: []string{"a"}},
		} {
			r.name = "text with " + bad.name + " " + r.name
			r.code, r.token = 1007, "message_text_not_utf8"
			if r.pong == "" {
				r.decides = untilEnd
			}
			rows = append(rows, r)
		}
	}
	for _, open := range []string{"\xc3", "\xe2", "\xe2\x82", "\xf0", "\xf0\x9f", "\xf0\x9f\x98", "\xed\x9f"} {
		for _, r := range []frameRow{
			{name: "in one frame", send: frames(textFrame(before + open))},
			{name: "in a last fragment", send: frames(textStart(before), lastFrame(open))},
			{name: "before an empty last fragment", send: frames(textStart(before+open), lastFrame(""))},
			{name: "in a long frame", send: frames(textFrame(all65536[:3000] + open))},
		} {
			r.name = fmt.Sprintf("text that ends with %x %s", open, r.name)
			r.code, r.token, r.decides = 1007, "message_text_not_utf8", untilEnd
			rows = append(rows, r)
		}
	}
	return rows
}

// Limits hold when the header declares, before a byte of the payload came.
func limitRows() []frameRow {
	small := pushwire.Config{MaxMessage: 100, MaxFragments: 3}
	end := closeFrame(1000, "")
	const tooBig, tooMany = "message_too_big", "message_too_many_fragments"
	return []frameRow{
		{name: "at the limit in one frame", cfg: small, send: frames(textFrame(all125[:100]), end), code: 1000, got: []string{all125[:100]}},
		{name: "at both limits in fragments", cfg: small, send: frames(textStart(all125[:60]), moreFrame(""), lastFrame(all125[60:100]), end), code: 1000, got: []string{all125[:100]}},
		{name: "at the limits twice", cfg: small, send: frames(textStart(""), moreFrame(""), lastFrame(all125[:100]), binaryFrame(all125[:100]), end), code: 1000, got: []string{all125[:100], all125[:100]}},
		{name: "one byte over the limit in one frame", cfg: small, send: frames(withDeclared(101, textFrame(""))), code: 1009, token: tooBig, decides: untilEnd},
		{name: "one byte over the limit in two fragments", cfg: small, send: frames(textStart(all125[:60]), withDeclared(41, lastFrame(""))), code: 1009, token: tooBig, decides: untilEnd},
		{name: "one byte over the limit in three fragments", cfg: small, send: frames(binaryStart(all125[:60]), moreFrame(all125[:40]), withDeclared(1, moreFrame(""))), code: 1009, token: tooBig, decides: untilEnd},
		{name: "one fragment too many", cfg: small, send: frames(textStart("a"), moreFrame("b"), moreFrame("c"), lastFrame("")), code: 1009, token: tooMany, decides: untilEnd},
		{name: "the default limit and one byte", send: frames(withDeclared(1<<20+1, binaryFrame(""))), code: 1009, token: tooBig, decides: untilEnd},
		{name: "the largest length there is", send: frames(withDeclared(math.MaxInt64, textFrame(""))), code: 1009, token: tooBig, decides: untilEnd},
		{name: "2^32 and 1, which a 32-bit int would cut to 1", send: frames(withDeclared(1<<32+1, textFrame(""))), code: 1009, token: tooBig, decides: untilEnd},
		{name: "lengths whose sum overflows", send: frames(textStart("a"), withDeclared(math.MaxInt64, lastFrame(""))), code: 1009, token: tooBig, decides: untilEnd},
		{name: "lengths whose sum overflows, no limit", cfg: noLimits, send: frames(binaryStart("a"), withDeclared(math.MaxInt64, moreFrame(""))), code: 1009, token: tooBig, decides: untilEnd},
		{name: "lengths whose sum overflows in the third fragment, no limit", cfg: noLimits, send: frames(binaryStart(all65536), moreFrame("a"), withDeclared(math.MaxInt64-65536, moreFrame(""))), code: 1009, token: tooBig, decides: untilEnd},
		{name: "lengths whose sum overflows, the largest limit", cfg: pushwire.Config{MaxMessage: math.MaxInt64}, send: frames(textStart("a"), withDeclared(math.MaxInt64, lastFrame(""))), code: 1009, token: tooBig, decides: untilEnd},
	}
}

// What comes behind a close frame, or behind the frame that broke the rules,
// changes nothing: not the code that comes back, not what the application is
// told.
func afterCloseRows() (rows []frameRow) {
	for _, k := range []struct {
		name string
		raw  []byte
	}{
		{"zeros", make([]byte, 5000)},
		{"FF bytes", bytes.Repeat([]byte{0xff}, 5000)},
		{"half a header", []byte{0x81}},
		{"a masked text frame", []byte{0x81, 0x81, 0, 0, 0, 0, 'x'}},
		{"an unmasked text", []byte{0x81, 1, 'x'}},
		{"another close frame", []byte{0x88, 2, 0x03, 0xe9}},
		{"another, masked", []byte{0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9}},
		{"an HTTP request", []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")},
		{"100 KiB of something", noise(100 << 10)},
	} {
		rows = append(rows,
			frameRow{name: "close and " + k.name, send: frames(textFrame("a"), closeFrame(4001, "bye")), raw: k.raw, code: 4001, got: []string{"a"}},
			frameRow{name: "empty close and " + k.name, send: frames(controlFrame(8, "")), raw: k.raw, code: 1005},
			frameRow{name: "RSV and " + k.name, send: frames(withRSV(2, textFrame("a"))), raw: k.raw, code: 1002, token: "frame_rsv_unexpected"},
			frameRow{name: "bad close and " + k.name, send: frames(closeFrame(1006, "")), raw: k.raw, code: 1002, token: "close_code_invalid"},
			frameRow{name: "too long and " + k.name, send: frames(withDeclared(1<<40, textFrame(""))), raw: k.raw, code: 1009, token: "message_too_big"},
		)
	}
	return rows
}
