package pushwire_test

import (
	"testing"
	"time"
)

// Who asks a quiet connection for its counts all the time costs no memory: it
// borrows nothing. With the race detector, where pools forget at random, every
// fourth borrowing would show.
func TestStatsAllocatesNothing(t *testing.T) {
	p := connect(t, tcp, nil, nil)
	var rtt time.Duration
	n := testing.AllocsPerRun(5, func() {
		for range 1000 {
			rtt += p.server.Stats().RTT
		}
	})
	if n > 10 {
		t.Errorf("%v allocations for 1,000 calls of Stats", n)
	}
	if rtt != 0 {
		t.Errorf("a round trip of %v without a ping", rtt)
	}
}
