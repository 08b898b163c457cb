package frame

import "encoding/binary"

// UTF8 validates UTF-8 as it streams, split anywhere. The zero value is ready
// for a text. It fails at the first byte with which no valid text can go on,
// not only at the end of a sequence (RFC 3629, section 4, gives the ranges):
// surrogates, overlong forms and numbers above U+10FFFF are refused on their
// second byte. A UTF8 must not be used by two goroutines at once.
type UTF8 struct {
	need   uint8 // continuation bytes still to come in the open sequence
	lo, hi uint8 // range of the next of them
	bad    bool  // an impossible byte came: nothing is valid any more
}

const highBits = 0x8080808080808080 // set where a byte is not ASCII

// Write takes the next bytes of the text and reports whether all so far can
// be the beginning of a valid one. After false it stays false until Reset.
// p is not retained.
func (u *UTF8) Write(p []byte) bool {
	if u.bad {
		return false
	}
	i := 0
	for i < len(p) {
		if u.need > 0 {
			c := p[i]
			if c < u.lo || c > u.hi {
				u.bad = true
				return false
			}
			u.need--
			u.lo, u.hi = 0x80, 0xBF
			i++
			continue
		}
		// Between characters: skip ASCII eight bytes at a time.
		for len(p)-i >= 8 && binary.LittleEndian.Uint64(p[i:])&highBits == 0 {
			i += 8
		}
		for i < len(p) && p[i] < 0x80 {
			i++
		}
		// Whole sequences that lie in p need no state.
		for i < len(p) && p[i] >= 0x80 {
			if !u.lead(p[i]) {
				u.bad = true
				return false
			}
			i++
			if len(p)-i < int(u.need) {
				break // the state carries it over the split
			}
			if c := p[i]; c < u.lo || c > u.hi {
				u.bad = true
				return false
			}
			for k := 1; k < int(u.need); k++ {
				if p[i+k]&0xC0 != 0x80 {
					u.bad = true
					return false
				}
			}
			i += int(u.need)
			u.need = 0
		}
	}
	return true
}

// lead takes the first byte of a sequence of two to four.
func (u *UTF8) lead(c byte) bool {
	u.lo, u.hi = 0x80, 0xBF
	switch {
	case c < 0xC2: // a continuation byte, or an overlong form of ASCII
		return false
	case c < 0xE0:
		u.need = 1
	case c < 0xF0:
		u.need = 2
		switch c {
		case 0xE0: // below A0: overlong
			u.lo = 0xA0
		case 0xED: // above 9F: surrogates
			u.hi = 0x9F
		}
	case c < 0xF5:
		u.need = 3
		switch c {
		case 0xF0: // below 90: overlong
			u.lo = 0x90
		case 0xF4: // above 8F: beyond U+10FFFF
			u.hi = 0x8F
		}
	default:
		return false
	}
	return true
}

// End reports whether the text may end here: it was valid and no sequence is
// open.
func (u *UTF8) End() bool { return !u.bad && u.need == 0 }

// Reset makes u ready for a new text.
func (u *UTF8) Reset() { *u = UTF8{} }
