package eventstream

import (
	"bytes"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"time"
)

// trace is all that a stream says: its events, each with data of its own, and
// what the Decoder knows at the end.
type trace struct {
	Events []Event
	Last   string
	Retry  time.Duration // -1 if it was never set
	Err    error         // nil for io.EOF
}

// equal is cmp.Equal, a thousand times as fast.
func (t trace) equal(u trace) bool {
	return t.Last == u.Last && t.Retry == u.Retry && t.Err == u.Err &&
		slices.EqualFunc(t.Events, u.Events, func(a, b Event) bool {
			return a.ID == b.ID && a.Type == b.Type && a.Retry == b.Retry && bytes.Equal(a.Data, b.Data)
		})
}

// reference is section 9.2.6 of the HTML standard, sentence by sentence and
// with no thought for speed. It sees the whole input at once.
func reference(in []byte) trace {
	out := trace{Retry: -1}
	text := strings.TrimPrefix(decodeUTF8(in), "\uFEFF")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(text, "\n")
	var data, typ, id string
	var retry time.Duration
	for _, line := range lines[:len(lines)-1] { // the last has no end: the input ended before
		if line == "" {
			out.Last = id
			if data != "" {
				ev := Event{ID: id, Type: typ, Data: []byte(strings.TrimSuffix(data, "\n")), Retry: retry}
				if typ == "" {
					ev.Type = "message"
				}
				out.Events = append(out.Events, ev)
			}
			data, typ, retry = "", "", 0
			continue
		}
		field, value, colon := strings.Cut(line, ":")
		if colon && field == "" {
			continue
		}
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			typ = value
		case "data":
			data += value + "\n"
		case "id":
			if !strings.Contains(value, "\x00") {
				id = value
			}
		case "retry":
			if value != "" && strings.Trim(value, "0123456789") == "" {
				n, _ := new(big.Int).SetString(value, 10)
				if retry = time.Duration(maxRetry) * time.Millisecond; n.Cmp(big.NewInt(maxRetry)) < 0 {
					retry = time.Duration(n.Int64()) * time.Millisecond
				}
				out.Retry = retry
			}
		}
	}
	return out
}

// decodeUTF8 is the UTF-8 decoder of the WHATWG Encoding standard, section
// 8.1.1, with the error mode "replacement".
func decodeUTF8(in []byte) string {
	var out strings.Builder
	var point rune
	seen, needed, lower, upper := 0, 0, byte(0x80), byte(0xBF)
	for i := 0; i < len(in); i++ {
		c := in[i]
		if needed == 0 {
			switch {
			case c <= 0x7F:
				out.WriteByte(c)
			case c >= 0xC2 && c <= 0xDF:
				needed, point = 1, rune(c&0x1F)
			case c >= 0xE0 && c <= 0xEF:
				if c == 0xE0 {
					lower = 0xA0
				}
				if c == 0xED {
					upper = 0x9F
				}
				needed, point = 2, rune(c&0xF)
			case c >= 0xF0 && c <= 0xF4:
				if c == 0xF0 {
					lower = 0x90
				}
				if c == 0xF4 {
					upper = 0x8F
				}
				needed, point = 3, rune(c&0x7)
			default:
				out.WriteString("\uFFFD")
			}
			continue
		}
		inRange := c >= lower && c <= upper
		lower, upper = 0x80, 0xBF
		if !inRange {
			point, needed, seen = 0, 0, 0
			i-- // "Restore byte to ioQueue"
			out.WriteString("\uFFFD")
			continue
		}
		point = point<<6 | rune(c&0x3F)
		if seen++; seen == needed {
			out.WriteRune(point)
			point, needed, seen = 0, 0, 0
		}
	}
	if needed != 0 {
		out.WriteString("\uFFFD")
	}
	return out.String()
}

// run decodes all that d's reader gives. It checks on the way what always
// holds.
func run(tb interface{ Errorf(string, ...any) }, d *Decoder) trace {
	out := trace{Retry: -1}
	for {
		ev := Event{ID: "old", Type: "old", Data: []byte("old"), Retry: 1}
		err := d.Decode(&ev)
		out.Last = d.LastEventID()
		if t, ok := d.Retry(); ok {
			out.Retry = t
		}
		if err != nil {
			if ev.ID != "" || ev.Type != "" || ev.Data != nil || ev.Retry != 0 {
				tb.Errorf("an event beside the error %v: %+v", err, ev)
			}
			if !errors.Is(err, io.EOF) {
				out.Err = err
			}
			return out
		}
		if ev.ID != out.Last {
			tb.Errorf("event with ID %q, LastEventID %q", ev.ID, out.Last)
		}
		if ev.Data == nil || cap(ev.Data) != len(ev.Data) {
			tb.Errorf("data is nil or has room: %d of %d", len(ev.Data), cap(ev.Data))
		}
		ev.Data = bytes.Clone(ev.Data)
		if ev.Data == nil {
			ev.Data = []byte{}
		}
		out.Events = append(out.Events, ev)
	}
}
