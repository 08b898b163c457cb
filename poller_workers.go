package pushwire

import "sync"

// workers is the bounded set of goroutines in which a Poller's functions are
// called. They come as they are needed; idleWorkers of them stay.
type workers struct {
	max int // fixed

	mu      sync.Mutex
	wake    sync.Cond
	queue   list
	all     int  // goroutines
	idle    int  // those that wait
	waking  bool // one was called and has not come yet
	stopped bool
}

// idleWorkers is how many goroutines wait for work. More end.
const idleWorkers = 4

// list is a queue of connections, linked through themselves.
type list struct{ first, last *polled }

func (l *list) push(r *polled) {
	if l.first == nil {
		l.first = r
	} else {
		l.last.next = r
	}
	l.last = r
}

func (l *list) pop() *polled {
	r := l.first
	l.first, r.next = r.next, nil
	if l.first == nil {
		l.last = nil
	}
	return r
}

// submit puts all of l into the queue.
func (w *workers) submit(l *list) {
	if l.first == nil {
		return
	}
	w.mu.Lock()
	if w.queue.first == nil {
		w.queue = *l
	} else {
		w.queue.last.next, w.queue.last = l.first, l.last
	}
	w.call()
	w.mu.Unlock()
}

// call has one more worker come, unless one is on its way already: that one
// calls the next if there is work for it. So a batch wakes as many as can run
// and not as many as it has connections. The caller holds mu.
func (w *workers) call() {
	switch {
	case w.waking:
	case w.idle > 0:
		w.waking = true
		w.idle--
		w.wake.Signal()
	case w.all < w.max:
		w.waking = true
		w.all++
		go w.work()
	}
}

// waited reports whether connections wait for a worker.
func (w *workers) waited() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.queue.first != nil
}

// work is a worker.
func (w *workers) work() {
	l := new(loan)
	w.mu.Lock()
	called := true
	for {
		for w.queue.first == nil {
			if called {
				w.waking, called = false, false
			}
			if w.stopped || w.idle >= idleWorkers {
				w.all--
				w.mu.Unlock()
				return
			}
			w.idle++
			w.wake.Wait()
			called = true
		}
		r := w.queue.pop()
		if called {
			w.waking, called = false, false
		}
		if w.queue.first != nil {
			w.call()
		}
		w.mu.Unlock()
		w.serve(r, l)
		w.mu.Lock()
	}
}

// serve has r served by the worker whose loan l is. A panic in r's function
// ends the connection and not the worker; the end of the goroutine, as by a
// test's FailNow (runtime.Goexit), costs the worker, and the next one is called.
// Either way r goes on, to its end.
func (w *workers) serve(r *polled, l *loan) {
	again, returned := false, false
	defer func() {
		if returned && !again {
			return
		}
		if !returned {
			v := recover()
			r.broken(v)
			l.drop()
			if v == nil {
				w.mu.Lock()
				w.all--
				w.mu.Unlock()
			}
			if r.fd < 0 {
				return // its goroutine goes on
			}
		}
		w.mu.Lock()
		r.state.Store(polledQueued)
		w.queue.push(r)
		w.call()
		w.mu.Unlock()
	}()
	again = r.serve(l)
	returned = true
}

// start lets workers wait for work.
func (w *workers) start() {
	w.mu.Lock()
	w.stopped = false
	w.mu.Unlock()
}

// stop ends the workers once nothing is left to do. What comes later has one
// come for it.
func (w *workers) stop() {
	w.mu.Lock()
	w.stopped = true
	w.idle = 0
	w.wake.Broadcast()
	w.mu.Unlock()
}
