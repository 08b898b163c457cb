package topic

// waitlist holds those who wait, in the order in which their items come: who
// joins it waits for the item after the newest, so nobody before it waits for a
// later one. Those who need not wait join it in front.
//
// It is a ring, and not a list that goes through the Wakeups: what they lie in
// is not looked at before they are called. With 10,000 of them that was a miss
// of the cache for each, one after the other. Who leaves from the middle leaves
// a gap.
type waitlist struct {
	ring       []waiting // its length is a power of two, or 0
	first, end uint64    // positions, which count on for ever: a place in ring is one modulo its length
	n          int       // without the gaps
}

// waiting is a place in a waitlist.
type waiting struct {
	w    *Wakeup // nil for a gap
	next uint64  // number of the item that it waits for; 0 for none
}

// waitlistMin is the least length of a ring.
const waitlistMin = 16

func (q *waitlist) at(position uint64) *waiting { return &q.ring[position&uint64(len(q.ring)-1)] }

func (q *waitlist) pushBack(w *Wakeup, next uint64) {
	q.makeRoom()
	w.at = q.end
	*q.at(q.end) = waiting{w, next}
	q.end++
	q.n++
}

func (q *waitlist) pushFront(w *Wakeup) {
	q.makeRoom()
	q.first--
	w.at = q.first
	*q.at(q.first) = waiting{w, 0}
	q.n++
}

// front returns who is first, and what for; nil for nobody.
func (q *waitlist) front() (w *Wakeup, next uint64) {
	for ; q.first != q.end; q.first++ {
		if p := q.at(q.first); p.w != nil {
			return p.w, p.next
		}
	}
	return nil, 0
}

// popFront removes who front has returned.
func (q *waitlist) popFront() {
	q.at(q.first).w = nil
	q.first++
	q.n--
	q.shrink()
}

// remove takes w out. It reports whether it was there.
func (q *waitlist) remove(w *Wakeup) bool {
	if w.at-q.first >= q.end-q.first || q.at(w.at).w != w {
		return false
	}
	q.at(w.at).w = nil
	q.n--
	q.shrink()
	return true
}

// makeRoom sees to it that one more has a place.
func (q *waitlist) makeRoom() {
	if q.end-q.first == uint64(len(q.ring)) {
		q.move()
	}
}

// shrink gives up memory that is not needed any more.
func (q *waitlist) shrink() {
	if len(q.ring) > waitlistMin && q.n < len(q.ring)/8 {
		q.move()
	}
}

// move closes the gaps, in a ring of which a half at most is taken.
func (q *waitlist) move() {
	size := waitlistMin
	for size < 2*q.n {
		size *= 2
	}
	to := waitlist{ring: make([]waiting, size)}
	for ; q.first != q.end; q.first++ {
		if p := q.at(q.first); p.w != nil {
			to.pushBack(p.w, p.next)
		}
	}
	*q = to
}
