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
		if turn.state.Load() != turnFree {
			t.Fatal("nobody has the turn and it is not free")
		}
	}
}
