package eventstream

import (
	"encoding/binary"
	"unicode/utf8"
)

const highBits = 0x8080808080808080 // set where a byte is not ASCII

// firstHigh returns the index of the first byte of p that is not ASCII, or
// len(p).
func firstHigh(p []byte) int {
	n := len(p)
	for len(p) >= 64 {
		w := binary.LittleEndian.Uint64(p) | binary.LittleEndian.Uint64(p[8:]) |
			binary.LittleEndian.Uint64(p[16:]) | binary.LittleEndian.Uint64(p[24:]) |
			binary.LittleEndian.Uint64(p[32:]) | binary.LittleEndian.Uint64(p[40:]) |
			binary.LittleEndian.Uint64(p[48:]) | binary.LittleEndian.Uint64(p[56:])
		if w&highBits != 0 {
			break
		}
		p = p[64:]
	}
	for len(p) >= 8 && binary.LittleEndian.Uint64(p)&highBits == 0 {
		p = p[8:]
	}
	for len(p) > 0 && p[0] < utf8.RuneSelf {
		p = p[1:]
	}
	return n - len(p)
}

// subpart returns how many bytes at the beginning of p, which is not the
// beginning of a valid sequence, one U+FFFD stands for. The WHATWG Encoding
// standard replaces the longest beginning of a valid sequence (Unicode 3.9
// calls it the maximal subpart of an ill-formed subsequence), and otherwise
// one byte.
func subpart(p []byte) int {
	lo, hi := byte(0x80), byte(0xBF) // range of the second byte
	need := 0                        // bytes of the sequence behind the second
	switch c := p[0]; {
	case c >= 0xE0 && c <= 0xEF:
		need = 1
		if c == 0xE0 {
			lo = 0xA0 // below is an overlong form
		} else if c == 0xED {
			hi = 0x9F // above are surrogates
		}
	case c >= 0xF0 && c <= 0xF4:
		need = 2
		if c == 0xF0 {
			lo = 0x90 // below is an overlong form
		} else if c == 0xF4 {
			hi = 0x8F // above is more than U+10FFFF
		}
	default: // two bytes: a beginning of it is one byte. Or no beginning of anything
		return 1
	}
	if len(p) < 2 || p[1] < lo || p[1] > hi {
		return 1
	}
	if need == 2 && len(p) > 2 && p[2]&0xC0 == 0x80 {
		return 3
	}
	return 2
}

const replacement = "\uFFFD"

// repairedLen returns len(appendRepaired(nil, p)).
func repairedLen(p []byte) int {
	n := 0
	for len(p) > 0 {
		good, bad := split(p)
		n += good
		if bad > 0 {
			n += len(replacement)
		}
		p = p[good+bad:]
	}
	return n
}

// appendRepaired appends p to dst, each maximal subpart of what is not valid
// UTF-8 replaced by U+FFFD. The result is never shorter than p: a subpart has
// at most the three bytes of U+FFFD.
func appendRepaired(dst, p []byte) []byte {
	for len(p) > 0 {
		good, bad := split(p)
		dst = append(dst, p[:good]...)
		if bad > 0 {
			dst = append(dst, replacement...)
		}
		p = p[good+bad:]
	}
	return dst
}

// split returns how many bytes at the beginning of p are valid, and how many
// behind them one U+FFFD stands for: 0 at the end.
func split(p []byte) (good, bad int) {
	for good < len(p) {
		if p[good] < utf8.RuneSelf {
			good += firstHigh(p[good:])
			continue
		}
		r, n := utf8.DecodeRune(p[good:])
		if r == utf8.RuneError && n == 1 {
			return good, subpart(p[good:])
		}
		good += n
	}
	return good, 0
}
