package topic

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// Whatever a reader does beside publishers, it gets what follows its cursor
// without a gap, or a GoneError that says where to go on.
func TestReadersBesidePublishers(t *testing.T) {
	l := Log{MaxItems: 500}
	l.setup()
	const publishers, each = 4, 5000
	const total = publishers * each
	ctx := context.Background()
	var publishing, reading sync.WaitGroup
	for p := range publishers {
		publishing.Go(func() {
			for i := range each {
				if l.Append("", fmt.Append(nil, p, i)) == "" {
					t.Error("not stored")
				}
			}
		})
	}
	for r := range 6 {
		reading.Go(func() {
			after := uint64(0)
			var last [publishers]int
			for i := range last {
				last[i] = -1
			}
			buf := make([]Item, 0, 1+rand.N(200))
			for after < total {
				if r%2 == 1 && rand.N(20) == 0 { // from anywhere
					after = rand.N(l.head.Load() + 1)
					for i := range last {
						last[i] = -1
					}
				}
				items, err := l.Read(ctx, At(l.epoch, after), buf)
				if gone := (*GoneError)(nil); errors.As(err, &gone) {
					_, oldest, err := gone.Oldest.Split()
					if err != nil || oldest <= after {
						t.Errorf("after %d: %v", after, gone)
						return
					}
					after = oldest
					continue
				}
				if err != nil {
					t.Errorf("after %d: %v", after, err)
					return
				}
				for _, it := range items {
					if after++; it.Cursor != At(l.epoch, after) {
						t.Errorf("%q in place of %d", it.Cursor, after)
						return
					}
					var p, i int
					if _, err := fmt.Sscan(string(it.Data), &p, &i); err != nil || i <= last[p] {
						t.Errorf("%q after %d of this publisher", it.Data, last[p])
						return
					}
					last[p] = i
				}
			}
		})
	}
	publishing.Wait()
	reading.Wait()
}

// A log does what a slice does from which the front is cut, at every step, for
// many sizes of both limits.
func TestLogAgainstASlice(t *testing.T) {
	for range 30 {
		l := Log{MaxItems: 1 + rand.N(200), MaxBytes: 50 + rand.N(4000)}
		var kept []string
		cut, bytes := 0, 0
		for seq := range 600 {
			data := fmt.Sprintf("%0*d", 1+rand.N(40), seq)
			l.Append("", []byte(data))
			kept = append(kept, data)
			bytes += len(data) + len(DefaultType)
			for len(kept) > l.MaxItems || bytes > l.MaxBytes {
				bytes -= len(kept[0]) + len(DefaultType)
				kept = kept[1:]
				cut++
			}
			after := rand.N(seq + 2)
			items, err := l.Read(ended, At(l.epoch, uint64(after)), make([]Item, 0, 1000))
			switch gone := (*GoneError)(nil); {
			case after < cut:
				if !errors.As(err, &gone) || gone.Oldest != At(l.epoch, uint64(cut)) {
					t.Fatalf("after %d, %d are cut: %v", after, cut, err)
				}
			case after == seq+1:
				if err != context.Canceled {
					t.Fatalf("after the newest: %v", err)
				}
			default:
				var got []string
				for _, it := range items {
					got = append(got, string(it.Data))
				}
				if err != nil || !slices.Equal(got, kept[after-cut:]) {
					t.Fatalf("after %d: %d items, %v; want %d", after, len(items), err, len(kept)-after+cut)
				}
			}
			if b, _ := l.Bounds(ended); b.Items != len(kept) || b.Bytes != int64(bytes) {
				t.Fatalf("%+v; want %d items of %d bytes", b, len(kept), bytes)
			}
		}
	}
}
