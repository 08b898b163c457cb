package eventstream

import (
	"strings"
	"time"
)

// A vector is a stream and what it means. Bytes stand as they are on the wire.
type vector struct {
	why  string
	in   string
	want []Event
	last string        // LastEventID at the end
	time time.Duration // Retry at the end; 0 if it is never set, zero if it is set to 0
}

// zero is the reconnection time 0 in a vector.
const zero = -1

// m are events of type message without ID.
func m(data ...string) (all []Event) {
	for _, s := range data {
		all = append(all, Event{Type: "message", Data: []byte(s)})
	}
	return all
}

// e is one event of a type.
func e(typ, data string) []Event { return []Event{{Type: typ, Data: []byte(data)}} }

// w are events of type message with an ID: id, data, id, data ...
func w(pairs ...string) (all []Event) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, Event{ID: pairs[i], Type: "message", Data: []byte(pairs[i+1])})
	}
	return all
}

const ms = time.Millisecond

// vectors are made from the sentences of the HTML standard, section 9.2.
var vectors = []vector{
	// Line ends.
	{why: "LF", in: "data: a\n\n", want: m("a")},
	{why: "CR", in: "data: a\r\r", want: m("a")},
	{why: "CR LF", in: "data: a\r\n\r\n", want: m("a")},
	{why: "LF, then CR", in: "data: a\n\r", want: m("a")},
	{why: "CR, then LF CR: the LF belongs to the first CR", in: "data: a\r\n\r", want: m("a")},
	{why: "CR LF, then LF", in: "data: a\r\n\n", want: m("a")},
	{why: "LF, then CR LF", in: "data: a\n\r\n", want: m("a")},
	{why: "CR LF alone is one line end", in: "data: a\r\ndata: b\r\n\r\n", want: m("a\nb")},
	{why: "CR CR LF is two line ends", in: "data: a\r\r\ndata: b\r\r\n", want: m("a", "b")},
	{why: "LF CR is two line ends", in: "data: a\n\rdata: b\n\r", want: m("a", "b")},
	{why: "LF CR LF is two line ends", in: "data: a\n\r\ndata: b\n\r\n", want: m("a", "b")},
	{why: "a stream of all three", in: "data: a\rdata: b\ndata: c\r\n\r\ndata: d\n\n", want: m("a\nb\nc", "d")},
	{why: "CR far before the next LF", in: "data: a\rdata: b\rdata: c\r\rid: 1\n", want: m("a\nb\nc")},
	{why: "LF in front of a CR far away", in: "data: a\n\ndata: b\n\ndata: c\r\r", want: m("a", "b", "c")},
	{why: "CR LF at the beginning", in: "\r\ndata: a\r\n\r\n", want: m("a")},
	{why: "many empty lines", in: "\n\n\r\r\r\n\r\ndata: a\n\n\n\n\r\n\r", want: m("a")},
	{why: "vertical tab does not end a line", in: "data: a\vdata: b\n\n", want: m("a\vdata: b")},
	{why: "form feed does not end a line", in: "data: a\fdata: b\n\n", want: m("a\fdata: b")},
	{why: "U+0085 does not end a line", in: "data: a\u0085data: b\n\n", want: m("a\u0085data: b")},
	{why: "U+2028 does not end a line", in: "data: a\u2028data: b\n\n", want: m("a\u2028data: b")},
	{why: "U+2029 does not end a line", in: "data: a\u2029data: b\n\n", want: m("a\u2029data: b")},
	{why: "record separators do not end a line", in: "data: a\x1cb\x1dc\x1ed\n\n", want: m("a\x1cb\x1dc\x1ed")},
	{why: "NUL does not end a line", in: "data: a\x00b\n\n", want: m("a\x00b")},
	{why: "backslash n is text", in: `data: a\nb` + "\n\n", want: m(`a\nb`)},

	// The byte order mark.
	{why: "one at the beginning is stripped", in: "\xEF\xBB\xBFdata: a\n\n", want: m("a")},
	{why: "only one is stripped", in: "\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\ndata: b\n\n", want: m("b")},
	{why: "before a comment", in: "\xEF\xBB\xBF: hello\ndata: a\n\n", want: m("a")},
	{why: "before an empty line", in: "\xEF\xBB\xBF\n\ndata: a\n\n", want: m("a")},
	{why: "before CR LF", in: "\xEF\xBB\xBF\r\ndata: a\r\n\r\n", want: m("a")},
	{why: "before an id", in: "\xEF\xBB\xBFid: 1\ndata: a\n\n", want: w("1", "a"), last: "1"},
	{why: "not at the beginning: part of the name", in: "\n\xEF\xBB\xBFdata: a\n\n"},
	{why: "in the second block: part of the name", in: "data: a\n\n\xEF\xBB\xBFdata: b\n\n", want: m("a")},
	{why: "in a value it is data", in: "data: \uFEFFa\uFEFF\n\n", want: m("\uFEFFa\uFEFF")},
	{why: "after the space of the first value", in: "data:\uFEFF a\n\n", want: m("\uFEFF a")},
	{why: "half of one: bad bytes before the name", in: "\xEF\xBBdata: a\n\ndata: b\n\n", want: m("b")},
	{why: "a third of one", in: "\xEF\ndata: a\n\n", want: m("a")},
	{why: "half of one, then a line end", in: "\xEF\xBB\ndata: a\n\n", want: m("a")},
	{why: "another character that begins like it", in: "\xEF\xBB\xBEdata: a\n\ndata: b\n\n", want: m("b")},
	{why: "of UTF-16, which is not spoken here", in: "\xFF\xFEdata: a\n\ndata: b\n\n", want: m("b")},
	{why: "nothing but the mark", in: "\xEF\xBB\xBF"},
	{why: "mark and data without a name", in: "\xEF\xBB\xBFdata\n\n", want: m("")},

	// Field and value.
	{why: "no space", in: "data:a\n\n", want: m("a")},
	{why: "one space is removed", in: "data: a\n\n", want: m("a")},
	{why: "of two spaces one stays", in: "data:  a\n\n", want: m(" a")},
	{why: "a tab stays", in: "data:\ta\n\n", want: m("\ta")},
	{why: "space and tab: the space goes", in: "data: \ta\n\n", want: m("\ta")},
	{why: "a no-break space stays", in: "data:\u00A0a\n\n", want: m("\u00A0a")},
	{why: "spaces at the end stay", in: "data: a  \n\n", want: m("a  ")},
	{why: "the first colon divides", in: "data: a:b:c\n\n", want: m("a:b:c")},
	{why: "a colon as the value", in: "data::\n\n", want: m(":")},
	{why: "space and colon", in: "data: :\n\n", want: m(":")},
	{why: "only a space", in: "data: \n\n", want: m("")},
	{why: "only two spaces", in: "data:  \n\n", want: m(" ")},
	{why: "a space before the colon is of the name", in: "data : a\n\n"},
	{why: "a space before the name is of the name", in: " data: a\n\n"},
	{why: "a tab before the name is of the name", in: "\tdata: a\n\n"},
	{why: "upper case is another name", in: "DATA: a\nData: b\ndatA: c\n\n"},
	{why: "upper case of the others", in: "ID: 1\nEVENT: x\nRETRY: 5\ndata: a\n\n", want: m("a")},
	{why: "a longer name", in: "data2: a\ndatas: b\nidx: 1\nevents: x\nretryy: 5\n\n"},
	{why: "a shorter name", in: "dat: a\nd: b\ni: 1\neven: x\nretr: 5\n\n"},
	{why: "a shorter name without a colon", in: "dat\nd\ni\neven\nretr\n\n"},
	{why: "a longer name without a colon", in: "datax\nidx\neventx\nretryx\n\n"},
	{why: "an unknown field between data", in: "data: a\nfoo: b\ndata: c\n\n", want: m("a\nc")},
	{why: "an unknown name without a colon", in: "data: a\nfoo\ndata: c\n\n", want: m("a\nc")},
	{why: "NUL in a name", in: "da\x00ta: a\n\n"},
	{why: "NUL behind a name", in: "data\x00: a\n\n"},
	{why: "a fullwidth colon is no colon", in: "data\uFF1A a\n\n"},
	{why: "json", in: `data: {"a": [1, 2], "b": "c:d"}` + "\n\n", want: m(`{"a": [1, 2], "b": "c:d"}`)},

	// Comments.
	{why: "a comment", in: ": hello\n\n"},
	{why: "an empty comment", in: ":\n\n"},
	{why: "a comment that looks like a field", in: ":data: a\n\n"},
	{why: "a comment before data", in: ":x\ndata: a\n\n", want: m("a")},
	{why: "a comment between data", in: "data: a\n:x\ndata: b\n\n", want: m("a\nb")},
	{why: "a comment after data", in: "data: a\n:x\n\n", want: m("a")},
	{why: "a comment does not end a block", in: "data: a\n:\n:\n\n", want: m("a")},
	{why: "a comment ends in CR", in: ":x\rdata: a\r\r", want: m("a")},
	{why: "a comment with bad UTF-8", in: ":\xff\xfe\ndata: a\n\n", want: m("a")},
	{why: "a long comment", in: ":" + strings.Repeat("c", 9000) + "\ndata: a\n\n", want: m("a")},

	// Data.
	{why: "two lines", in: "data: a\ndata: b\n\n", want: m("a\nb")},
	{why: "three lines, one empty", in: "data: a\ndata:\ndata: b\n\n", want: m("a\n\nb")},
	{why: "an empty line at the end", in: "data: a\ndata\n\n", want: m("a\n")},
	{why: "an empty line at the beginning", in: "data\ndata: a\n\n", want: m("\na")},
	{why: "only one LF is dropped", in: "data: a\ndata:\ndata:\n\n", want: m("a\n\n")},
	{why: "data without a colon fires an empty event", in: "data\n\n", want: m("")},
	{why: "data with nothing fires an empty event", in: "data:\n\n", want: m("")},
	{why: "two of them are one LF", in: "data\ndata\n\n", want: m("\n")},
	{why: "three of them are two LF", in: "data\ndata:\ndata: \n\n", want: m("\n\n")},
	{why: "data behind other fields", in: "id\nevent\ndata: a\n\n", want: m("a")},
	{why: "other fields between data", in: "data: a\nevent: x\ndata: b\nid: 1\ndata: c\n\n", want: []Event{{ID: "1", Type: "x", Data: []byte("a\nb\nc")}}, last: "1"},
	{why: "blocks follow each other", in: "data: a\n\ndata: b\n\ndata: c\n\n", want: m("a", "b", "c")},
	{why: "nothing is left of the block before", in: "data: long long long\n\ndata\ndata: b\n\n", want: m("long long long", "\nb")},
	{why: "a line of 70,000 bytes", in: "data: " + strings.Repeat("x", 70_000) + "\n\n", want: m(strings.Repeat("x", 70_000))},
	{why: "3,000 short lines", in: strings.Repeat("data: y\n", 3000) + "\n", want: m(strings.TrimSuffix(strings.Repeat("y\n", 3000), "\n"))},
	{why: "2,000 empty lines of data", in: strings.Repeat("data\n", 2000) + "\n", want: m(strings.Repeat("\n", 1999))},

	// Types.
	{why: "a type", in: "event: x\ndata: a\n\n", want: e("x", "a")},
	{why: "a type behind the data", in: "data: a\nevent: x\n\n", want: e("x", "a")},
	{why: "the last type counts", in: "event: x\nevent: y\ndata: a\n\n", want: e("y", "a")},
	{why: "an empty type takes the one before away", in: "event: x\nevent:\ndata: a\n\n", want: m("a")},
	{why: "without a colon, too", in: "event: x\nevent\ndata: a\n\n", want: m("a")},
	{why: "only for its block", in: "event: x\ndata: a\n\ndata: b\n\n", want: append(e("x", "a"), m("b")...)},
	{why: "forgotten with a block that fires nothing", in: "event: x\n\ndata: a\n\n", want: m("a")},
	{why: "a type that says message", in: "event: message\ndata: a\n\n", want: m("a")},
	{why: "a type with spaces", in: "event:  x y \ndata: a\n\n", want: e(" x y ", "a")},
	{why: "a type with a colon", in: "event: a:b\ndata: a\n\n", want: e("a:b", "a")},
	{why: "a type in other letters", in: "event: тип\ndata: a\n\n", want: e("тип", "a")},
	{why: "a type with NUL", in: "event: a\x00b\ndata: a\n\n", want: e("a\x00b", "a")},
	{why: "a type with bad UTF-8", in: "event: a\xffb\ndata: a\n\n", want: e("a\uFFFDb", "a")},
	{why: "a type of 300 bytes", in: "event: " + strings.Repeat("t", 300) + "\ndata: a\n\n", want: e(strings.Repeat("t", 300), "a")},

	// IDs.
	{why: "an id", in: "id: 1\ndata: a\n\n", want: w("1", "a"), last: "1"},
	{why: "an id behind the data", in: "data: a\nid: 1\n\n", want: w("1", "a"), last: "1"},
	{why: "it stays", in: "id: 1\ndata: a\n\ndata: b\n\n", want: w("1", "a", "1", "b"), last: "1"},
	{why: "the last one counts", in: "id: 1\nid: 2\ndata: a\n\n", want: w("2", "a"), last: "2"},
	{why: "an empty one resets it", in: "id: 1\ndata: a\n\nid:\ndata: b\n\n", want: w("1", "a", "", "b")},
	{why: "without a colon, too", in: "id: 1\ndata: a\n\nid\ndata: b\n\n", want: w("1", "a", "", "b")},
	{why: "with a space only, too", in: "id: 1\ndata: a\n\nid: \ndata: b\n\n", want: w("1", "a", "", "b")},
	{why: "alone: no event, and it is set", in: "id: 1\n\n", last: "1"},
	{why: "alone, then data", in: "id: 1\n\ndata: a\n\n", want: w("1", "a"), last: "1"},
	{why: "a block that only resets it", in: "id: 1\n\nid\n\ndata: a\n\n", want: w("", "a")},
	{why: "with NUL it is ignored", in: "id: a\x00b\ndata: a\n\n", want: m("a")},
	{why: "NUL alone does not reset it", in: "id: 1\ndata: a\n\nid: \x00\ndata: b\n\n", want: w("1", "a", "1", "b"), last: "1"},
	{why: "NUL leaves the id before it in the block", in: "id: 1\nid: 2\x00\ndata: a\n\n", want: w("1", "a"), last: "1"},
	{why: "spaces belong to it", in: "id:  1 \ndata: a\n\n", want: w(" 1 ", "a"), last: " 1 "},
	{why: "control characters belong to it", in: "id: 1\x01\t2\ndata: a\n\n", want: w("1\x01\t2", "a"), last: "1\x01\t2"},
	{why: "other letters", in: "id: é…\ndata: a\n\n", want: w("é…", "a"), last: "é…"},
	{why: "bad UTF-8", in: "id: \xC3\ndata: a\n\n", want: w("\uFFFD", "a"), last: "\uFFFD"},
	{why: "a colon", in: "id: a:b\ndata: a\n\n", want: w("a:b", "a"), last: "a:b"},
	{why: "an unfinished block does not set it", in: "id: 1\ndata: a\n\nid: 2\ndata: b\n", want: w("1", "a"), last: "1"},
	{why: "an unfinished block with an id alone", in: "id: 1\n"},
	{why: "an id of 1,000 bytes", in: "id: " + strings.Repeat("9", 1000) + "\ndata: a\n\n", want: w(strings.Repeat("9", 1000), "a"), last: strings.Repeat("9", 1000)},

	// The reconnection time.
	{why: "retry", in: "retry: 1500\n\n", time: 1500 * ms},
	{why: "at once, without an empty line", in: "retry: 1500\n", time: 1500 * ms},
	{why: "without an end of its line it does not count", in: "retry: 1500"},
	{why: "with CR", in: "retry: 1500\r", time: 1500 * ms},
	{why: "no space", in: "retry:7\n", time: 7 * ms},
	{why: "zero", in: "retry: 0\n", time: zero},
	{why: "zeros before it", in: "retry: 000000000000000000000000000012\n", time: 12 * ms},
	{why: "the last one counts", in: "retry: 1\nretry: 2\n\n", time: 2 * ms},
	{why: "an invalid one does not take it away", in: "retry: 1\nretry: x\nretry:\nretry\n\n", time: 1 * ms},
	{why: "a sign", in: "retry: +5\nretry: -5\n\n"},
	{why: "a fraction", in: "retry: 1.5\n\n"},
	{why: "an exponent", in: "retry: 1e3\n\n"},
	{why: "hexadecimal", in: "retry: 0x10\n\n"},
	{why: "a second space", in: "retry:  5\n\n"},
	{why: "a space behind", in: "retry: 5 \n\n"},
	{why: "a tab", in: "retry:\t5\n\n"},
	{why: "an underscore", in: "retry: 1_000\n\n"},
	{why: "a unit", in: "retry: 5ms\n\n"},
	{why: "digits of another script", in: "retry: ١٢\n\n"},
	{why: "fullwidth digits", in: "retry: １２\n\n"},
	{why: "NUL", in: "retry: 5\x00\n\n"},
	{why: "a bad byte", in: "retry: 5\xff\n\n"},
	{why: "no value", in: "retry:\n\n"},
	{why: "no colon", in: "retry\n\n"},
	{why: "the longest that fits", in: "retry: 9223372036854\n", time: 9223372036854 * ms},
	{why: "one more", in: "retry: 9223372036855\n", time: 9223372036854 * ms},
	{why: "above 32 bits", in: "retry: 4294967297\n", time: 4294967297 * ms},
	{why: "above 64 bits", in: "retry: 18446744073709551617\n", time: 9223372036854 * ms},
	{why: "a thousand digits", in: "retry: " + strings.Repeat("9", 1000) + "\n", time: 9223372036854 * ms},
	{why: "with data", in: "retry: 5\ndata: a\n\ndata: b\n\n", want: []Event{{Type: "message", Data: []byte("a"), Retry: 5 * ms}, m("b")[0]}, time: 5 * ms},
	{why: "of a block without data", in: "retry: 5\n\ndata: b\n\n", want: m("b"), time: 5 * ms},

	// The end of the input.
	{why: "nothing"},
	{why: "one LF", in: "\n"},
	{why: "an unfinished line", in: "data: a"},
	{why: "an unfinished block", in: "data: a\n"},
	{why: "behind an event", in: "data: a\n\ndata: b", want: m("a")},
	{why: "an unfinished block behind an event", in: "data: a\n\ndata: b\n", want: m("a")},
	{why: "with CR", in: "data: a\r"},
	{why: "an unfinished comment", in: "data: a\n\n: x", want: m("a")},
	{why: "a name", in: "data"},
	{why: "a part of a name", in: "da"},

	// Bad UTF-8, by the longest beginning of a valid sequence.
	{why: "a byte that is nowhere", in: "data: a\xffb\n\n", want: m("a\uFFFDb")},
	{why: "a lone continuation", in: "data: a\x80b\n\n", want: m("a\uFFFDb")},
	{why: "two continuations are two", in: "data: \x80\xBF\n\n", want: m("\uFFFD\uFFFD")},
	{why: "half of two", in: "data: \xC3(\n\n", want: m("\uFFFD(")},
	{why: "one of three", in: "data: \xE2z\n\n", want: m("\uFFFDz")},
	{why: "two of three are one", in: "data: \xE2\x82z\n\n", want: m("\uFFFDz")},
	{why: "two of four are one", in: "data: \xF0\x9Fz\n\n", want: m("\uFFFDz")},
	{why: "three of four are one", in: "data: \xF0\x9F\x98z\n\n", want: m("\uFFFDz")},
	{why: "cut off by the line end", in: "data: \xF0\x9F\x98\ndata: \x80\n\n", want: m("\uFFFD\n\uFFFD")},
	{why: "cut off by CR", in: "data: \xE2\x82\r\r", want: m("\uFFFD")},
	{why: "an overlong slash", in: "data: \xC0\xAF\n\n", want: m("\uFFFD\uFFFD")},
	{why: "an overlong form of three", in: "data: \xE0\x80\xAF\n\n", want: m("\uFFFD\uFFFD\uFFFD")},
	{why: "an overlong form of four", in: "data: \xF0\x80\x80\xAF\n\n", want: m("\uFFFD\uFFFD\uFFFD\uFFFD")},
	{why: "a surrogate", in: "data: \xED\xA0\x80\n\n", want: m("\uFFFD\uFFFD\uFFFD")},
	{why: "above U+10FFFF", in: "data: \xF4\x90\x80\x80\n\n", want: m("\uFFFD\uFFFD\uFFFD\uFFFD")},
	{why: "F5 to FF are nothing", in: "data: \xF5\x80\xFE\n\n", want: m("\uFFFD\uFFFD\uFFFD")},
	{why: "a sequence cut by another", in: "data: \xE2\x82\xE2\x82\xAC\n\n", want: m("\uFFFD€")},
	{why: "the example of Unicode, table 3-8", in: "data: \xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41\n\n", want: m("\uFFFD\uFFFD\uFFFD\uFFFDA")},
	{why: "the last valid ones of each length", in: "data: \u007F\u07FF\uD7FF\uE000\uFFFF\U0010FFFF\n\n", want: m("\u007F\u07FF\uD7FF\uE000\uFFFF\U0010FFFF")},
	{why: "a replacement character that was sent", in: "data: \uFFFD\n\n", want: m("\uFFFD")},
	{why: "in the second line", in: "data: a\ndata: \xff\ndata: c\n\n", want: m("a\n\uFFFD\nc")},
	{why: "in the first line", in: "data: \xff\ndata: b\ndata: \xfe\n\n", want: m("\uFFFD\nb\n\uFFFD")},
	{why: "behind an empty line", in: "data\ndata: \xff\n\n", want: m("\n\uFFFD")},
	{why: "the next event is in place again", in: "data: \xff\n\ndata: a\ndata: b\n\n", want: m("\uFFFD", "a\nb")},
	{why: "in a name: no field", in: "da\xffta: a\n\n"},
	{why: "a line that grows to three times", in: "data: " + strings.Repeat("\xff", 5000) + "\n\n", want: m(strings.Repeat("\uFFFD", 5000))},
	{why: "text in four languages", in: "data: grüße, привет, 你好, 👋🏽\n\n", want: m("grüße, привет, 你好, 👋🏽")},
}
