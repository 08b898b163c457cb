package eventstream

import (
	"math"
	"strings"
	"time"
)

// field tells the fields of a line apart.
type field byte

const (
	fieldIgnored    field = iota // a comment, or a name that has no meaning
	fieldData                    // "data"
	fieldEvent                   // "event"
	fieldID                      // "id"
	fieldRetry                   // "retry"
	fieldUnknownYet              // the line is not complete, and may become any of these
)

// parseField finds the field of a line that is complete and not empty, and
// where its value begins.
//
// "Collect the characters on the line before the first U+003A COLON character
// (:), and let field be that string. Collect the characters on the line after
// the first U+003A COLON character (:), and let value be that string. If value
// starts with a U+0020 SPACE character, remove it from value." And without a
// colon: "using the whole line as the field name, and the empty string as the
// field value". Names are compared as they are, "with no case folding
// performed".
func parseField(line []byte) (f field, value int) {
	switch line[0] {
	case 'd':
		if len(line) > 4 {
			if string(line[:5]) != "data:" {
				return fieldIgnored, 0
			}
		} else if string(line) != "data" {
			return fieldIgnored, 0
		}
		f, value = fieldData, 5
	case 'e':
		if len(line) > 5 {
			if string(line[:6]) != "event:" {
				return fieldIgnored, 0
			}
		} else if string(line) != "event" {
			return fieldIgnored, 0
		}
		f, value = fieldEvent, 6
	case 'i':
		if len(line) > 2 {
			if string(line[:3]) != "id:" {
				return fieldIgnored, 0
			}
		} else if string(line) != "id" {
			return fieldIgnored, 0
		}
		f, value = fieldID, 3
	case 'r':
		if len(line) > 5 {
			if string(line[:6]) != "retry:" {
				return fieldIgnored, 0
			}
		} else if string(line) != "retry" {
			return fieldIgnored, 0
		}
		f, value = fieldRetry, 6
	default:
		return fieldIgnored, 0
	}
	if value >= len(line) {
		return f, len(line)
	}
	if line[value] == ' ' {
		value++
	}
	return f, value
}

// parseBeginning is parseField for a line whose end did not come yet.
func parseBeginning(line []byte) (f field, value int) {
	if len(line) < len("event:") {
		s := string(line)
		if strings.HasPrefix("data:", s) && s != "data:" || strings.HasPrefix("event:", s) ||
			strings.HasPrefix("id:", s) && s != "id:" || strings.HasPrefix("retry:", s) {
			return fieldUnknownYet, 0
		}
	}
	return parseField(line)
}

// maxRetry is the longest reconnection time: 292 years.
const maxRetry = math.MaxInt64 / int64(time.Millisecond)

// parseRetry: "If the field value consists of only ASCII digits, then
// interpret the field value as an integer in base ten, and set the event
// stream's reconnection time to that integer." Any number of digits is taken;
// what is longer than maxRetry is maxRetry. No digit at all is no number.
func parseRetry(value []byte) (t time.Duration, ok bool) {
	if len(value) == 0 {
		return 0, false
	}
	var ms int64
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		if ms = ms*10 + int64(c-'0'); ms > maxRetry {
			ms = maxRetry // times ten is still an int64
		}
	}
	return time.Duration(ms) * time.Millisecond, true
}
