package pushwire

import (
	"context"
	"sync"
	"sync/atomic"
)

// turn is a lock that is given in order of arrival and that a waiter can
// leave when its context ends. The zero value is free.
type turn struct {
	state   atomic.Int32
	mu      sync.Mutex // of waiters, and of all changes from and to turnWanted
	waiters line[chan struct{}]
}

// States of a turn.
const (
	turnFree   = iota // nobody waits
	turnHeld          // nobody waits
	turnWanted        // held, and somebody waits or has waited
)

// try takes the turn if it is free.
func (t *turn) try() bool { return t.state.CompareAndSwap(turnFree, turnHeld) }

// take waits for the turn; it fails only with the context's error. Where it has
// to wait it calls waits, unless that is nil, once its place is sure.
func (t *turn) take(ctx context.Context, waits func()) error {
	if t.try() { // a mutex in place of this made BenchmarkBurst 1.15 x as long
		return nil
	}
	return t.wait(ctx, waits)
}

func (t *turn) wait(ctx context.Context, waits func()) error {
	t.mu.Lock()
	for !t.state.CompareAndSwap(turnHeld, turnWanted) && t.state.Load() != turnWanted {
		if t.state.CompareAndSwap(turnFree, turnHeld) {
			t.mu.Unlock()
			return nil
		}
	}
	ch := make(chan struct{})
	t.waiters.push(ch)
	t.mu.Unlock()
	if waits != nil {
		waits()
	}
	select {
	case <-ch:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	waited := t.waiters.remove(ch)
	t.mu.Unlock()
	if !waited { // it came at the same moment: pass it on
		t.give()
	}
	return ctx.Err()
}

// give hands the turn to the next waiter, or frees it.
func (t *turn) give() {
	if !t.state.CompareAndSwap(turnHeld, turnFree) {
		t.pass()
	}
}

func (t *turn) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for first := range t.waiters.all() {
		t.waiters.remove(first)
		close(first)
		return // as turnWanted: whoever gives it next looks again
	}
	t.state.Store(turnFree)
}
