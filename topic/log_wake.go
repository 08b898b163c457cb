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
	first, last *Wakeup
	workers     int
}

// wakerStep is how many wakers a goroutine takes from the list at once.
const wakerStep = 64

// Wakeup is a call of [Waker].Wake for who waits again and again: it is the
// place in the list of those who wait, so that waiting makes nothing. It is not
// to be copied.
type Wakeup struct {
	f          func()
	log        *Log
	seq        uint64        // the call is due when there is an item after it
	state      atomic.Uint32 // to wakeWaiting only with the lock of the list
	now        bool          // due at once
	listed     bool          // in the list
	prev, next *Wakeup
}

// States of a Wakeup.
const (
	wakeIdle    = iota // never waited, or its call has begun
	wakeWaiting        // in the list, or taken from it for its call
	wakeStopped        // for good
)

// Init says what is to be called. It comes before the first WakeBy.
func (w *Wakeup) Init(f func()) { w.f = f }

// Stop takes back a call that has not begun. There will be no further one:
// WakeBy does nothing then. It may be called from any goroutine, and often.
func (w *Wakeup) Stop() {
	if w.state.Swap(wakeStopped) != wakeWaiting {
		return
	}
	ws := &w.log.wakers
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w.listed {
		ws.remove(w)
	}
}

// Wake has f called when there is something after the cursor.
func (l *Log) Wake(after Cursor, f func()) (stop func()) {
	w := &Wakeup{f: f}
	l.WakeBy(w, after)
	return w.Stop
}

// Waiting is how many calls of Read and Wake wait for an item at the moment.
func (l *Log) Waiting() int { return int(l.wakers.waiting.Load()) }

// WakeBy is Wake with a Wakeup of the caller's, which is always given to the
// same log. It does nothing while w waits, and after Stop.
func (l *Log) WakeBy(w *Wakeup, after Cursor) {
	l.setup()
	p, err := l.place(after)
	l.wake(w, p, err != nil)
}

// wake has w called when there is something after a place, or now.
func (l *Log) wake(w *Wakeup, p place, now bool) {
	if p.oldest {
		l.expireAll()
		l.mu.Lock()
		p.seq = l.oldest - 1
		l.mu.Unlock()
	}
	l.wakers.add(l, w, p.seq, now)
}

// add puts w into the list.
func (ws *wakers) add(l *Log, w *Wakeup, seq uint64, now bool) {
	ws.mu.Lock()
	if w.state.Load() != wakeIdle {
		ws.mu.Unlock()
		return
	}
	w.log, w.seq, w.now = l, seq, now // before Stop looks at them
	if !w.state.CompareAndSwap(wakeIdle, wakeWaiting) {
		ws.mu.Unlock()
		return
	}
	ws.waiting.Add(1) // before the head is looked at: a publisher does the reverse
	w.listed = true
	due := w.due(l)
	if due {
		w.now = true
		ws.pushFront(w)
	} else {
		ws.pushBack(w)
	}
	ws.mu.Unlock()
	if due {
		ws.work(l)
	}
}

func (w *Wakeup) due(l *Log) bool {
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
	var due [wakerStep]*Wakeup
	for {
		n := ws.take(l, &due)
		if n == 0 {
			return
		}
		for i, w := range due[:n] {
			if w.state.CompareAndSwap(wakeWaiting, wakeIdle) {
				w.f()
			}
			due[i] = nil
		}
	}
}

// take moves wakers that are due from the list to due. Before it returns 0 it
// takes leave: working is false, or it is another's.
func (ws *wakers) take(l *Log, due *[wakerStep]*Wakeup) (n int) {
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

func (ws *wakers) pushBack(w *Wakeup) {
	if w.prev = ws.last; ws.last != nil {
		ws.last.next = w
	} else {
		ws.first = w
	}
	ws.last = w
}

func (ws *wakers) pushFront(w *Wakeup) {
	if w.next = ws.first; ws.first != nil {
		ws.first.prev = w
	} else {
		ws.last = w
	}
	ws.first = w
}

func (ws *wakers) remove(w *Wakeup) {
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
