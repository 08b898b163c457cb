package pushservice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"
)

var (
	errStoreFull = errors.New("pushservice: the store takes nothing and too much waits for it")
	errClosed    = fmt.Errorf("pushservice: the service is closed: %w", net.ErrClosed)
)

// committer hands the changes of the state to the store, in the order in which
// they were made. Whoever comes to an idle store takes along all that waits,
// so that many requests share one write to disk. With no store it does
// nothing.
type committer struct {
	store  Store // nil: nothing is kept
	logger *slog.Logger
	turn   chan struct{} // holds one token: the right to call the store
	ctx    context.Context
	giveUp context.CancelFunc // ends ctx: nobody waits for the store any more
	ending sync.Once
	closed chan struct{} // the store is
	err    error         // of the end, once closed is

	mu      sync.Mutex
	pending []Change
	bytes   int
	added   uint64 // changes that were ever added
	done    uint64 // of these, how many are kept
	kicked  bool   // a goroutine of ours is about to take what waits
	failed  bool   // the last Apply failed
	last    bool   // finish has begun, and brings out what waits itself
	wg      sync.WaitGroup
}

func newCommitter(s Store, l *slog.Logger) *committer {
	c := &committer{store: s, logger: l, turn: make(chan struct{}, 1), closed: make(chan struct{})}
	c.ctx, c.giveUp = context.WithCancel(context.Background())
	c.turn <- struct{}{}
	return c
}

// full reports whether the store is so far behind that nothing new should be
// begun.
func (c *committer) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes > maxPending
}

// add queues changes and returns what to wait for. The caller holds the lock
// of the state, which gives the order.
func (c *committer) add(changes ...Change) uint64 {
	if c.store == nil || len(changes) == 0 {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(c.pending, changes...)
	for _, ch := range changes {
		c.bytes += len(ch.ID) + len(ch.Value)
	}
	c.added += uint64(len(changes))
	return c.added
}

// wait returns when the first n changes are kept. If it fails they stay
// queued, and go out with a later call.
func (c *committer) wait(ctx context.Context, n uint64) error {
	if c.store == nil || n == 0 {
		return nil
	}
	if c.has(n) {
		return nil
	}
	select {
	case <-c.turn:
	case <-c.closed:
		return c.missed(n)
	case <-c.ctx.Done():
		return c.missed(n)
	case <-ctx.Done():
		c.kick() // nobody else may come
		return ctx.Err()
	}
	defer func() { c.turn <- struct{}{} }()
	return c.commit(n)
}

// has reports whether the store has the first n changes.
func (c *committer) has(n uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done >= n
}

// missed is what became of the first n changes at the end.
func (c *committer) missed(n uint64) error {
	if c.has(n) { // the last write took them along
		return nil
	}
	return errClosed
}

// commit brings all that waits to the store, unless the first n are there
// already. The caller has the turn. A request that goes away does not end it:
// others may wait for the same write.
func (c *committer) commit(n uint64) error {
	for {
		c.mu.Lock()
		batch, bytes := firstOf(c.pending)
		if c.done >= n || len(batch) == 0 {
			c.mu.Unlock()
			return nil
		}
		c.pending = c.pending[len(batch):]
		c.mu.Unlock()

		err := c.store.Apply(c.ctx, batch)

		c.mu.Lock()
		if err != nil {
			c.pending = append(slices.Clip(batch), c.pending...)
			if !c.failed {
				c.logger.Error("pushservice: the store failed", "error", err)
			}
			c.failed = true
			c.mu.Unlock()
			return err
		}
		c.failed = false
		c.bytes -= bytes
		c.done += uint64(len(batch))
		c.mu.Unlock()
	}
}

// firstOf returns as many of the changes as are brought to the store at once,
// and their size. Who makes changes puts them in an order in which each is good
// without the next.
func firstOf(changes []Change) (batch []Change, bytes int) {
	for i, ch := range changes {
		size := len(ch.ID) + len(ch.Value)
		if i > 0 && bytes+size > maxBatch {
			return changes[:i], bytes
		}
		bytes += size
	}
	return changes, bytes
}

// kick sees to it that what waits goes out soon, for those who need not know
// when.
func (c *committer) kick() {
	if c.store == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kicked || c.last || len(c.pending) == 0 {
		return
	}
	c.kicked = true
	c.wg.Go(func() {
		<-c.turn
		c.mu.Lock()
		c.kicked = false
		n := c.added
		c.mu.Unlock()
		c.commit(n) // a failure was logged, and the changes stay queued
		c.turn <- struct{}{}
	})
}

// storeGrace is what a store has beyond the end of a shutdown's context: that
// may have gone by while connections were closed, and a store that is well needs
// no more.
const storeGrace = time.Second

// close brings out what waits and closes the store. It waits for that as long
// as ctx lasts, and storeGrace.
func (c *committer) close(ctx context.Context) error {
	if c.store == nil {
		return nil
	}
	c.ending.Do(func() { go c.finish() })
	select {
	case <-c.closed:
		return c.err
	case <-ctx.Done():
	}
	t := time.NewTimer(storeGrace)
	defer t.Stop()
	select {
	case <-c.closed:
		return c.err
	case <-t.C:
		c.giveUp()
		return fmt.Errorf("pushservice: the store did not end in time: %w", context.Cause(ctx))
	}
}

// finish is what close waits for. Whoever waits for the store goes once close
// has given up, or the store is closed.
func (c *committer) finish() {
	defer c.giveUp()
	defer close(c.closed)
	c.mu.Lock()
	c.last = true
	c.mu.Unlock()
	c.wg.Wait()
	<-c.turn // nobody gets it any more
	c.mu.Lock()
	n := c.added
	c.mu.Unlock()
	err := c.commit(n)
	c.err = errors.Join(err, c.store.Close())
}
