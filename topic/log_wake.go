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
type wakers struct {
	waiting atomic.Int64 // length of the list
	working atomic.Bool  // there are goroutines, or one is about to be

	mu      sync.Mutex
	list    waitlist
	workers int
}

// wakerStep is how many wakers a goroutine takes from the list at once.
const wakerStep = 64

// Sleeper is who waits with a [Wakeup].
type Sleeper interface {
	// Wake is what f is of [Waker].Wake.
	Wake()

	// Touch is called some time before Wake, with the lock of nobody: for who
	// waits in great number, and knows what memory Wake is going to need. One
	// atomic load of each cache line is enough: the processor fetches those of
	// many that are touched in a row at the same time, and those of each that
	// is called one after the other. It may do nothing, must not wait or change
	// anything, and Wake need not follow.
	Touch()
}

// call is a Sleeper that is called once and far from others.
type call func()

func (f call) Wake()  { f() }
func (f call) Touch() {}

// Wakeup is a call of [Waker].Wake for who waits again and again: it is the
// place in the list of those who wait, so that waiting makes nothing. It is not
// to be copied.
type Wakeup struct {
	s     Sleeper
	log   *Log
	state atomic.Uint32 // to wakeWaiting only with the lock of the list
	at    uint64        // position in the list
}

// States of a Wakeup.
const (
	wakeIdle    = iota // never waited, or its call has begun
	wakeWaiting        // in the list, or taken from it for its call
	wakeStopped        // for good
)

// Init says who is to be called. It comes before the first WakeBy.
func (w *Wakeup) Init(s Sleeper) { w.s = s }

// Stop takes back a call that has not begun. There will be no further one:
// WakeBy does nothing then. It may be called from any goroutine, and often.
func (w *Wakeup) Stop() {
	if w.state.Swap(wakeStopped) != wakeWaiting {
		return
	}
	ws := &w.log.wakers
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.list.remove(w) {
		ws.waiting.Add(-1)
	}
}

// Wake has f called when there is something after the cursor.
func (l *Log) Wake(after Cursor, f func()) (stop func()) {
	w := &Wakeup{s: call(f)}
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
	next := p.seq + 1
	if now {
		next = 0
	}
	l.wakers.add(l, w, next)
}

// add puts w into the list, to be called when the item number next is there.
func (ws *wakers) add(l *Log, w *Wakeup, next uint64) {
	ws.mu.Lock()
	if w.state.Load() != wakeIdle {
		ws.mu.Unlock()
		return
	}
	w.log = l // before Stop looks at it
	if !w.state.CompareAndSwap(wakeIdle, wakeWaiting) {
		ws.mu.Unlock()
		return
	}
	ws.waiting.Add(1) // before the head is looked at: a publisher does the reverse
	due := l.due(next)
	if due {
		ws.list.pushFront(w)
	} else {
		ws.list.pushBack(w, next)
	}
	ws.mu.Unlock()
	if due {
		ws.work(l)
	}
}

// due reports whether who waits for the item number next has to be called.
func (l *Log) due(next uint64) bool { return next <= l.head.Load() || l.closed.Load() }

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
		for _, w := range due[:n] {
			if w.state.Load() == wakeWaiting {
				w.s.Touch()
			}
		}
		for i, w := range due[:n] {
			if w.state.CompareAndSwap(wakeWaiting, wakeIdle) {
				w.s.Wake()
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
		for n < len(due) {
			w, next := ws.list.front()
			if w == nil || !l.due(next) {
				break
			}
			ws.list.popFront()
			due[n] = w
			n++
		}
		if n > 0 {
			ws.waiting.Add(-int64(n))
			if n == len(due) && ws.workers < runtime.GOMAXPROCS(0) && ws.frontDue(l) {
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
		if !ws.frontDue(l) || !ws.working.CompareAndSwap(false, true) {
			ws.workers--
			return 0
		}
	}
}

// frontDue reports whether somebody has to be called. The caller holds mu.
func (ws *wakers) frontDue(l *Log) bool {
	w, next := ws.list.front()
	return w != nil && l.due(next)
}
