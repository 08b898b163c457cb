package eventstream

import "sync"

// turn is a lock for as long as a peer lets a writer wait. It is none of
// sync's: a goroutine that waits for a sync.Mutex does not count as blocked in
// a bubble of testing/synctest, whose clock would stand still, and so would
// the deadline for which the holder waits. It need not be unlocked by the
// goroutine that has locked it.
type turn struct {
	mu    sync.Mutex // guards the fields below; held for no longer than they are looked at
	taken bool
	free  *sync.Cond // on mu; nil until somebody has waited
}

func (t *turn) Lock() {
	t.mu.Lock()
	for t.taken {
		if t.free == nil {
			t.free = sync.NewCond(&t.mu)
		}
		t.free.Wait()
	}
	t.taken = true
	t.mu.Unlock()
}

// TryLock takes the turn if nobody has it, and reports whether it did.
func (t *turn) TryLock() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	free := !t.taken
	t.taken = true
	return free
}

func (t *turn) Unlock() {
	t.mu.Lock()
	t.taken = false
	if t.free != nil {
		t.free.Signal()
	}
	t.mu.Unlock()
}
