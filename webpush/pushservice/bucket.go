package pushservice

import (
	"math"
	"time"
)

// bucket limits a rate: burst tokens at once, rate a second. The zero value is
// full. It is guarded by the lock of what it is in.
type bucket struct {
	tokens float64 // at the time of last
	last   time.Time
}

// longestWait is the longest time that anybody is asked to wait for; a rate can
// be so low that the time is none.
const longestWait = 24 * time.Hour

// take takes a token, or says how long to wait for the next.
//
// RFC 8030, 8.4: "Push services SHOULD limit the rate at which push messages
// are sent to individual user agents."
func (b *bucket) take(now time.Time, rate float64, burst int) (wait time.Duration, ok bool) {
	if b.last.IsZero() {
		b.tokens = float64(burst)
	} else {
		b.tokens = min(float64(burst), b.tokens+rate*max(0, now.Sub(b.last).Seconds()))
	}
	b.last = now
	if b.tokens < 1 {
		return time.Duration(min(math.Ceil((1-b.tokens)/rate*float64(time.Second)), float64(longestWait))), false
	}
	b.tokens--
	return 0, true
}
