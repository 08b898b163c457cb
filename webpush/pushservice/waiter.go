package pushservice

import "sync/atomic"

// waiters are those who wait for something in an agent's queue or in a receipt
// subscription. They are under the lock of the state.
type waiters map[*waiter]struct{}

// waiter is one wait. f is called once, without the lock, when ready, which is
// asked under the lock, says so.
type waiter struct {
	ready func() bool
	f     func()
	over  atomic.Bool // f has begun, or must not any more
}

func (w *waiter) run() {
	if w.over.CompareAndSwap(false, true) {
		w.f()
	}
}

func (w *waiters) add(n *waiter) {
	if *w == nil {
		*w = make(waiters)
	}
	(*w)[n] = struct{}{}
}

// notify wakes those who are ready, and returns how many they are. Who changes
// something never waits for them.
func (w waiters) notify() (woken int) {
	var due []*waiter
	for n := range w {
		if n.ready() {
			delete(w, n)
			due = append(due, n)
		}
	}
	if len(due) > 0 {
		go func() {
			for _, n := range due {
				n.run()
			}
		}()
	}
	return len(due)
}
