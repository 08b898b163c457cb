package httpstream

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// ledger checks what one client gets over all its connections: each item once,
// in order, unless a reset told of what is missing.
type ledger struct {
	last   topic.Cursor
	seq    uint64
	resets int
}

func lossText(seq uint64) []byte {
	r := rand.New(rand.NewPCG(seq, 0))
	return append(fmt.Appendf(nil, "%d ", seq), bytes.Repeat([]byte{'a' + byte(seq%26)}, r.IntN(12_000))...)
}

func (l *ledger) take(g got) error {
	_, seq, err := g.item.Cursor.Split()
	if err != nil {
		return err
	}
	switch g.kind {
	case linePosition:
		if g.item.Cursor != l.last {
			return fmt.Errorf("position %s after %s", g.item.Cursor, l.last)
		}
	case lineReset:
		if seq < l.seq {
			return fmt.Errorf("a reset back to %d, behind %d", seq, l.seq)
		}
		l.seq = seq
		l.resets++
	case lineItem:
		if seq != l.seq+1 {
			return fmt.Errorf("item %d after %d", seq, l.seq)
		}
		if !bytes.Equal(g.item.Data, lossText(seq)) {
			return fmt.Errorf("item %d holds %.20q", seq, g.item.Data)
		}
		l.seq = seq
	}
	l.last = g.item.Cursor
	return nil
}

// Clients that read fast, slowly, and that come and go, over sockets that hold
// little, get each item exactly once and in order; those that are too slow for
// the log are told.
func TestNothingIsLost(t *testing.T) {
	items := uint64(600)
	if testing.Short() {
		items = 200
	}
	overWays(t, func(t *testing.T, w way) {
		t.Parallel()
		w.narrow = !w.http2 // whose clients share one connection
		log := topic.Log{MaxItems: 50}
		defer log.Close()
		var group Group
		s := w.serve(t, &log, &Options{Group: &group})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var resets, connections atomic.Int64
		empty, err := log.Bounds(ctx)
		if err != nil {
			t.Fatal(err)
		}
		client := func(pause time.Duration, lives func() int) {
			l := ledger{last: empty.Oldest}
			for l.seq < items {
				r, err := s.dial(ctx, "after="+string(l.last))
				if err != nil {
					t.Error(err)
					return
				}
				connections.Add(1)
				for n := lives(); l.seq < items && n > 0; n-- {
					g, err := r.next(ctx)
					if err == nil {
						err = l.take(g)
					}
					if err != nil {
						t.Errorf("at %s: %v", l.last, err)
						r.close()
						return
					}
					if pause > 0 && l.seq%8 == 0 && l.seq < items/2 {
						time.Sleep(pause)
					}
				}
				r.close()
			}
			resets.Add(int64(l.resets))
		}
		stays := func() int { return 1 << 30 }
		var wg sync.WaitGroup
		wg.Go(func() { client(0, stays) })
		wg.Go(func() { client(0, stays) })
		wg.Go(func() { client(10*time.Millisecond, stays) })
		wg.Go(func() { client(50*time.Millisecond, stays) })
		wg.Go(func() { client(0, func() int { return 1 + rand.IntN(100) }) })
		wg.Go(func() { client(time.Millisecond, func() int { return 1 + rand.IntN(30) }) })
		for seq := range items {
			log.Append("", lossText(seq+1))
			if rand.IntN(20) == 0 {
				time.Sleep(time.Millisecond)
			}
			if seq%64 == 0 {
				time.Sleep(5 * time.Millisecond)
			}
		}
		wg.Wait()
		t.Logf("%d connections, %d resets", connections.Load(), resets.Load())
		waitFor(t, "all have left the group", func() bool { return group.Len() == 0 })
	})
}
