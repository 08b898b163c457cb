package eventstream

import (
	"bytes"
	"io"
	"math"
)

const (
	firstBuffer = 4 << 10  // bytes: what most readers give at most
	keepBuffer  = 16 << 10 // bytes that one who gives more is worth
	holdBuffer  = 2 << 20  // bytes that may stay for a while after a large event
	holdEvents  = 16       // small events after which they go

	// slack is what the buffer may have above the limit of an event: place
	// for the name of the field and for something to read.
	slack = 4 << 10

	// maxRetryDigits are the bytes that a retry field may have beside an event
	// at its limit. They have to find place in slack.
	maxRetryDigits = 1 << 10

	// maxEmptyReads are the reads without a byte or an error, one after
	// another, that are taken for an endless loop.
	maxEmptyReads = 100
)

const bom = "\xEF\xBB\xBF"

// input finds lines in what a reader gives.
//
//	0 ... block's data ... pos ............ scan .......... end ... len(buf)
//	                       line in hand,    not looked at
//	                       no end in here
//
// Every byte is looked at once for LF, once for CR and once for its high bit,
// however it came: the positions below remember how far that was done.
type input struct {
	r   io.Reader
	err error // that came with the last bytes
	buf []byte

	pos  int // the line in hand begins here
	scan int // no line ends in buf[pos:scan]
	end  int // bytes in buf
	cr   int // the first CR in buf[pos:end], or end
	high int // as cr for the first byte that is not ASCII; or below pos, then unknown

	begun   bool // the place of a byte order mark is behind
	afterCR bool // the last line ended in CR: an LF now belongs to it
	skip    bool // the line in hand is ignored and dropped as it comes
	small   int  // events in a row that a buffer of a quarter could hold
	moved   int  // bytes, so that tests can hold the time to be linear
}

func (in *input) reset(r io.Reader) {
	buf := in.buf
	if len(buf) > keepBuffer {
		buf = nil
	}
	*in = input{r: r, buf: buf}
}

// line is the beginning of the line in hand.
func (in *input) line() []byte { return in.buf[in.pos:in.end] }

// next consumes the next line that is complete, buf[from:to] without its end.
//
// "Lines must be separated by either a U+000D CARRIAGE RETURN U+000A LINE FEED
// (CRLF) character pair, a single U+000A LINE FEED (LF) character, or a single
// U+000D CARRIAGE RETURN (CR) character." A CR is not held back until the byte
// after it shows which: the line is over in any case.
func (in *input) next() (from, to int, ok bool) {
	for {
		if in.afterCR || !in.begun {
			if !in.start() {
				return 0, 0, false
			}
		}
		from = in.pos
		if from < in.cr && in.buf[from] == '\n' { // an empty line, which ends most events
			to = from
			in.pos = from + 1
		} else if i := bytes.IndexByte(in.buf[in.scan:in.cr], '\n'); i >= 0 {
			to = in.scan + i
			in.pos = to + 1
		} else if in.cr < in.end {
			to = in.cr
			in.pos = to + 1
			in.afterCR = true
			in.cr = in.end
			if i := bytes.IndexByte(in.buf[in.pos:in.end], '\r'); i >= 0 {
				in.cr = in.pos + i
			}
		} else {
			in.scan = in.end
			if in.skip {
				in.pos = in.end
			}
			return 0, 0, false
		}
		in.scan = in.pos
		if !in.skip {
			return from, to, true
		}
		in.skip = false
	}
}

// start consumes what may stand before a line and is none of it: a byte order
// mark at the beginning of the stream, the LF of a CR LF. It is false when
// there is nothing behind.
func (in *input) start() bool {
	if !in.begun {
		// "UTF-8 decode" takes one mark away. None of its bytes ends a line,
		// so that nothing is late because of waiting for the next.
		p := in.line()
		if n := len(p); n < len(bom) && string(p) == bom[:n] {
			in.scan = in.end
			return false
		}
		in.begun = true
		if bytes.HasPrefix(p, []byte(bom)) {
			in.pos += len(bom)
		}
		in.scan = in.pos
	}
	if in.afterCR {
		if in.pos == in.end {
			return false
		}
		in.afterCR = false
		if in.buf[in.pos] == '\n' {
			in.pos++
			in.scan = in.pos
		}
	}
	return true
}

// hasHigh reports whether buf[from:to], in the line that was consumed last or
// behind it, has bytes that are not ASCII.
func (in *input) hasHigh(from, to int) bool {
	if in.high < from {
		in.high = from + firstHigh(in.buf[from:in.end])
	}
	return in.high < to
}

// served notes the size of an event.
func (in *input) served(n int) {
	if in.small++; n > len(in.buf)/4 {
		in.small = 0
	}
}

// read reads once, and again while that gives nothing. It may move the data of
// the block and the line in hand.
func (in *input) read(b *block, limit int) error {
	if err := in.err; err != nil {
		in.err = nil
		return err
	}
	in.room(b, limit)
	for range maxEmptyReads {
		n, err := in.r.Read(in.buf[in.end:])
		if n < 0 || n > len(in.buf)-in.end {
			panic("eventstream: the reader returned an impossible count")
		}
		if n > 0 {
			in.add(n)
			in.err = err // for later: what came with it comes first
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// add takes n more bytes into account.
func (in *input) add(n int) {
	old := in.end
	in.end += n
	fresh := in.buf[old:in.end]
	if in.cr == old {
		in.cr = in.end
		if i := bytes.IndexByte(fresh, '\r'); i >= 0 {
			in.cr = old + i
		}
	}
	if in.high == old {
		in.high = old + firstHigh(fresh)
	}
}

// room makes place for a read, in a buffer of the right size. The time for it
// is linear in the input: a buffer is doubled when it is full and more than
// half of it is needed; otherwise what is moved is either at most half of a
// buffer that was filled since, or moves once for a block that has begun.
func (in *input) room(b *block, limit int) {
	low, live := in.pos, in.end-in.pos
	if b.hasData && !b.repaired {
		low, live = b.from, live+b.to-b.from
	}
	size, full := len(in.buf), in.end == len(in.buf)
	if live > size/4 {
		in.small = 0
	}
	switch {
	case size == 0:
		in.move(b, firstBuffer)
	case full && live > size/2:
		in.move(b, max(size, min(sum(size, size), sum(limit, slack))))
	case full && in.small > 0 && size < keepBuffer: // the reader seems to have more
		in.move(b, 2*size)
	case size > keepBuffer && live <= keepBuffer/2 && (size > holdBuffer || in.small >= holdEvents):
		in.move(b, keepBuffer)
	case full || low > 0 && live <= size/4:
		in.move(b, size)
	}
}

// move moves the data of the block to the beginning of a buffer of that size,
// and the line in hand behind it.
func (in *input) move(b *block, size int) {
	buf := in.buf
	if size != len(buf) {
		buf = make([]byte, size)
	}
	to := 0
	if b.hasData && !b.repaired {
		to = b.to - b.from
		if b.from > 0 || size != len(in.buf) { // else it is where it should be
			in.moved += copy(buf, in.buf[b.from:b.to])
		}
		b.from, b.to = 0, to
	}
	in.moved += copy(buf[to:], in.buf[in.pos:in.end])
	back := in.pos - to
	in.buf = buf
	in.pos, in.scan, in.end, in.cr, in.high = to, in.scan-back, in.end-back, in.cr-back, in.high-back
}

// sum is a+b, or what an int can hold.
func sum(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}
