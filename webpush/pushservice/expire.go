package pushservice

import (
	"container/heap"
	"time"
)

// expiryHeap holds all messages, that which expires first on top.
type expiryHeap []*message

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].Expires.Before(h[j].Expires) }
func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heap, h[j].heap = i, j
}
func (h *expiryHeap) Push(x any) {
	m := x.(*message)
	m.heap = len(*h)
	*h = append(*h, m)
}
func (h *expiryHeap) Pop() any {
	old := *h
	m := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	m.heap = -1
	return m
}

var _ heap.Interface = (*expiryHeap)(nil)

// armExpiry sets the timer for the message that expires first, if it is not
// set to an earlier time already: a timer that is too early costs one look.
// The caller holds mu.
func (st *state) armExpiry() {
	if len(st.expiry) == 0 || st.closed || st.sweeper == nil {
		return // nothing to wait for, or no clock: it begins once all is loaded
	}
	first := st.expiry[0].Expires
	if st.timer == nil {
		st.timer = time.AfterFunc(time.Until(first), st.expire)
	} else if st.timerAt.IsZero() || first.Before(st.timerAt) {
		st.timer.Reset(time.Until(first))
	} else {
		return
	}
	st.timerAt = first
}

// expire removes the messages whose time is over.
//
// RFC 8030, 5.2: "Once the TTL period elapses, the push service MUST NOT
// attempt to deliver the push message to the user agent."
func (st *state) expire() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.timerAt = time.Time{}
	now := time.Now()
	for len(st.expiry) > 0 && !st.expiry[0].Expires.After(now) {
		st.commit.add(st.finish(st.expiry[0], statusNotDelivered)...)
	}
	st.armExpiry()
	st.commit.kick()
}

// sweep forgets user agents that did not come back for a long time.
//
// RFC 8030, 7.3: "A push service MAY expire a subscription at any time."
func (st *state) sweep() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closed {
		return
	}
	now := time.Now()
	for _, a := range st.agents {
		if a.session == nil && len(a.waiting) == 0 && now.Sub(a.Seen) > st.o.AgentIdle {
			st.commit.add(st.dropAgent(a, false)...)
		}
	}
	st.sweepReceipts(now)
	st.commit.kick()
	st.sweeper.Reset(sweepEvery)
}

// start runs the clock.
func (st *state) start() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.sweeper = time.AfterFunc(sweepEvery, st.sweep)
	st.armExpiry()
}

// stop ends the clock; nothing new is taken.
func (st *state) stop() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.closed = true
	if st.timer != nil {
		st.timer.Stop()
	}
	if st.sweeper != nil {
		st.sweeper.Stop()
	}
	for _, a := range st.agents {
		a.waiting.notify()
	}
	for _, r := range st.sets {
		r.waiting.notify()
	}
}
