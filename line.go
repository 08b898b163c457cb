package pushwire

import "iter"

// line is a queue of those who wait. While nobody does, which is nearly always,
// it takes one word. The zero value is empty.
type line[T comparable] struct {
	last *place[T] // last.next is the first
}

type place[T comparable] struct {
	who  T
	next *place[T]
}

func (l *line[T]) empty() bool { return l.last == nil }

// push puts who at the end.
func (l *line[T]) push(who T) {
	p := &place[T]{who: who}
	if l.last == nil {
		p.next = p
	} else {
		p.next, l.last.next = l.last.next, p
	}
	l.last = p
}

// all returns those who wait, in order. The loop may end the line's life, and
// must not change it otherwise.
func (l *line[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) {
		last := l.last
		if last == nil {
			return
		}
		for p := last.next; yield(p.who) && p != last; p = p.next {
		}
	}
}

// remove takes who out and reports whether it was there.
func (l *line[T]) remove(who T) bool {
	before := l.last
	if before == nil {
		return false
	}
	for p := before.next; ; before, p = p, p.next {
		if p.who == who {
			before.next = p.next
			switch {
			case p.next == p:
				l.last = nil
			case p == l.last:
				l.last = before
			}
			return true
		}
		if p == l.last {
			return false
		}
	}
}
