package pushwire

// queue holds the messages of Send until the transport takes them. Its
// fields are guarded by output.mu.
type queue struct {
	items []*encoded
	bytes int           // that they count for
	gone  uint64        // messages that have left, in order
	room  chan struct{} // closed and forgotten when a message leaves; nil while nobody waits
}

func (q *queue) empty() bool { return len(q.items) == 0 }

// fits reports whether n more bytes may wait: within the bound, or alone.
func (q *queue) fits(n, bound int) bool {
	return len(q.items) == 0 || n <= bound-q.bytes
}

func (q *queue) push(m *encoded) {
	q.items = append(q.items, m)
	q.bytes += m.cost()
}

// first returns the oldest message, nil when there is none.
func (q *queue) first() *encoded {
	if len(q.items) == 0 {
		return nil
	}
	return q.items[0]
}

// pop takes the oldest message and wakes who waits for room.
func (q *queue) pop() *encoded {
	m := q.items[0]
	q.items[0] = nil
	q.items = q.items[1:]
	q.bytes -= m.cost()
	q.gone++
	if len(q.items) == 0 {
		q.items = nil // an idle connection keeps no room
	}
	q.wake()
	return m
}

// wait returns a channel that is closed when there may be room again.
func (q *queue) wait() <-chan struct{} {
	if q.room == nil {
		q.room = make(chan struct{})
	}
	return q.room
}

func (q *queue) wake() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

func (q *queue) clear() {
	q.gone += uint64(len(q.items))
	q.items, q.bytes = nil, 0
	q.wake()
}
