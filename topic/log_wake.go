package topic

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// wakers are those who wait for an item of a log.
//
// Who publishes does not touch the list: when somebody waits it sees to it that
// a goroutine does, and goes on. That one takes wakers from the list, some at a
// time, and ends when nobody is left to be called. When they are many it starts
// another, up to one a processor.
//
// The list is in the order of places: who joins it waits for the item after the
// newest, so nobody before it waits for a later one. Those who need not wait
// join it in front.
type wakers struct {
	waiting atomic.Int64 // length of the list
	working atomic.Bool  // there are goroutines, or one is about to be

	mu          sync.Mutex
	first, last *waker
	workers     int
}

// wakerStep is how many wakers a goroutine takes from the list at once.
const wakerStep = 64

// waker is one call that somebody waits for.
type waker struct {
	f          func()
	seq        uint64      // the call is due when there is an item after it
	now        bool        // or at once
	done       atomic.Bool // called, or about to be, or stopped
	listed     bool        // in the list
	prev, next *waker
}

// Wake has f called when there is something after the cursor.
func (l *Log) Wake(after Cursor, f func()) (stop func()) {
	l.setup()
	p, err := l.place(after)
	if err != nil {
		return l.wakers.add(l, &waker{f: f, now: true})
	}
	return l.wake(p, f)
}

func (l *Log) wake(p place, f func()) (stop func()) {
	w := &waker{f: f, seq: p.seq}
	if p.oldest {
		l.expireAll()
		l.mu.Lock()
		w.seq = l.oldest - 1
		l.mu.Unlock()
	}
	return l.wakers.add(l, w)
}

// add puts w into the list.
func (ws *wakers) add(l *Log, w *waker) (stop func()) {
	ws.mu.Lock()
	ws.waiting.Add(1) // before the head is looked at: a publisher does the reverse
	w.listed = true
	if w.now = w.now || w.due(l); w.now {
		ws.pushFront(w)
	} else {
		ws.pushBack(w)
	}
	ws.mu.Unlock()
	if w.now {
		ws.work(l)
	}
	return func() {
		if w.done.Swap(true) {
			return
		}
		ws.mu.Lock()
		defer ws.mu.Unlock()
		if w.listed {
			ws.remove(w)
		}
	}
}

func (w *waker) due(l *Log) bool {
	return w.now || w.seq < l.head.Load() || l.closed.Load()
}

// published is called after the head has moved or the log was closed.
func (ws *wakers) published(l *Log) {
	if ws.waiting.Load() > 0 {
		ws.work(l)
	}
}

// work sees to it that a goroutine looks at the list after this moment.
func (ws *wakers) work(l *Log) {
	if !ws.working.Load() && ws.working.CompareAndSwap(false, true) {
		go func() { // the publisher does not even wait for the lock
			ws.mu.Lock()
			ws.workers++
			ws.mu.Unlock()
			ws.run(l)
		}()
	}
}

func (ws *wakers) run(l *Log) {
	var due [wakerStep]*waker
	for {
		n := ws.take(l, &due)
		if n == 0 {
			return
		}
		for i, w := range due[:n] {
			if !w.done.Swap(true) {
				w.f()
			}
			due[i] = nil
		}
	}
}

// take moves wakers that are due from the list to due. Before it returns 0 it
// takes leave: working is false, or it is another's.
func (ws *wakers) take(l *Log, due *[wakerStep]*waker) (n int) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for {
		for n < len(due) && ws.first != nil && ws.first.due(l) {
			due[n] = ws.first
			n++
			ws.remove(ws.first)
		}
		if n > 0 {
			if n == len(due) && ws.workers < runtime.GOMAXPROCS(0) && ws.first != nil && ws.first.due(l) {
				ws.workers++
				go ws.run(l)
			}
			return n
		}
		if ws.workers > 1 {
			ws.workers--
			return 0
		}
		ws.working.Store(false)
		// Who published before that relied on us: look once more.
		if ws.first == nil || !ws.first.due(l) || !ws.working.CompareAndSwap(false, true) {
			ws.workers--
			return 0
		}
	}
}

func (ws *wakers) pushBack(w *waker) {
	if w.prev = ws.last; ws.last != nil {
		ws.last.next = w
	} else {
		ws.first = w
	}
	ws.last = w
}

func (ws *wakers) pushFront(w *waker) {
	if w.next = ws.first; ws.first != nil {
		ws.first.prev = w
	} else {
		ws.last = w
	}
	ws.first = w
}

func (ws *wakers) remove(w *waker) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		ws.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		ws.last = w.prev
	}
	w.prev, w.next, w.listed = nil, nil, false
	ws.waiting.Add(-1)
}
