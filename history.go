package pushwire

// historyNotes is how many bytes of a window there are for each message that
// is only noted: what the notes take (8 bytes each) stays small beside it.
const historyNotes = 256

// firstNotes is how many notes there is room for at first. Like every later
// size of the ring it is a power of two.
const firstNotes = 4

// history is the end of what was compressed in a context. The zero value is
// empty and has no memory.
//
// It is a ring, so that a short message costs its own length and not that of
// the window. Messages that many connections share are only noted: a
// connection that gets nothing else needs no window, and no copy. The notes
// are a ring too: with a window of 32 KiB full of messages of 512 bytes they are
// 64 for each connection, which a broadcast would have to move up.
type history struct {
	b     []byte     // grows up to the window's size
	notes []*encoded // what follows it: a ring, its length a power of two
	at    int32      // where b begins
	noted int32      // bytes in notes
	first uint16     // the oldest note
	n     uint16     // notes
}

// note is add for a message that is shared; it is retained until it is out of
// the window, or add or settle are called.
func (h *history) note(bits int, m *encoded) {
	size := 1 << bits
	if len(m.plain) > size { // more than it is worth would be retained
		h.add(bits, m.plain)
		return
	}
	if int(h.n) >= size/historyNotes {
		h.settle(bits)
	}
	if int(h.n) == len(h.notes) {
		h.moreNotes()
	}
	h.notes[h.slot(h.n)] = m
	h.n++
	h.noted += int32(len(m.plain))
	for {
		oldest := h.notes[h.first]
		if int(h.noted)-len(oldest.plain) < size {
			return
		}
		h.notes[h.first] = nil
		h.noted -= int32(len(oldest.plain))
		h.first = uint16(h.slot(1))
		h.n--
	}
}

// slot returns the place of the note that is i after the oldest.
func (h *history) slot(i uint16) int { return int(h.first+i) & (len(h.notes) - 1) }

func (h *history) moreNotes() {
	more := make([]*encoded, max(firstNotes, 2*len(h.notes)))
	for i := range h.n {
		more[i] = h.notes[h.slot(i)]
	}
	h.notes, h.first = more, 0
}

// settle takes the memory for a window and copies what was noted.
func (h *history) settle(bits int) {
	if h.b == nil {
		h.b = make([]byte, 0, 1<<bits)
	}
	for i := range h.n {
		h.copy(h.notes[h.slot(i)].plain)
	}
	h.notes, h.noted, h.first, h.n = nil, 0, 0, 0
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
		if h.at += int32(n); int(h.at) == len(h.b) {
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
