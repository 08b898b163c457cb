package pushwire

import (
	"sync"
	"time"
)

// A reply that is written while the peer's next frame lies in the buffer waits
// for the reply to that one: what answers a burst goes out in one system call,
// once the reader runs out of frames (beforeWait). Should the application do
// something else before it comes to that, somebody has to flush what waits:
//
//   - a goroutine, which the scheduler runs as soon as this one gives way;
//   - or, where that has come in vain many times in a row, because the
//     application is a loop that reads, the timer of corks, within two
//     milliseconds: a goroutine for each burst is 0.06 of what an echo of 64 B
//     with 16 in flight costs, and wakes another processor where one is idle.
//     Not so on a connection in memory, whose bubble of testing/synctest may
//     have a clock that stands still; nor under TLS, where a flush is a
//     goroutine anyway.

const (
	// promptMin is how many times in a row nothing may have been left to flush
	// before the timer looks and no goroutine is started.
	promptMin = 16

	// corkLook is the time from one look of the timer to the next.
	corkLook = time.Millisecond
)

// corks are the Conns of a keepalive that the timer looks after. mu guards all
// fields, and is taken while output.mu is held.
type corks struct {
	mu    sync.Mutex
	conns []*Conn // whose outgoing.scheduled is true
	spare []*Conn // memory for conns
	timer *time.Timer
}

// cork leaves pending to a later flush. The caller holds mu.
func (c *Conn) cork() {
	o := &c.out
	if !o.corked.Load() {
		o.corked.Store(true)
	}
	if o.scheduled {
		return
	}
	o.scheduled = true
	if k := c.keep.in; k != nil && o.prompt >= promptMin && c.wire.raw != nil {
		k.corks.watch(c)
	} else {
		go c.flushLate()
	}
}

// uncork sends what was held back for company, as far as it goes out without
// waiting: a reader must not be held up by a peer that does not read.
func (c *Conn) uncork() {
	o := &c.out
	o.lock()
	if !o.busy && o.err == nil && o.pending != nil {
		c.kick()
	}
	o.unlock()
}

// flushLate flushes what is still corked.
func (c *Conn) flushLate() {
	o := &c.out
	o.lock()
	o.scheduled = false
	switch {
	case o.corked.Load():
		o.prompt = 0
		c.kick()
	case o.prompt < promptMin:
		o.prompt++
	}
	o.unlock()
}

// watch has the timer look after c.
func (k *corks) watch(c *Conn) {
	k.mu.Lock()
	k.conns = append(k.conns, c)
	if len(k.conns) == 1 {
		if k.timer == nil {
			k.timer = time.AfterFunc(corkLook, k.look)
		} else {
			k.timer.Reset(corkLook)
		}
	}
	k.mu.Unlock()
}

// look flushes what is left of all that were corked since the last look.
func (k *corks) look() {
	k.mu.Lock()
	conns := k.conns
	k.conns, k.spare = k.spare[:0], nil
	k.mu.Unlock()
	for i, c := range conns {
		c.flushLate()
		conns[i] = nil
	}
	k.mu.Lock()
	k.spare = conns
	k.mu.Unlock()
}
