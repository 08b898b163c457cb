package frame

import (
	"math"
	"sync"
	"unicode/utf8"
)

// This file is the slow obvious reference: a decoder that sees the whole
// input at once and walks through RFC 6455, section 5, byte by byte, and a
// UTF-8 validator that knows the encodings of all code points instead of
// rules. They share nothing with the code under test but its types.

// event is a frame, or the beginning of a data frame that the input ends in.
type event struct {
	Type    Opcode
	Control bool
	Header  Header
	Payload string
	End     bool // of the message
}

// outcome is all that a stream of bytes leads to.
type outcome struct {
	Events    []event
	Code      Code  // of the error, or 0
	At        int   // index of the byte that decides the error; -1 without one
	Remaining int64 // payload bytes still to come
	InMessage bool
}

// reference decodes p as a decoder with the exported fields of cfg should.
func reference(cfg Decoder, p []byte) (out outcome) {
	out.At = -1
	i := 0
	fail := func(code Code, at int) outcome {
		out.Code, out.At = code, at
		out.InMessage, out.Remaining = false, 0 // of no meaning any more
		return out
	}
	limit, maxFragments := cfg.Limits.Message, cfg.Limits.Fragments
	if limit == 0 {
		limit = 1 << 20
	} else if limit < 0 {
		limit = math.MaxInt64
	}
	if maxFragments == 0 {
		maxFragments = 4096
	} else if maxFragments < 0 {
		maxFragments = math.MaxInt
	}
	var (
		message    Opcode // of the message that is open, if InMessage
		messageRSV byte
		sum        uint64
		fragments  int
		text       slowUTF8
	)
	for {
		// First byte: FIN, RSV1 to RSV3, opcode.
		if i == len(p) {
			return out
		}
		h := Header{Fin: p[i]&128 == 128, RSV: p[i] & 112 >> 4, Opcode: Opcode(p[i] & 15)}
		isControl := false
		switch h.Opcode {
		case 8, 9, 10:
			isControl = true
			if !h.Fin || h.RSV != 0 {
				return fail(1002, i)
			}
		case 0:
			if !out.InMessage || h.RSV != 0 {
				return fail(1002, i)
			}
		case 1, 2:
			if out.InMessage || h.RSV&^cfg.RSV != 0 {
				return fail(1002, i)
			}
		default:
			return fail(1002, i)
		}
		i++
		// Second byte: MASK, 7 bits of length.
		if i == len(p) {
			return out
		}
		h.Masked = p[i]&128 == 128
		length := uint64(p[i] & 127)
		if h.Masked == (cfg.Role == Client) || isControl && length > 125 {
			return fail(1002, i)
		}
		i++
		// Extended length.
		switch length {
		case 126:
			if len(p)-i < 2 {
				return out
			}
			length = uint64(p[i])*256 + uint64(p[i+1])
			i += 2
			if length <= 125 {
				return fail(1002, i-1)
			}
		case 127:
			if len(p)-i >= 1 && p[i] >= 128 {
				return fail(1002, i)
			}
			if len(p)-i < 8 {
				return out
			}
			length = 0
			for range 8 {
				length = length*256 + uint64(p[i])
				i++
			}
			if length <= 65535 {
				return fail(1002, i-1)
			}
		}
		h.Length = int64(length)
		// Masking key.
		if h.Masked {
			if len(p)-i < 4 {
				return out
			}
			copy(h.Key[:], p[i:])
			i += 4
		}
		// Limits, as soon as the header is whole.
		if !isControl {
			if h.Opcode != 0 {
				message, messageRSV, sum, fragments = h.Opcode, h.RSV, 0, 0
				text = slowUTF8{}
				out.InMessage = true
			}
			fragments++
			sum += length // both below 2^63: no overflow in 64 bits without sign
			if fragments > maxFragments || sum > uint64(limit) {
				return fail(1009, i-1)
			}
		}
		// Payload.
		var payload []byte
		checked := !isControl && message == 1 && messageRSV&4 == 0 && !cfg.SkipUTF8
		for k := uint64(0); k < length && i < len(p); k++ {
			c := p[i]
			if h.Masked {
				c ^= h.Key[k%4]
			}
			if checked && !text.step(c) {
				return fail(1007, i)
			}
			payload = append(payload, c)
			i++
		}
		whole := uint64(len(payload)) == length
		if checked && whole && h.Fin && text.open != "" {
			return fail(1007, i-1)
		}
		out.Remaining = int64(length) - int64(len(payload))
		if isControl && !whole {
			return out
		}
		ev := event{Control: isControl, Type: h.Opcode, Header: h, Payload: string(payload), End: h.Fin && whole}
		if !isControl {
			ev.Type = message
		}
		out.Events = append(out.Events, ev)
		if !whole {
			return out
		}
		if h.Opcode == 8 {
			return out // nothing after it counts
		}
		if !isControl && h.Fin {
			out.InMessage = false
		}
	}
}

// slowUTF8 takes a text byte by byte.
type slowUTF8 struct{ open string }

// step reports whether the text can still become valid after c.
func (s *slowUTF8) step(c byte) bool {
	s.open += string([]byte{c})
	if utf8.ValidString(s.open) { // of at most four bytes
		s.open = ""
		return true
	}
	return beginnings()[s.open]
}

// beginnings holds the proper beginnings of the encodings of all code points.
var beginnings = sync.OnceValue(func() map[string]bool {
	m := make(map[string]bool)
	var b [4]byte
	for r := rune(0x80); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		for n := utf8.EncodeRune(b[:], r) - 1; n > 0; n-- {
			if m[string(b[:n])] {
				break // and so are the shorter ones
			}
			m[string(b[:n])] = true
		}
	}
	return m
})
