package eventstream

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
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
	if ev.ID != "" || ev.Type != "" || ev.Retry != 0 {
		if err := check(&ev); err != nil {
			return dst, err
		}
		dst = slices.Grow(dst, len(ev.ID)+len(ev.Type)+len(ev.Data)+maxNames)
		if ev.ID != "" {
			dst = append(dst, "id: "...)
			dst = append(dst, ev.ID...)
			dst = append(dst, '\n')
		}
		if ev.Type != "" && ev.Type != MessageType {
			dst = append(dst, "event: "...)
			dst = append(dst, ev.Type...)
			dst = append(dst, '\n')
		}
		if ev.Retry > 0 {
			ms := int64((ev.Retry-1)/time.Millisecond) + 1
			dst = append(dst, "retry: "...)
			dst = strconv.AppendInt(dst, ms, 10)
			dst = append(dst, '\n')
		}
		if ev.Data == nil && ev.Type == "" {
			return append(dst, '\n'), nil
		}
	}
	return appendData(dst, ev.Data), nil
}

// maxNames is what an event of one line has besides its values, at most.
const maxNames = len("id: \nevent: \nretry: 9223372036855\ndata: \n\n")

// check finds what must not be written.
func check(ev *Event) error {
	if i := breaks(ev.ID); i >= 0 {
		return &FieldError{Field: "id", At: i, Byte: ev.ID[i]}
	}
	if i := breaks(ev.Type); i >= 0 {
		return &FieldError{Field: "event", At: i, Byte: ev.Type[i]}
	}
	if ev.Retry < 0 {
		return &FieldError{Field: "retry", Byte: '-'}
	}
	return nil
}

// breaks returns the index of the first byte that can't stand in a value of
// one line, or -1. LF and CR would end the line, so that the rest became a
// field of its own; an id with NUL is ignored by readers.
func breaks(value string) int {
	for i := range len(value) {
		if c := value[i]; c <= '\r' && (c == '\r' || c == '\n' || c == 0) {
			return i
		}
	}
	return -1
}

// appendData appends each line of data as a field, and the empty line.
func appendData(dst, data []byte) []byte {
	l := lines{text: data, cr: bytes.IndexByte(data, '\r')}
	if l.cr < 0 {
		l.cr = len(data)
		if bytes.IndexByte(data, '\n') < 0 {
			dst = slices.Grow(dst, len(data)+len("data: \n\n"))
			dst = append(dst, "data: "...)
			dst = append(dst, data...)
			return append(dst, "\n\n"...)
		}
	}
	n := len(dst)
	dst = slices.Grow(dst, len(data)+l.max()*len("data: \n")+1)
	buf := dst[:cap(dst)] // appending costs three checks a line, this one
	for more := true; more; {
		var line []byte
		line, more = l.next()
		p := buf[n : n+len("data: \n")+len(line)]
		copy(p, "data: ")
		copy(p[len("data: "):], line)
		p[len(p)-1] = '\n'
		n += len(p)
	}
	buf[n] = '\n'
	return buf[:n+1]
}

// AppendComment appends text to dst as a comment, which readers ignore: a
// line for each line of it. It may stand anywhere between blocks and also
// between the lines of one.
func AppendComment(dst []byte, text string) []byte {
	for {
		line, rest, more := text, "", false
		if i := strings.IndexAny(text, "\r\n"); i >= 0 {
			line, rest, more = text[:i], text[i+1:], true
			if text[i] == '\r' && rest != "" && rest[0] == '\n' {
				rest = rest[1:]
			}
		}
		dst = append(dst, ": "...)
		dst = append(dst, line...)
		dst = append(dst, '\n')
		if !more {
			return dst
		}
		text = rest
	}
}

// lines cuts a text at its line ends. What follows the last of them is a line
// too, though it be empty: that is how a line end at the end of data arrives.
type lines struct {
	text []byte
	at   int
	cr   int // the first CR at or behind at, or len(text), so that a text without is searched once
}

// max is how many lines there are at most: it counts a CR LF twice.
func (l *lines) max() int {
	n := 1 + bytes.Count(l.text, []byte{'\n'})
	if l.cr < len(l.text) {
		n += bytes.Count(l.text, []byte{'\r'})
	}
	return n
}

// next returns the next line, and whether there are more.
func (l *lines) next() (line []byte, more bool) {
	at := l.at
	if n := bytes.IndexByte(l.text[at:l.cr], '\n'); n >= 0 {
		l.at += n + 1
		return l.text[at : at+n], true
	}
	line = l.text[at:l.cr]
	if l.cr == len(l.text) {
		return line, false
	}
	l.at = l.cr + 1
	if l.at < len(l.text) && l.text[l.at] == '\n' {
		l.at++
	}
	l.cr = len(l.text)
	if n := bytes.IndexByte(l.text[l.at:], '\r'); n >= 0 {
		l.cr = l.at + n
	}
	return line, true
}
