package pushwire

import "slices"

// loan is what one loop over Messages has borrowed: it ends with the next
// step.
type loan struct{ scratch *buffer }

// room returns dst, or borrowed memory with what is in dst, that has room for
// more bytes; only where nothing so large is lent it may have none. What is
// borrowed grows with the bytes that came: a peer that begins a message and
// stops holds little.
func (l *loan) room(dst []byte, more int) []byte {
	n := len(dst) + more
	if n <= cap(dst) || cap(dst) > 0 && l.scratch == nil { // that is memory of its own
		return dst
	}
	pool := &writeBuffers
	switch {
	case n > chunkBuffers.size:
		return dst
	case n > readSize:
		pool = &chunkBuffers
	case n > writeSize:
		pool = &readBuffers
	}
	larger := pool.get()
	larger.b = append(larger.b[:0], dst...)
	l.scratch.free()
	l.scratch = larger
	return larger.b
}

// grow gives dst room for more of the rest bytes that its frame still has. With
// a loan, what does not fit there any more moves to a large buffer, if an
// earlier message has left one: an echo of 1 MiB with Messages and Write costs
// 0.31 of what it does with new memory for each, and its collector.
func (l *loan) grow(dst []byte, rest int64) []byte {
	want := max(growMin, len(dst))
	if int64(want) > rest {
		want = int(rest)
	}
	if free := cap(dst) - len(dst); free >= want || free >= growMin {
		return dst
	}
	if l != nil && len(dst) >= chunkSize/2 {
		switch b := large(); {
		case b == nil:
		case cap(b.b) <= cap(dst):
			b.free()
		default:
			b.b = append(b.b, dst...)
			l.scratch.free()
			l.scratch, dst = b, b.b
		}
	}
	return slices.Grow(dst, want)
}

// drop gives the borrowed room back.
func (l *loan) drop() {
	l.scratch.free()
	l.scratch = nil
}

// holds reports whether p lies in the borrowed room.
func (l *loan) holds(p []byte) bool { return l.scratch != nil && l.scratch.holds(p) }

// end gives everything back. The caller holds Conn.reading.
func (l *loan) end(in *input) {
	if in.lent == l {
		in.lent = nil
		if !in.open { // else a Reader's piece lies in the buffer
			in.release()
		}
	}
	l.drop()
}
