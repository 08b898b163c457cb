package eventstream

import (
	"bytes"
	"time"

	"github.com/pushwire/pushwire/internal/utf8scan"
)

// block is what the lines since the last empty line have set.
type block struct {
	// The data without its last LF. It lies in the input's buffer, at
	// buf[from:to], where it was received: further lines are moved there, over
	// the names between them. Only data in which bytes had to be replaced lies
	// in own, because it may be longer than what came.
	hasData  bool
	repaired bool
	from, to int
	own      []byte

	typ     string
	id      string // the last event ID buffer: it lives on from block to block
	idBytes int    // of an id in this block
	retry   time.Duration

	ids   text
	types names
}

// end forgets what an empty line ends.
func (b *block) end() {
	b.hasData, b.repaired, b.typ, b.idBytes, b.retry = false, false, "", 0, 0
	if cap(b.own) > keepBuffer {
		b.own = nil
	}
}

func (b *block) reset() {
	b.end()
	b.id = ""
}

// inPlace is the length of the data in the input's buffer.
func (b *block) inPlace() int {
	if b.hasData && !b.repaired {
		return b.to - b.from
	}
	return 0
}

func (b *block) dataLen() int {
	if b.repaired {
		return len(b.own)
	}
	return b.inPlace()
}

// over reports whether the event would be over the limit with a value of n
// bytes. As a value that is not complete only grows, it makes no difference
// when it is asked.
func (b *block) over(f field, n, limit int) bool {
	left := limit - b.dataLen() - len(b.typ) - b.idBytes
	switch f {
	case fieldData:
		if b.hasData {
			left-- // for the LF between
		}
	case fieldEvent:
		left += len(b.typ)
	case fieldID:
		left += b.idBytes
	case fieldRetry:
		left = max(left, maxRetryDigits) // it is no part of the event, wherever it stands
	}
	return n > left
}

// take processes a field whose value is the input's buf[from:to]. It is false
// when the event gets too large.
func (d *Decoder) take(f field, from, to int) bool {
	b := &d.block
	if b.over(f, to-from, d.limit()) {
		return false
	}
	if d.in.hasHigh(from, to) && !utf8scan.Valid(d.in.buf[from:to]) {
		return d.takeInvalid(f, from, to)
	}
	switch f {
	case fieldData:
		// "Append the field value to the data buffer, then append a single
		// U+000A LINE FEED (LF) character to the data buffer." The last LF is
		// removed at the end; here it comes with the next line.
		switch {
		case !b.hasData:
			b.hasData, b.from, b.to = true, from, to
		case b.repaired:
			b.appendOwn(d.in.buf[from:to], to-from, d.limit())
		default:
			d.in.buf[b.to] = '\n'
			b.to += 1 + copy(d.in.buf[b.to+1:], d.in.buf[from:to])
		}
	case fieldEvent:
		b.typ = b.types.string(d.in.buf[from:to])
	case fieldID:
		b.setID(d.in.buf[from:to])
	case fieldRetry:
		if t, ok := parseRetry(d.in.buf[from:to]); ok {
			b.retry, d.retry, d.hasRetry = t, t, true
		}
	}
	return true
}

// takeInvalid is take for a value that is not valid UTF-8.
func (d *Decoder) takeInvalid(f field, from, to int) bool {
	b := &d.block
	value := d.in.buf[from:to]
	n := repairedLen(value)
	if b.over(f, n, d.limit()) {
		return false
	}
	switch f {
	case fieldData:
		if !b.repaired {
			own := b.own[:0]
			if b.hasData {
				own = append(growTo(own, b.to-b.from, d.limit()), d.in.buf[b.from:b.to]...)
			}
			b.own, b.repaired = own, true
		}
		if !b.hasData {
			b.hasData = true
			b.own = appendRepaired(growTo(b.own, n, d.limit()), value)
		} else {
			b.appendOwn(value, n, d.limit())
		}
	case fieldEvent:
		b.typ = b.types.string(appendRepaired(make([]byte, 0, n), value))
	case fieldID:
		b.setID(appendRepaired(make([]byte, 0, n), value))
	}
	return true // a retry with such bytes is none
}

// appendOwn appends a further line, which has n bytes when it is repaired.
func (b *block) appendOwn(value []byte, n, limit int) {
	b.own = append(growTo(b.own, 1+n, limit), '\n')
	if n == len(value) && utf8scan.Valid(value) {
		b.own = append(b.own, value...)
	} else {
		b.own = appendRepaired(b.own, value)
	}
}

// setID: "If the field value does not contain U+0000 NULL, then set the last
// event ID buffer to the field value. Otherwise, ignore the field."
func (b *block) setID(value []byte) {
	if bytes.IndexByte(value, 0) < 0 {
		b.idBytes = len(value)
		b.id = b.ids.string(value, b.id)
	}
}

// dispatch ends the block. It sets *ev and is true when an event fires.
func (d *Decoder) dispatch(ev *Event) bool {
	b := &d.block
	// "Set the last event ID string of the event source to the value of the
	// last event ID buffer. The buffer does not get reset". That comes first,
	// so it also holds for a block without data.
	d.last = b.id
	if !b.hasData {
		b.end() // "Set the data buffer and the event type buffer to the empty string and return."
		return false
	}
	if b.repaired {
		ev.Data = b.own[:len(b.own):len(b.own)]
	} else {
		ev.Data = d.in.buf[b.from:b.to:b.to]
	}
	ev.ID, ev.Type, ev.Retry = b.id, b.typ, b.retry
	if ev.Type == "" {
		ev.Type = MessageType
	}
	d.in.served(len(ev.Data))
	b.end()
	return true
}

// growTo makes room for n more bytes in p: twice what it had, if that is not
// above the limit.
func growTo(p []byte, n, limit int) []byte {
	need := len(p) + n
	if need <= cap(p) {
		return p
	}
	own := make([]byte, len(p), max(need, min(sum(cap(p), cap(p)), limit)))
	copy(own, p)
	return own
}
