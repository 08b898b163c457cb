package pushwire

import (
	"context"
	"sync"
	"testing"
)

// A turn that is handed to a waiter in the moment in which its context ends is
// passed on, not lost.
func TestTurnIsNotLostWithAWaiterThatLeaves(t *testing.T) {
	var turn turn
	for range 20_000 {
		if err := turn.take(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		waits := make(chan struct{})
		var both sync.WaitGroup
		both.Go(func() {
			if turn.take(ctx, func() { close(waits) }) == nil {
				turn.give()
			}
		})
		<-waits
		both.Go(cancel)
		turn.give()
		both.Wait()
		if !turn.try() {
			t.Fatal("nobody has the turn and it is not free")
		}
		turn.give()
	}
}

// What is done in turns is counted once each, whoever waits meanwhile.
func TestTurnCountsWhatWasDone(t *testing.T) {
	const holders, each = 8, 5000
	var turn turn
	var all sync.WaitGroup
	inside := 0
	for i := range holders {
		all.Go(func() {
			for k := range each {
				if i%2 == 0 || !turn.try() {
					if err := turn.take(t.Context(), nil); err != nil {
						t.Error(err)
						return
					}
				}
				inside++
				turn.done++
				if k%100 == 99 { // one of these was counted too often
					turn.done -= 2
				}
				if k%3 == 0 {
					turn.tell()
				}
				turn.give()
			}
		})
	}
	all.Wait()
	if inside != holders*each {
		t.Errorf("%d went in for %d", inside, holders*each)
	}
	if got := turn.count(); got != holders*(each-2*each/100) {
		t.Errorf("%d are counted, want %d", got, holders*(each-2*each/100))
	}
}
