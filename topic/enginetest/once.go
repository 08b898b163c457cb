package enginetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// checkExactlyOnce: with many at it at the same time every reader sees every
// item once, in the same order, each publisher's in its order; also readers
// that go away and come back, and those that begin anywhere.
func checkExactlyOnce(s *suite) {
	t := s.open()
	const publishers, each, readers = 4, 60, 6
	const total = publishers * each
	ctx, cancel := context.WithTimeout(bg, 2*s.patience)
	defer cancel()

	var wg sync.WaitGroup
	errs := make(chan error, publishers+readers)
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				if _, _, err := t.Publish(ctx, topic.Publication{Data: fmt.Appendf(nil, "%d:%d", p, i)}); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	seen := make([][]topic.Item, readers)
	for r := range readers {
		wg.Go(func() {
			var err error
			seen[r], err = follow(ctx, t, r, total)
			if err != nil {
				errs <- fmt.Errorf("reader %d, after %d of %d items: %w", r, len(seen[r]), total, err)
			}
		})
	}
	timer := time.NewTimer(3 * s.patience)
	defer timer.Stop()
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-timer.C:
		s.Fatalf("publishers and readers come to no end")
	}
	select {
	case err := <-errs:
		s.Fatalf("%v", err)
	default:
	}

	all := seen[0]
	epoch, first := s.split(all[0].Cursor)
	var next [publishers]int
	for i, it := range all {
		if it.Cursor != topic.At(epoch, first+uint64(i)) {
			s.Fatalf("item %d has the cursor %q, the first has %q", i, it.Cursor, all[0].Cursor)
		}
		var p, n int
		if _, err := fmt.Sscanf(string(it.Data), "%d:%d", &p, &n); err != nil || p < 0 || p >= publishers || n != next[p] {
			s.Fatalf("item %d is %q", i, it.Data)
		}
		next[p]++
	}
	for r, got := range seen[1:] {
		for i, it := range got {
			if it.Cursor != all[i].Cursor || string(it.Data) != string(all[i].Data) {
				s.Fatalf("item %d is %q %q to one reader and %q %q to reader %d", i, all[i].Cursor, all[i].Data, it.Cursor, it.Data, r+1)
			}
		}
	}
	for range 50 { // now they are still the same, from anywhere
		at := rand.N(total)
		for i, it := range s.all(t, all[at].Cursor) {
			if at+1+i >= total || it.Cursor != all[at+1+i].Cursor {
				s.Fatalf("item %d after %q is %q", i, all[at].Cursor, it.Cursor)
			}
		}
	}
}

// follow reads total items from the start, in one of several ways.
func follow(ctx context.Context, t topic.Topic, way, total int) (seen []topic.Item, err error) {
	var after topic.Cursor
	buf := make([]topic.Item, 0, 1+way*3)
	for len(seen) < total {
		var items []topic.Item
		switch way % 3 {
		case 0: // waits
			items, err = t.Read(ctx, after, buf)
		case 1: // goes away at any moment, and comes back
			short, cancel := context.WithTimeout(ctx, rand.N(time.Millisecond))
			items, err = t.Read(short, after, buf)
			cancel()
			if err != nil && short.Err() != nil && ctx.Err() == nil && errors.Is(err, short.Err()) {
				continue
			}
		case 2: // is woken
			called := make(chan struct{}, 1)
			stop := t.Wake(after, func() { signal(called) })
			select {
			case <-called:
			case <-ctx.Done():
				stop()
				return seen, errors.New("it is not woken")
			}
			items, err = t.Read(ended, after, buf)
		}
		if err != nil {
			return seen, err
		}
		if len(items) == 0 {
			return seen, errors.New("nothing, and no error")
		}
		seen = append(seen, items...)
		after = items[len(items)-1].Cursor
	}
	if len(seen) > total {
		return seen, fmt.Errorf("there are more than %d", total)
	}
	return seen, nil
}
