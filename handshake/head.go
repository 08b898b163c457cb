package handshake

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// scanHead looks for the end of a head in b, of which the first from bytes
// were looked at by an earlier call, and holds what it passes against the
// limits and the rules for single bytes:
//
//   - a line ends in CR LF and in nothing else. RFC 9112, 2.2, lets a
//     recipient take a lone LF for the end of a line, and net/http does;
//     others do not, and that difference is what smuggled requests live on.
//   - no control byte but tab (RFC 9110, 5.5: "CR, LF, and NUL characters
//     within a field value are invalid and dangerous").
//
// It returns the length of the head, or 0 if its end has not come, or an
// error. The result depends on b alone and not on how b arrived: every rule
// is tied to the position of the byte that breaks it, and the first broken
// one counts. cost is the number of bytes looked at, which a test holds to be
// linear however small the pieces are.
//
// Between two calls there is no other memory than from. The start of the
// current line is therefore never known; see longLine for how its length is
// bounded all the same.
func scanHead(b []byte, from int, l Limits) (end, cost int, err *Error) {
	if from < 0 || from > len(b) {
		from = 0
	}
	stop := min(len(b), l.Bytes)
	long, cost := longLine(b[:stop], from, l.Line)
	if long >= 0 {
		stop = long
	}
	// No surplus of fields is possible before the position sure, and a
	// count that cannot fail is left out: the result is the same.
	sure := minField * min(l.Fields, l.Bytes)
	for from < stop {
		check := checkpoint(max(from, sure-1))
		part := min(stop, check)
		var n int
		n, err = scanBytes(b[:part], from)
		cost += part - from
		if n > 0 || err != nil {
			return n, cost, err
		}
		from = part
		if part == check {
			cost += part
			fields := bytes.Count(b[:part], crlf[1:]) - 1 // the first line is none
			if fields > l.Fields {
				return 0, cost, faultFieldsTooMany.with(l.Fields)
			}
			sure = part + minField*(min(l.Fields, l.Bytes)-fields)
		}
	}
	switch {
	case long >= 0:
		return 0, cost, faultLineTooLong.with(l.Line)
	case len(b) >= l.Bytes:
		return 0, cost, faultBytesTooMany.with(l.Bytes)
	}
	return 0, cost, nil
}

var crlf = []byte("\r\n")

// minField is the length of the shortest field line: a letter, a colon, CR LF.
const minField = 4

// checkpoint returns the next position after p at which fields are counted:
// the multiples of an eighth of the power of two below them. Counting starts
// over each time, so all counting together looks at most thirteen times at
// a byte, in the fastest way there is, and not at all where so few bytes
// cannot hold too many fields.
func checkpoint(p int) int {
	const first = 64 // heads shorter than this hold few fields
	if p < first {
		return first
	}
	eighth := 1 << (bits.Len(uint(p)) - 4)
	return (p | (eighth - 1)) + 1
}

// longLine returns the first position in b, at or after from, at which a line
// has become longer than limit bytes, or -1.
//
// A line is too long at position p if it began at p-limit, no LF has come
// since, and b[p] is not the CR that ends it. It began there if an LF stands
// just before, and that is one look at one byte of the past; only if it does,
// the line is searched for its end, from its beginning, once. So each line is
// searched once and nothing has to be remembered.
func longLine(b []byte, from, limit int) (pos, cost int) {
	for p := max(from, limit); p < len(b); p++ {
		begin := p - limit
		if begin > 0 {
			// Go to the next line that began limit bytes before.
			i := bytes.IndexByte(b[begin-1:len(b)-limit-1], '\n')
			if i < 0 {
				return -1, cost + len(b) - p
			}
			cost += i + 1
			begin += i
			p += i
		}
		i := bytes.IndexByte(b[begin:p+1], '\n')
		if i < 0 {
			cost += limit + 1
			if b[p] != '\r' {
				return p, cost
			}
		}
		cost += i + 1
	}
	return -1, cost
}

// scanBytes checks b[from:] byte by byte and returns the length of the head
// if it ends there.
func scanBytes(b []byte, from int) (end int, err *Error) {
	for i := from; i < len(b); i++ {
		if i > 0 && b[i-1] == '\r' && b[i] != '\n' {
			return 0, faultBareCR.with()
		}
		i = nextControl(b, i)
		if i == len(b) {
			break
		}
		switch b[i] {
		case '\t':
		case '\r':
			if i++; i == len(b) {
				return 0, nil // what has to follow is looked at when it comes
			}
			if b[i] != '\n' {
				return 0, faultBareCR.with()
			}
			if endsHead(b, i) {
				return i + 1, nil
			}
		case '\n': // the first byte of b[from:], or without a CR
			if i == 0 || b[i-1] != '\r' {
				return 0, faultBareLF.with()
			}
			if endsHead(b, i) {
				return i + 1, nil
			}
		default:
			return 0, faultControlByte.with(b[i])
		}
	}
	return 0, nil
}

// endsHead says whether the CR LF of which the LF is b[i] is an empty line,
// because the line before ended in CR LF too. At the very beginning an empty
// line is the end of a head without a first line, which the parsers refuse.
func endsHead(b []byte, i int) bool { return i == 1 || b[i-2] == '\n' }

// nextControl returns the position of the first byte of b, at or after i,
// that is below 0x20 or 0x7f, or len(b): eight bytes a step.
func nextControl(b []byte, i int) int {
	const (
		ones = 0x0101010101010101
		tops = 0x8080808080808080
	)
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		// A borrow can mark a byte wrongly only above one marked rightly, and
		// the lowest mark is the one that is used.
		del := x ^ 0x7f*ones
		m := ((x-0x20*ones)&^x | (del-ones)&^del) & tops
		if m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(b); i++ {
		if b[i] < 0x20 || b[i] == 0x7f {
			return i
		}
	}
	return i
}
