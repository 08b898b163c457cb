package eventstream

import (
	"slices"
	"strconv"
	"time"
)

// Append appends ev as one block to dst. Data may hold line ends of any kind
// (CR, LF, CR LF): each line becomes a data line of its own, and a reader
// joins them by LF. Spaces at the beginning and line ends at the end arrive.
// Bytes that are not UTF-8 are written as they are; every reader makes U+FFFD
// of them. ev is not retained.
//
// A block without a data line fires nothing at the reader. So one is written
// even for empty Data, with one exception: where Data is nil, Type is empty,
// and ID or Retry is set, the block is for those alone. An empty ID writes no
// id; the line that makes a reader forget its ID is "id\n\n", by hand.
//
// The error is a [*FieldError], and dst is returned as it was: for CR, LF or
// NUL in ID or Type, and for a Retry below 0. A part of a millisecond in Retry
// is rounded up.
func Append(dst []byte, ev Event) ([]byte, error) {
	if ev.ID != "" {
		if err := check("id", ev.ID); err != nil {
			return dst, err
		}
	}
	if ev.Type != "" {
		if err := check("event", ev.Type); err != nil {
			return dst, err
		}
	}
	if ev.Retry < 0 {
		return dst, &FieldError{Field: "retry", Byte: '-'}
	}
	if ev.ID != "" {
		dst = appendField(dst, "id: ", ev.ID)
	}
	if ev.Type != "" && ev.Type != MessageType {
		dst = appendField(dst, "event: ", ev.Type)
	}
	if ev.Retry > 0 {
		ms := int64(ev.Retry / time.Millisecond)
		if ev.Retry%time.Millisecond > 0 {
			ms++
		}
		dst = append(dst, "retry: "...)
		dst = strconv.AppendInt(dst, ms, 10)
		dst = append(dst, '\n')
	}
	if ev.Data != nil || ev.Type != "" || ev.ID == "" && ev.Retry == 0 {
		dst = appendLines(dst, "data: ", ev.Data)
	}
	return append(dst, '\n'), nil
}

// AppendComment appends text to dst as a comment, which readers ignore: a
// line for each line of it. It may stand anywhere between blocks and also
// between the lines of one.
func AppendComment(dst []byte, text string) []byte {
	return appendLines(dst, ": ", text)
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, value...)
	return append(dst, '\n')
}

// check finds what must not stand in a value of one line. LF and CR would end
// the line, so that the rest of the value becomes a field of its own; an id
// with NUL is ignored by readers.
func check(field, value string) error {
	for i := range len(value) {
		if c := value[i]; c <= '\r' && (c == '\r' || c == '\n' || c == 0) {
			return &FieldError{Field: field, At: i, Byte: c}
		}
	}
	return nil
}

// appendLines appends each line of text, with name before and LF behind it.
// What follows the last line end is a line too, though it be empty: that is
// how a line end at the end of the data survives.
func appendLines[T string | []byte](dst []byte, name string, text T) []byte {
	lf := indexByte(text, '\n')
	cr := indexByte(text, '\r')
	if lf < 0 && cr < 0 {
		dst = append(dst, name...)
		dst = append(dst, text...)
		return append(dst, '\n')
	}
	lines := 1 + countByte(text, '\n')
	if cr >= 0 {
		lines += countByte(text, '\r') // a CR LF counts twice, which is room too much
	} else {
		cr = len(text)
	}
	dst = slices.Grow(dst, len(text)+lines*(len(name)+1))
	// cr is the first CR at or behind the rest, or the end, so that a text
	// that has none is searched for it once, and not in each line.
	for i := 0; ; {
		end, next := cr, cr+1
		if lf := indexByte(text[i:cr], '\n'); lf >= 0 {
			end, next = i+lf, i+lf+1
		}
		dst = append(dst, name...)
		dst = append(dst, text[i:end]...)
		dst = append(dst, '\n')
		if end == len(text) {
			return dst
		}
		if end == cr {
			if next < len(text) && text[next] == '\n' {
				next++
			}
			cr = len(text)
			if j := indexByte(text[next:], '\r'); j >= 0 {
				cr = next + j
			}
		}
		i = next
	}
}
