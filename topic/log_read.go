package topic

import (
	"context"
	"time"
)

// defaultRead is how many items Read returns at most into no buffer.
const defaultRead = 64

// place is a cursor as a log understands it.
type place struct {
	seq    uint64
	oldest bool // before the oldest item, wherever it is; seq is not used
}

// place returns where a cursor points to, or the error that Read returns.
func (l *Log) place(after Cursor) (place, error) {
	switch after {
	case "":
		return place{oldest: true}, nil
	case Now:
		return place{seq: l.head.Load()}, nil
	}
	if seq, ok := l.newest(after); ok {
		return place{seq: seq}, nil
	}
	epoch, seq, err := after.Split()
	if err != nil {
		return place{}, err
	}
	if epoch != l.epoch || seq > l.head.Load() {
		return place{}, l.gone(after)
	}
	return place{seq: seq}, nil
}

// newest finds the cursors of the newest item and of the one before without
// taking them apart. Those who keep up have no others, and have them from the
// item itself, so that comparing is looking at the same bytes.
func (l *Log) newest(after Cursor) (seq uint64, ok bool) {
	head := l.head.Load()
	for back := range min(head, 2) {
		if e := l.ring.get(head - back); e != nil && e.item.Cursor == after {
			return head - back, true
		}
	}
	return 0, false
}

// gone is the error for a cursor that the log can't go on after.
func (l *Log) gone(after Cursor) error {
	b, _ := l.Bounds(context.Background())
	return &GoneError{After: after, Oldest: b.Oldest, Head: b.Head}
}

// Read returns the items after a cursor, and waits for the first.
func (l *Log) Read(ctx context.Context, after Cursor, buf []Item) ([]Item, error) {
	l.setup()
	p, err := l.place(after)
	if err != nil {
		return nil, err
	}
	for {
		// What was closed before items were looked for has no more of them.
		closed := l.closed.Load()
		items, ok := l.collect(p, buf)
		if !ok {
			return nil, l.gone(after)
		}
		if len(items) > 0 {
			return items, nil
		}
		if closed {
			return nil, ErrClosed
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l.wait(ctx, p)
	}
}

// collect returns what is there after a place; ok is false if that is gone.
func (l *Log) collect(p place, buf []Item) (items []Item, ok bool) {
	if !p.oldest {
		return l.collectAfter(p.seq, buf)
	}
	for {
		l.expireAll()
		l.mu.Lock()
		seq := l.oldest - 1
		l.mu.Unlock()
		if items, ok := l.collectAfter(seq, buf); ok {
			return items, true
		}
		// Evicted meanwhile. Who publishes does the same work again for
		// each item that gets ahead of us, and we do it once for all.
	}
}

// collectAfter looks for the items that follow seq, without a lock.
func (l *Log) collectAfter(seq uint64, buf []Item) (items []Item, ok bool) {
	head := l.head.Load() // before the ring is looked at
	if seq >= head {
		return nil, seq == head
	}
	e := l.ring.get(seq + 1)
	if e == nil || l.tooOld(e) { // those that follow are younger
		return nil, false
	}
	items = buf[:0]
	if cap(items) == 0 {
		items = make([]Item, 0, min(defaultRead, head-seq))
	}
	for {
		items = append(items, e.item)
		if seq++; seq == head || len(items) == cap(items) {
			return items, true
		}
		if e = l.ring.get(seq + 1); e == nil { // a publisher has overtaken us
			return items, true
		}
	}
}

func (l *Log) tooOld(e *entry) bool {
	return l.MaxAge > 0 && time.Since(e.item.Time) >= l.MaxAge
}

// wait returns when there may be something after a place, or ctx has ended.
func (l *Log) wait(ctx context.Context, p place) {
	done := make(chan struct{})
	w := &Wakeup{s: call(func() { close(done) })}
	l.wake(w, p, false)
	select {
	case <-done:
	case <-ctx.Done():
		w.Stop()
	}
}
