package topic

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"strings"
)

// Cursor is a place in a topic: behind the item that has it. To readers it is
// opaque, short and printable; it serves as the ID of an event, as an ETag and
// as ?after= of a URL without being escaped.
//
// Its form is "<epoch>-<seq>". The epoch names one life of a topic: a topic
// that lost its items, because its process ended or because it was freed, goes
// on under another one. The seq counts the items of that life, by one, from 1.
// "<epoch>-0" is the place before all of them.
//
// The empty Cursor is the place before the oldest item that is kept, wherever
// that is; [Now] is the place after the newest.
type Cursor string

// Now is the place after the newest item at the moment of asking.
const Now Cursor = "now"

const (
	// MaxCursor is the size that no cursor exceeds, in bytes.
	MaxCursor = 64

	// MaxEpoch is the size that no epoch exceeds, in bytes. With a dash and
	// the 20 digits of a uint64 it stays below MaxCursor.
	MaxEpoch = 32

	maxDigits = 20 // of a uint64
)

// epochChars are the 32 digits of an epoch that [NewEpoch] makes.
const epochChars = "0123456789abcdefghijklmnopqrstuv"

// NewEpoch returns an epoch that was never there before: 13 characters for 64
// random bits.
func NewEpoch() string {
	var b [8]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	n := binary.LittleEndian.Uint64(b[:])
	var s [13]byte
	for i := range s {
		s[i] = epochChars[n&31]
		n >>= 5
	}
	return string(s[:])
}

// At returns the cursor of an epoch and a seq. The epoch is taken as it is:
// 1 to MaxEpoch characters of 0-9 and a-z.
func At(epoch string, seq uint64) Cursor {
	b := make([]byte, 0, MaxEpoch+1+maxDigits)
	return Cursor(appendCursor(b, epoch, seq))
}

func appendCursor(dst []byte, epoch string, seq uint64) []byte {
	dst = append(append(dst, epoch...), '-')
	return strconv.AppendUint(dst, seq, 10)
}

// Split takes a cursor apart. The error is a [*CursorError], also for the
// empty cursor and for Now, which have no parts. A cursor has one spelling: for
// what Split accepts, At(epoch, seq) is c.
func (c Cursor) Split() (epoch string, seq uint64, err error) {
	if len(c) > MaxCursor {
		return "", 0, &CursorError{Cursor: c, Fault: "longer than " + strconv.Itoa(MaxCursor) + " bytes"}
	}
	dash := strings.IndexByte(string(c), '-')
	if dash < 0 {
		return "", 0, &CursorError{Cursor: c, Fault: "no dash"}
	}
	epoch, digits := string(c[:dash]), string(c[dash+1:])
	if !validEpoch(epoch) {
		return "", 0, &CursorError{Cursor: c, Fault: "not an epoch before the dash"}
	}
	seq, ok := parseSeq(digits)
	if !ok {
		return "", 0, &CursorError{Cursor: c, Fault: "not a number after the dash"}
	}
	return epoch, seq, nil
}

// Check returns a [*CursorError] for what is not a cursor: neither empty, nor
// Now, nor of the form of one. It says nothing about the topic.
func (c Cursor) Check() error {
	if c == "" || c == Now {
		return nil
	}
	_, _, err := c.Split()
	return err
}

func validEpoch(s string) bool {
	if len(s) == 0 || len(s) > MaxEpoch {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// parseSeq is stricter than strconv, which takes signs, zeros in front and
// underscores: two spellings of one place would be two ETags.
func parseSeq(s string) (n uint64, ok bool) {
	if len(s) == 0 || len(s) > maxDigits || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

// cursorRun is how many cursors are made with one allocation. Who keeps one of
// them keeps the run, about 20 bytes each.
const cursorRun = 8

// cursors gives the cursors of a log one after the other.
type cursors struct {
	epoch string
	run   string // those that are made and not given
}

// next returns the cursor of seq, which follows that of the call before.
func (c *cursors) next(seq uint64) Cursor {
	if c.run == "" {
		var space [cursorRun * (MaxEpoch + 1 + maxDigits)]byte
		b := space[:0]
		for i := range uint64(cursorRun) {
			b = appendCursor(b, c.epoch, seq+i)
		}
		c.run = string(b)
	}
	n := len(c.epoch) + 1 + digits(seq)
	cur := c.run[:n]
	c.run = c.run[n:]
	return Cursor(cur)
}

func digits(n uint64) int {
	d := 1
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}
