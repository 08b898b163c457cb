package fuzz

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// This file is the reference for what a conversation means: RFC 6455, section
// 5, and RFC 7692, 7.2.2, over all bytes that one end has sent.

// message is one that was delivered.
type message struct {
	text bool
	data string
}

// closing is the content of a close frame.
type closing struct {
	code   int // 1005 for an empty one
	reason string
}

// verdict is what bytes mean.
type verdict struct {
	messages     []message
	pings, pongs []string
	closed       *closing // their end by a close frame
	fail         int      // their end by a breach: the close code, 0 for none

	// or is the other code that may come where a message is too long: inflaters
	// that work in larger steps see first what else is wrong with it.
	or int

	// vague: they end inside of a compressed message, or in one that two
	// inflaters may see differently. Codes other than fail are right as well,
	// and so is one message more.
	vague bool
}

// rules are what the reading end goes by.
type rules struct {
	masked    bool // what comes has to be
	deflate   bool
	takeover  bool // the sender keeps its window
	narrow    bool // which is smaller than compress/flate's: it can't tell what reaches too far back
	message   int
	fragments int
}

// judge reads p to its end, or to the first close frame or breach.
func judge(r rules, p []byte) (v verdict) {
	fail := func(code int) verdict { v.fail = code; return v }
	var (
		window     string // what was inflated before
		open       bool   // a message has begun
		text       bool
		compressed bool
		data       []byte // its payload so far, as it came
		sum        uint64 // its payload as declared
		frames     int
	)
	for i := 0; i < len(p); {
		// 5.2: "FIN: 1 bit ... RSV1, RSV2, RSV3: 1 bit each ... Opcode: 4 bits"
		fin, rsv, opcode := p[i]>>7 == 1, p[i]>>4&7, p[i]&15
		control := opcode >= 8
		v.vague = open && compressed
		switch opcode {
		case 0: // "the "Payload data" of a continuation frame" needs a beginning
			if !open || rsv != 0 {
				return fail(1002)
			}
		case 1, 2: // 5.4: "fragments of one message MUST NOT be interleaved"
			if open || rsv != 0 && (rsv != 4 || !r.deflate) {
				return fail(1002)
			}
		case 8, 9, 10: // 5.5: control frames "MUST NOT be fragmented"
			if !fin || rsv != 0 {
				return fail(1002)
			}
		default:
			return fail(1002)
		}
		if i++; i == len(p) {
			return v
		}
		masked, length := p[i]>>7 == 1, uint64(p[i]&127)
		if masked != r.masked || control && length > 125 {
			return fail(1002)
		}
		i++
		// "the minimal number of bytes MUST be used to encode the length"
		switch length {
		case 126:
			if len(p)-i < 2 {
				return v
			}
			length = uint64(p[i])<<8 | uint64(p[i+1])
			if i += 2; length < 126 {
				return fail(1002)
			}
		case 127: // "the most significant bit MUST be 0"
			if len(p)-i >= 1 && p[i] >= 128 {
				return fail(1002)
			}
			if len(p)-i < 8 {
				return v
			}
			length = 0
			for range 8 {
				length = length<<8 | uint64(p[i])
				i++
			}
			if length < 65536 {
				return fail(1002)
			}
		}
		var key [4]byte
		if masked {
			if len(p)-i < 4 {
				return v
			}
			i += copy(key[:], p[i:])
		}
		if !control {
			if opcode != 0 {
				open, text, compressed, data, sum, frames = true, opcode == 1, rsv == 4, nil, 0, 0
				v.vague = compressed
			}
			frames++
			sum += length
			limit := uint64(r.message)
			if compressed { // what comes out counts; what goes in may be somewhat more
				limit += limit/8 + 64<<10
			}
			if frames > r.fragments || sum > limit {
				return fail(1009)
			}
		}
		n := min(length, uint64(len(p)-i))
		payload := make([]byte, n)
		for k := range payload {
			payload[k] = p[i+k] ^ key[k%4]
		}
		i += int(n)
		whole := n == length
		if control {
			if !whole {
				return v
			}
			switch opcode {
			case 9:
				v.pings = append(v.pings, string(payload))
			case 10:
				v.pongs = append(v.pongs, string(payload))
			case 8:
				v.closed, v.fail = judgeClose(payload)
				return v
			}
			continue
		}
		data = append(data, payload...)
		if text && !compressed && !couldBeUTF8(data, whole && fin) {
			return fail(1007)
		}
		if !whole {
			return v
		}
		if !fin {
			continue
		}
		if compressed {
			if r.narrow {
				return v
			}
			out, end, err := inflate(window, data, r.message)
			v.vague = !end
			switch {
			case len(out) > r.message:
				v.or = 1007
				return fail(1009)
			case err != nil || text && !utf8.Valid(out):
				return fail(1007)
			case !end:
				v.messages = append(v.messages, message{text, string(out)})
				return v
			}
			data = out
			if r.takeover {
				window += string(out)
				window = window[max(0, len(window)-32<<10):]
			}
		}
		v.vague = false
		v.messages = append(v.messages, message{text, string(data)})
		open = false
	}
	return v
}

// judgeClose reads what 5.5.1 and 7.4 say of a close frame.
func judgeClose(payload []byte) (*closing, int) {
	if len(payload) == 0 {
		return &closing{code: 1005}, 0
	}
	if len(payload) == 1 {
		return nil, 1002
	}
	code, reason := int(payload[0])<<8|int(payload[1]), payload[2:]
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
	default:
		return nil, 1002
	}
	if !utf8.Valid(reason) {
		return nil, 1007
	}
	return &closing{code, string(reason)}, 0
}

// couldBeUTF8 reports whether p is a text, or the beginning of one unless it
// is at its end.
func couldBeUTF8(p []byte, end bool) bool {
	for i, r := range string(p) {
		if r != utf8.RuneError || strings.HasPrefix(string(p[i:]), "\uFFFD") {
			continue
		}
		// What is open at the end is at most three bytes, and some bytes behind
		// them make it whole.
		return !end && len(p)-i < 4 && completes(p[i:])
	}
	return true
}

// completes reports whether p is a text or becomes one with some bytes behind
// it. It tries them all, once for each p.
func completes(p []byte) bool {
	if utf8.Valid(p) {
		return true
	}
	if len(p) >= 4 {
		return false
	}
	if known, ok := completed.Load(string(p)); ok {
		return known.(bool)
	}
	can := false
	for c := 0x80; c <= 0xBF && !can; c++ {
		can = completes(append(p[:len(p):len(p)], byte(c)))
	}
	completed.Store(string(p), can)
	return can
}

var completed sync.Map // of string to bool, what completes has found

// inflate is compress/flate's reading of a message, up to somewhat more than
// limit bytes. end says that it used all of the payload, which it does not
// where a block says that it is the last: RFC 7692 lets more follow, and
// compress/flate stops.
//
// RFC 7692, 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of
// the payload of the message." The block behind them is for compress/flate,
// which wants to see an end.
func inflate(window string, payload []byte, limit int) (out []byte, end bool, err error) {
	in := bytes.NewReader(append(bytes.Clone(payload), "\x00\x00\xff\xff\x01\x00\x00\xff\xff"...))
	fr := flate.NewReaderDict(in, []byte(window))
	out, err = io.ReadAll(io.LimitReader(fr, int64(limit)+1))
	if len(out) > limit {
		return out, true, nil
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return out, in.Len() == 0, err
}
