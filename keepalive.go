package pushwire

import (
	"container/heap"
	"fmt"
	"sync"
	"time"

	"github.com/pushwire/pushwire/frame"
)

// keepalive pings many connections from one timer. Each server (Handler,
// Serve) and each Group that connections are accepted into has one; a Conn
// that stands alone has one of its own. mu guards all
// fields.
type keepalive struct {
	mu    sync.Mutex
	conns dueHeap
	timer *time.Timer
	armed time.Time // when timer fires; zero when it does not run
	start time.Time // of the first connection: what kept counts from

	corks corks // has a lock of its own
}

// kept is a Conn's place in its keepalive; guarded by keepalive.mu.
type kept struct {
	in      *keepalive    // fixed once the Conn is started; nil for none
	due     time.Duration // since keepalive.start, as the other times here
	index   int32         // in the heap; -1 outside
	pending bool          // a ping is out
	heard   uint64        // bytes read when it went out
	sent    time.Duration // when it went out; 0 for never
	at      time.Duration // from when the time for its answer runs
}

// alone is a Conn that stands alone, with what it needs for that: one allocation
// for three, in no more memory.
type alone struct {
	conn  Conn
	keep  keepalive
	place [1]*Conn // of keep.conns
}

func newAlone() (*Conn, *keepalive) {
	a := new(alone)
	a.keep.conns = a.place[:0]
	return &a.conn, &a.keep
}

// startKeepalive begins to ping c from the timer of k.
func (c *Conn) startKeepalive(k *keepalive) {
	every := c.cfg.pingEvery()
	if every == never {
		return
	}
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	c.keep.in = k
	if k.start.IsZero() {
		k.start = now
	}
	c.keep.due = now.Sub(k.start) + every
	heap.Push(&k.conns, c)
	k.arm()
}

func (c *Conn) stopKeepalive() {
	k := c.keep.in
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if c.keep.index >= 0 {
		heap.Remove(&k.conns, int(c.keep.index))
	}
	k.arm()
}

// arm sets the timer to the first due time. The caller holds mu.
func (k *keepalive) arm() {
	if len(k.conns) == 0 {
		if k.timer != nil {
			k.timer.Stop()
		}
		k.armed = time.Time{}
		return
	}
	first := k.start.Add(k.conns[0].keep.due)
	if !k.armed.IsZero() && !first.Before(k.armed) {
		return // it fires early enough and then looks again
	}
	k.armed = first
	if k.timer == nil {
		k.timer = time.AfterFunc(time.Until(first), k.tick)
	} else {
		k.timer.Reset(time.Until(first))
	}
}

// tick serves all that are due.
func (k *keepalive) tick() {
	now := time.Since(k.start)
	var dead []*Conn
	k.mu.Lock()
	k.armed = time.Time{}
	for len(k.conns) > 0 && k.conns[0].keep.due <= now {
		c := k.conns[0]
		wait, alive := c.heartbeat(now)
		if !alive {
			heap.Pop(&k.conns)
			dead = append(dead, c)
			continue
		}
		c.keep.due = now + wait
		heap.Fix(&k.conns, 0)
	}
	k.arm()
	k.mu.Unlock()
	for _, c := range dead {
		c.breakOff(&timeoutError{fmt.Sprintf("nothing was heard of the peer within %v of a ping (Config.PongTimeout)", c.cfg.pongWithin())})
	}
}

// heartbeat sends a ping, or looks whether the peer was heard of since the
// last one. It returns when to look again. It never waits for the peer. The
// caller holds keepalive.mu.
func (c *Conn) heartbeat(now time.Duration) (wait time.Duration, alive bool) {
	every, within := c.cfg.pingEvery(), c.cfg.pongWithin()
	heard := c.stats.bytesRead.Load()
	o := &c.out
	o.lock()
	defer o.unlock()
	if c.keep.pending && heard == c.keep.heard && within != never {
		switch {
		case o.busy || !c.in.waiting.Load():
			// The ping may still wait behind what the peer takes slowly, which
			// is WriteTimeout's to judge; or nobody reads, and the peer can't be
			// heard. The time begins anew.
			c.keep.at = now
		case now-c.keep.at >= within:
			return 0, false
		}
		return min(every, within-(now-c.keep.at)), true
	}
	if wait := every - (now - c.keep.sent); wait > 0 && c.keep.sent != 0 {
		return wait, true
	}
	c.keep.pending, c.keep.heard, c.keep.sent, c.keep.at = true, heard, now, now
	p := c.pings.add(nil)
	if size := frame.MaxHeader + len(p.payload); o.err == nil && o.stage == closeNone && o.fits(size) {
		b := o.room(size)
		b.b = c.appendFrame(b.b, &frame.Header{Fin: true, Opcode: frame.Ping, Length: int64(len(p.payload))}, [][]byte{p.payload[:]})
		c.kick()
	}
	return min(every, within), true
}

// dueHeap orders connections by due time, for container/heap.
type dueHeap []*Conn

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].keep.due < h[j].keep.due }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].keep.index, h[j].keep.index = int32(i), int32(j)
}

// Push implements heap.Interface.
func (h *dueHeap) Push(x any) {
	c := x.(*Conn)
	c.keep.index = int32(len(*h))
	*h = append(*h, c)
}

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	old := *h
	c := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	c.keep.index = -1
	return c
}
