package frame

import (
	"encoding/binary"

	"github.com/pushwire/pushwire/internal/utf8scan"
)

// UTF8 validates UTF-8 as it streams, split anywhere. The zero value is ready
// for a text. It fails at the first byte with which no valid text can go on,
// not only at the end of a sequence (RFC 3629, section 4, gives the ranges):
// surrogates, overlong forms and numbers above U+10FFFF are refused on their
// second byte. A UTF8 must not be used by two goroutines at once.
//
// On text of any kind it is at least as quick as utf8.Valid from 16 bytes on
// (BenchmarkUTF8), in Go alone. From 48 bytes on vectors do the work where the
// processor has them: on what is not ASCII twice as fast as Go at first, and
// five to eight times from 1 KiB on.
type UTF8 struct {
	state uint8 // one of the states below
}

// The states are those of an automaton that takes a byte at a time. Each is
// the distance in bits by which a row of utf8Next is to be shifted: six bits a
// state, so that a step is one load and one shift, and nothing to predict.
//
//	between ──C2..DF──────────────────────────> one   ──80..BF──> between
//	between ──E0──> e0 ──A0..BF───────────────> one
//	between ──E1..EC,EE,EF──> two ──80..BF────> one
//	between ──ED──> ed ──80..9F───────────────> one
//	between ──F0──> f0 ──90..BF──> two
//	between ──F1..F3──> three ──80..BF──> two
//	between ──F4──> f4 ──80..8F──> two
//	any     ──any other byte──> broken, for ever
const (
	utf8Between = 6 * iota // characters; the text may end
	utf8One                // continuation byte is still to come
	utf8Two
	utf8Three
	utf8E0 // below A0 the form is overlong
	utf8ED // above 9F are the surrogates
	utf8F0 // below 90 the form is overlong
	utf8F4 // above 8F the number is beyond U+10FFFF
	utf8Broken
)

// utf8Next holds for each byte where it leads, the next state of each state at
// the bits that the state counts.
var utf8Next = func() (rows [256]uint64) {
	for b := range rows {
		for state := range uint(utf8Broken + 1) {
			if state%6 == 0 {
				rows[b] |= uint64(utf8Step(state, byte(b))) << state
			}
		}
	}
	return rows
}()

// utf8Step is one step of the automaton, as the diagram has it.
func utf8Step(state uint, b byte) (next uint) {
	in := func(lo, hi byte) bool { return lo <= b && b <= hi }
	switch {
	case state == utf8Between && b < 0x80,
		state == utf8One && in(0x80, 0xBF):
		return utf8Between
	case state == utf8Between && in(0xC2, 0xDF), // C0 and C1 would be overlong
		state == utf8E0 && in(0xA0, 0xBF),
		state == utf8Two && in(0x80, 0xBF),
		state == utf8ED && in(0x80, 0x9F):
		return utf8One
	case state == utf8F0 && in(0x90, 0xBF),
		state == utf8Three && in(0x80, 0xBF),
		state == utf8F4 && in(0x80, 0x8F):
		return utf8Two
	case state != utf8Between:
		return utf8Broken
	case b == 0xE0:
		return utf8E0
	case b == 0xED:
		return utf8ED
	case in(0xE1, 0xEF):
		return utf8Two
	case b == 0xF0:
		return utf8F0
	case in(0xF1, 0xF3):
		return utf8Three
	case b == 0xF4:
		return utf8F4
	}
	return utf8Broken
}

const highBits = 0x8080808080808080 // set where a byte is not ASCII

// Write takes the next bytes of the text and reports whether all so far can
// be the beginning of a valid one. After false it stays false until Reset.
// p is not retained.
func (u *UTF8) Write(p []byte) bool {
	s := uint64(u.state)
	if len(p) >= utf8scan.Min {
		p, s = utf8Bulk(p, s)
	}
	p = p[:len(p):len(p)] // so that cutting its front needs no new capacity
	all := p
	for len(p) >= 8 {
		w := word(p)
		if w&highBits == 0 && s == utf8Between {
			p = p[8:]
			if len(p) > 16 && (word(p)|word(p[8:]))&highBits == 0 { // it seldom comes alone
				p = p[16:]
				for len(p) > 64 && (((word(p)|word(p[8:]))|(word(p[16:])|word(p[24:])))|
					((word(p[32:])|word(p[40:]))|(word(p[48:])|word(p[56:]))))&highBits == 0 {
					p = p[64:]
				}
			}
			continue
		}
		// What is above the six bits of a state is of no account.
		s = utf8Next[byte(w)] >> (s & 63)
		s = utf8Next[byte(w>>8)] >> (s & 63)
		s = utf8Next[byte(w>>16)] >> (s & 63)
		s = utf8Next[byte(w>>24)] >> (s & 63)
		s = utf8Next[byte(w>>32)] >> (s & 63)
		s = utf8Next[byte(w>>40)] >> (s & 63)
		s = utf8Next[byte(w>>48)] >> (s & 63)
		s = utf8Next[byte(w>>56)] >> (s & 63) & 63
		if s == utf8Broken {
			break
		}
		p = p[8:]
	}
	switch {
	case s == utf8Broken:
	case s == utf8Between && len(all) >= 8 && word(all[len(all)-8:])&highBits == 0:
		// The rest, which lies in the last word, is ASCII.
	default:
		for _, b := range p {
			s = utf8Next[b] >> (s & 63)
		}
		s &= 63
	}
	u.state = uint8(s)
	return s != utf8Broken
}

// utf8Bulk does what vectors can do of p, which has utf8scan.Min bytes or more.
// It returns what is left of p, in the end three bytes at most, and the state
// before that.
func utf8Bulk(p []byte, s uint64) ([]byte, uint64) {
	for s != utf8Between { // of the character that was cut: at most three bytes
		if s == utf8Broken {
			return nil, s
		}
		s = utf8Next[p[0]] >> (s & 63) & 63
		p = p[1:]
	}
	n, ok := utf8scan.Check(p)
	if !ok {
		return nil, utf8Broken
	}
	return p[n:], s
}

func word(p []byte) uint64 { return binary.LittleEndian.Uint64(p) }

// End reports whether the text may end here: it was valid and no sequence is
// open.
func (u *UTF8) End() bool { return u.state == utf8Between }

// Reset makes u ready for a new text.
func (u *UTF8) Reset() { *u = UTF8{} }
