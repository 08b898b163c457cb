package pushwire

import (
	"context"
	"sync"
	"sync/atomic"
)

// watch lets a context interrupt a wait on the transport. It keeps its
// registration with the context from one wait to the next, so that a loop
// under one context registers once. The goroutine that waits calls begin and
// end; fire comes from the context's.
type watch struct {
	mu     sync.Mutex
	done   <-chan struct{} // of the context that stop belongs to
	stop   func() bool     // takes the registration back
	write  bool            // fixed: interrupts writes, else reads
	active bool            // between begin and end
	fired  bool            // the wait was interrupted
	gone   bool            // the connection has ended: nothing is registered any more

	held atomic.Bool // a context has had a pointer to the watch, or the connection has ended
}

// begin has the wait on c's transport interrupted once when ctx ends before
// end. It reports false, and nothing is watched, where ctx can't end, or only
// with c itself.
func (w *watch) begin(ctx context.Context, c *Conn) bool {
	if ctx == (*connContext)(c) {
		return false
	}
	done := ctx.Done()
	if done == nil {
		return false
	}
	w.mu.Lock()
	if w.gone {
		w.mu.Unlock()
		return false
	}
	if w.done != done {
		if w.stop != nil {
			w.stop()
		}
		w.done = done
		w.held.Store(true)
		w.stop = context.AfterFunc(ctx, func() { w.fire(done, c) })
	}
	w.active = true
	w.mu.Unlock()
	if ctx.Err() != nil { // the kept registration may have fired before begin
		w.fire(done, c)
	}
	return true
}

func (w *watch) fire(done <-chan struct{}, c *Conn) {
	w.mu.Lock()
	if w.active && !w.fired && w.done == done {
		w.fired = true
		if w.write {
			c.wire.interruptWrite()
		} else {
			c.wire.interruptRead()
		}
	}
	w.mu.Unlock()
}

// end reports whether the wait was interrupted; it is not from then on.
func (w *watch) end() bool {
	w.mu.Lock()
	fired := w.fired
	w.active, w.fired = false, false
	w.mu.Unlock()
	return fired
}

// used reports whether a context may have a pointer to w. The caller knows that
// nobody is between begin and end.
func (w *watch) used() bool { return w.held.Load() }

// drop takes the registration back, at the end of the connection.
func (w *watch) drop() {
	w.mu.Lock()
	if w.stop != nil {
		w.stop()
	}
	w.done, w.stop, w.gone = nil, nil, true
	w.held.Store(true)
	w.mu.Unlock()
}
