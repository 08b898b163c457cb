package pushwire

// historyNotes is how many bytes of a window there are for each message that
// is only noted: what the notes take (24 bytes each) stays small beside it.
const historyNotes = 256

// history is the end of what was compressed in a context. The zero value is
// empty and has no memory.
//
// It is a ring, so that a short message costs its own length and not that of
// the window. Messages that many connections share are only noted: a
// connection that gets nothing else needs no window, and no copy.
type history struct {
	b     []byte   // grows up to the window's size
	at    int      // where b begins
	notes [][]byte // what follows it
	noted int      // bytes in notes
}

// note is add for a slice that is immutable; it is retained until it is out of
// the window, or add or settle are called.
func (h *history) note(bits int, s []byte) {
	size := 1 << bits
	if len(s) > size { // more than it is worth would be retained
		h.add(bits, s)
		return
	}
	if len(h.notes) >= size/historyNotes {
		h.settle(bits)
	}
	h.notes = append(h.notes, s)
	h.noted += len(s)
	gone := 0
	for ; h.noted-len(h.notes[gone]) >= size; gone++ {
		h.noted -= len(h.notes[gone])
	}
	if gone > 0 {
		n := copy(h.notes, h.notes[gone:])
		clear(h.notes[n:])
		h.notes = h.notes[:n]
	}
}

// settle takes the memory for a window and copies what was noted.
func (h *history) settle(bits int) {
	if h.b == nil {
		h.b = make([]byte, 0, 1<<bits)
	}
	for _, s := range h.notes {
		h.copy(s)
	}
	h.notes, h.noted = nil, 0
}

// add appends the slices of p, in order. Only the last 1<<bits bytes stay.
func (h *history) add(bits int, p ...[]byte) {
	h.settle(bits)
	for _, s := range p {
		h.copy(s)
	}
}

func (h *history) copy(s []byte) {
	if over := len(s) - cap(h.b); over > 0 {
		s = s[over:]
	}
	if free := min(cap(h.b)-len(h.b), len(s)); free > 0 {
		h.b = append(h.b, s[:free]...)
		s = s[free:]
	}
	for len(s) > 0 {
		n := copy(h.b[h.at:], s)
		s = s[n:]
		if h.at += n; h.at == len(h.b) {
			h.at = 0
		}
	}
}

// linear returns the bytes in order, once they are settled: h's own memory, or
// scratch, which grows as it has to.
func (h *history) linear(scratch *[]byte) []byte {
	if h.at == 0 {
		return h.b
	}
	*scratch = append(append((*scratch)[:0], h.b[h.at:]...), h.b[:h.at]...)
	return *scratch
}
