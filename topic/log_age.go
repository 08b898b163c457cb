package topic

import "time"

// expireStep is how many items are evicted for their age under one lock.
const expireStep = 256

// agingPause is the fraction of MaxAge that lies at least between two runs of
// the timer, so that a busy log has few. Readers do not see what is too old in
// any case; the timer is for its memory.
const agingPause = 64

// expire evicts up to n items that are too old, and reports whether that was
// all of them. l.mu is held.
func (l *Log) expire(now time.Time, n int) (all bool) {
	if l.MaxAge <= 0 {
		return true
	}
	for head := l.head.Load(); l.oldest <= head; n-- {
		if now.Sub(l.ring.get(l.oldest).item.Time) < l.MaxAge {
			return true
		}
		if n == 0 {
			return false
		}
		l.evict()
	}
	return true
}

// expireAll evicts all that is too old, and lets others in between.
func (l *Log) expireAll() {
	if l.MaxAge <= 0 {
		return
	}
	for all := false; !all; {
		l.mu.Lock()
		all = l.expire(time.Now(), expireStep)
		l.mu.Unlock()
	}
}

// startAging runs the timer in d. l.mu is held.
func (l *Log) startAging(d time.Duration) {
	l.aging = true
	if l.age == nil {
		l.age = time.AfterFunc(d, l.grown)
	} else {
		l.age.Reset(d)
	}
}

// grown is the timer's. It runs as long as there are items.
func (l *Log) grown() {
	l.expireAll()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.aging = false
	if l.closed.Load() || l.oldest > l.head.Load() {
		return
	}
	left := l.MaxAge - time.Since(l.ring.get(l.oldest).item.Time)
	l.startAging(max(left, l.MaxAge/agingPause, time.Millisecond))
}

// clock gives times. It reads only the monotonic clock, which takes half the
// time, and the other one once a second: times follow it when it is set.
type clock struct {
	base time.Time
}

// clockBase is how long a reading of both clocks serves.
const clockBase = time.Second

func (c *clock) now() time.Time {
	since := time.Since(c.base)
	if since >= clockBase { // also the first time
		c.base = time.Now()
		return c.base
	}
	return c.base.Add(since)
}
