package pushwire

import (
	"context"
	"sync"
)

// turn is a lock that is given in order of arrival and that a waiter can
// leave when its context ends. The zero value is free.
type turn struct {
	mu      sync.Mutex
	held    bool
	waiters line[chan struct{}]
}

// take waits for the turn; it fails only with the context's error. Where it has
// to wait it calls waits, unless that is nil, once its place is sure.
func (t *turn) take(ctx context.Context, waits func()) error {
	t.mu.Lock()
	if !t.held {
		t.held = true
		t.mu.Unlock()
		return nil
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
	t.mu.Lock()
	t.held = false
	for first := range t.waiters.all() {
		t.held = true
		t.waiters.remove(first)
		close(first)
		break
	}
	t.mu.Unlock()
}
