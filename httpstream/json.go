package httpstream

import (
	"encoding/base64"
	"unicode/utf8"

	"github.com/pushwire/pushwire/topic"
)

// defaultType is the type of an item that names none; it is left out on every
// transport.
const defaultType = "message"

// answer is the body of a poll's 200.
type answer struct {
	Items  []topic.Item
	Cursor topic.Cursor // to read on after
	More   bool         // a limit cut the answer: ask again at once
}

// appendItem appends it as a JSON object in one line, without the line's end.
func appendItem(dst []byte, it *topic.Item) []byte {
	dst = append(dst, `{"cursor":`...)
	dst = appendString(dst, it.Cursor)
	if it.Type != "" && it.Type != defaultType {
		dst = append(dst, `,"type":`...)
		dst = appendString(dst, it.Type)
	}
	if it.Binary {
		dst = append(dst, `,"base64":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, it.Data)
		return append(dst, `"}`...)
	}
	dst = append(dst, `,"data":`...)
	dst = appendString(dst, it.Data)
	return append(dst, '}')
}

// An answer is appended in pieces: the head, items with commas between, the
// end.
const answerHead = `{"items":[`

// appendAnswerEnd appends what follows the items of an answer.
func appendAnswerEnd(dst []byte, c topic.Cursor, more bool) []byte {
	dst = append(dst, `],"cursor":`...)
	dst = appendString(dst, c)
	if more {
		dst = append(dst, `,"more":true`...)
	}
	return append(dst, "}\n"...)
}

// appendAnswer appends a whole answer.
func appendAnswer(dst []byte, a *answer) []byte {
	dst = append(dst, answerHead...)
	for i := range a.Items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendItem(dst, &a.Items[i])
	}
	return appendAnswerEnd(dst, a.Cursor, a.More)
}

// appendPosition appends the control line that says where a stream is: at its
// beginning, as a heartbeat, and as the first message of a socket.
func appendPosition(dst []byte, c topic.Cursor) []byte {
	dst = append(dst, `{"cursor":`...)
	dst = appendString(dst, c)
	return append(dst, '}')
}

// appendReset appends the control line that says that items are lost, and that
// the stream goes on after the cursor next.
func appendReset(dst []byte, g *topic.GoneError, next topic.Cursor) []byte {
	dst = append(dst, `{"reset":`...)
	dst = appendGone(dst, g)
	dst = append(dst, `,"cursor":`...)
	dst = appendString(dst, next)
	return append(dst, '}')
}

// appendGone appends the object that tells of lost items: {"after":...,
// "oldest":..., "head":...}. It is the data of the event pushwire:reset, too.
func appendGone(dst []byte, g *topic.GoneError) []byte {
	dst = append(dst, '{')
	dst = appendGoneFields(dst, g)
	return append(dst, '}')
}

func appendGoneFields(dst []byte, g *topic.GoneError) []byte {
	dst = append(dst, `"after":`...)
	dst = appendString(dst, g.After)
	dst = append(dst, `,"oldest":`...)
	dst = appendString(dst, g.Oldest)
	dst = append(dst, `,"head":`...)
	return appendString(dst, g.Head)
}

// appendRefusal appends the body of a refusal. g is nil unless items are gone.
func appendRefusal(dst []byte, token, message string, g *topic.GoneError) []byte {
	dst = append(dst, `{"error":`...)
	dst = appendString(dst, token)
	dst = append(dst, `,"message":`...)
	dst = appendString(dst, message)
	if g != nil {
		dst = append(dst, ',')
		dst = appendGoneFields(dst, g)
	}
	return append(dst, "}\n"...)
}

const hexDigits = "0123456789abcdef"

// plain says which bytes stand in a JSON string as they are. The rest are
// escaped, and those from 0x80 up looked at as UTF-8.
var plain = func() (t [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendString appends s as a JSON string, byte for byte as encoding/json does
// without its escapes for HTML: U+2028 and U+2029 are escaped, because some
// readers take them for the end of a line, and each byte that is not UTF-8
// becomes U+FFFD.
func appendString[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	from := 0 // of what has not been copied yet
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = append(dst, s[from:i]...)
			dst = appendEscape(dst, c)
			i++
			from = i
			continue
		}
		// At most 4 bytes: the conversion does not allocate.
		r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, s[from:i]...)
			dst = append(dst, `\ufffd`...)
			from = i + n
		case r == '\u2028' || r == '\u2029':
			dst = append(dst, s[from:i]...)
			dst = append(dst, `\u202`...)
			dst = append(dst, hexDigits[r&0xf])
			from = i + n
		}
		i += n
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// appendEscape appends the escape for an ASCII character.
//
// RFC 8259, 7: "The characters that MUST be escaped: quotation mark, reverse
// solidus, and the control characters (U+0000 through U+001F)."
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}
