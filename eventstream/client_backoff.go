package eventstream

import (
	"context"
	"math"
	"math/rand/v2"
	"time"
)

// Bounds of the random part of a wait.
const (
	leastSpread = 100 * time.Millisecond // for a server that sets a reconnection time of 0
	mostSpread  = 30 * time.Second       // to which it doubles
)

// backoff waits for the reconnection time, as HTML, 9.2.3, demands ("Wait a
// delay equal to the reconnection time of the event source. Optionally, wait
// some more."), and then for any time up to a bound that doubles, so that the
// clients of a server that fell do not come back all at the same moment.
func backoff(attempt int, retry time.Duration) time.Duration {
	spread := max(retry, leastSpread)
	for range attempt - 1 {
		if spread >= mostSpread {
			break
		}
		spread *= 2
	}
	more := rand.N(min(spread, mostSpread) + 1)
	if retry > math.MaxInt64-more {
		return math.MaxInt64
	}
	return retry + more
}

// pause waits, and reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
