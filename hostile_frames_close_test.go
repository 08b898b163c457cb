package pushwire_test

import (
	"bytes"
	"fmt"
	"strings"
)

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
