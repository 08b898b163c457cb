package pushwire

import (
	"context"
	"sync"
	"sync/atomic"
)

// turn is a lock that is given in order of arrival and that a waiter can
// leave when its context ends. It counts what was done in its turns, which costs
// nothing that way: an atomic count of its own is 0.06 of BenchmarkBurst. The
// zero value is free.
type turn struct {
	state   atomic.Uint64 // who has it, in the bits of turnMask; above them the count
	mu      sync.Mutex    // of waiters, and of all changes from and to turnWanted
	waiters line[chan struct{}]
	done    int32 // what give or tell is to count; belongs to the holder
}

// States of a turn.
const (
	turnFree   = iota // nobody waits
	turnHeld          // nobody waits
	turnWanted        // held, and somebody waits or has waited
	turnMask          // the bits that these take

	turnOne = turnMask + 1 // of the count
)

// count returns what was done in turns that are over, and what was told before.
func (t *turn) count() uint64 { return t.state.Load() / turnOne }

// try takes the turn if it is free.
func (t *turn) try() bool {
	for {
		s := t.state.Load()
		if s&turnMask != turnFree {
			return false
		}
		if t.state.CompareAndSwap(s, s|turnHeld) {
			return true
		}
	}
}

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
	for !t.want() {
		if t.try() {
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

// want makes sure that whoever has the turn will look at waiters; it reports
// false where nobody seems to have it. The caller holds mu.
func (t *turn) want() bool {
	s := t.state.Load()
	switch s & turnMask {
	case turnWanted:
		return true
	case turnHeld:
		return t.state.CompareAndSwap(s, s-turnHeld+turnWanted)
	}
	return false
}

// give hands the turn to the next waiter, or frees it.
func (t *turn) give() {
	s, done := t.state.Load(), turnOne*uint64(t.done) // which may be below zero: then it wraps round
	t.done = 0
	if s&turnMask != turnHeld || !t.state.CompareAndSwap(s, s-turnHeld+turnFree+done) {
		t.pass(done)
	}
}

// tell counts what was done so far: for a holder that is about to wait.
func (t *turn) tell() {
	t.state.Add(turnOne * uint64(t.done))
	t.done = 0
}

func (t *turn) pass(done uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for first := range t.waiters.all() {
		t.waiters.remove(first)
		t.state.Add(done)
		close(first)
		return // as turnWanted: whoever gives it next looks again
	}
	t.state.Add(done + turnFree - turnWanted)
}
