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
	armed moment // when timer fires; 0 when it does not run

	corks corks // has a lock of its own
}

// kept is a Conn's place in its keepalive; guarded by keepalive.mu.
type kept struct {
	in      *keepalive // fixed once the Conn is started; nil for none
	due     moment
	index   int32  // in the heap; -1 outside
	pending bool   // a ping is out
	heard   uint64 // bytes read when it went out
	sent    moment // when it went out; 0 for never
	at      moment // from when the time for its answer runs
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
	at := now()
	k.mu.Lock()
	defer k.mu.Unlock()
	c.keep.in = k
	c.keep.due = at.add(every)
	heap.Push(&k.conns, c)
	k.arm(at)
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
	if len(k.conns) == 0 && k.timer != nil { // else it fires early enough and then looks again
		k.timer.Stop()
		k.armed = 0
	}
}

// arm has the timer fire at the first due time. The caller holds mu.
func (k *keepalive) arm(at moment) {
	first := k.conns[0].keep.due
	if k.armed != 0 && k.armed <= first {
		return // it fires early enough and then looks again
	}
	k.armed = first
	if wait := first.sub(at); k.timer == nil {
		k.timer = time.AfterFunc(wait, k.tick)
	} else {
		k.timer.Reset(wait)
	}
}

// tick serves all that are due.
func (k *keepalive) tick() {
	at := now()
	var dead []*Conn
	k.mu.Lock()
	k.armed = 0
	for len(k.conns) > 0 && k.conns[0].keep.due <= at {
		c := k.conns[0]
		wait, alive := c.heartbeat(at)
		if !alive {
			heap.Pop(&k.conns)
			dead = append(dead, c)
			continue
		}
		c.keep.due = at.add(wait)
		heap.Fix(&k.conns, 0)
	}
	if len(k.conns) > 0 {
		k.arm(at)
	}
	k.mu.Unlock()
	for _, c := range dead {
		c.breakOff(&timeoutError{fmt.Sprintf("nothing was heard of the peer within %v of a ping (Config.PongTimeout)", c.cfg.pongWithin())})
	}
}

// heartbeat sends a ping, or looks whether the peer was heard of since the
// last one. It returns when to look again. It never waits for the peer. The
// caller holds keepalive.mu.
func (c *Conn) heartbeat(now moment) (wait time.Duration, alive bool) {
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
		case now.sub(c.keep.at) >= within:
			return 0, false
		}
		return min(every, within-now.sub(c.keep.at)), true
	}
	if wait := every - now.sub(c.keep.sent); wait > 0 && c.keep.sent != 0 {
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
