package pushwire_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/internal/testpeer"
)

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

var noLimits = pushwire.Config{MaxMessage: -1, MaxFragments: -1}

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
