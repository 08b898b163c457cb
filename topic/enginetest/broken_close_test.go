package enginetest

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// Faults of Close, and of which topics there are before and after it.
var closeFaults = []fault{
	{"Close", "goes on", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) { h.close = func() error { return nil } })
	}},
	{"Close", "begins anew", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			closed := false
			h.close = func() error { closed = true; return h.Log.Close() }
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				if closed {
					after = ""
				}
				return h.Log.Read(ctx, after, buf)
			}
		})
	}},
	{"Close", "does not bear a second Close", func(t *testing.T) topic.Engine {
		return broken(func(h *hooked) {
			var closed atomic.Bool
			h.close = func() error {
				if closed.Swap(true) {
					time.Sleep(2 * quick)
				}
				return h.Log.Close()
			}
		})
	}},
	{"CloseWakes", "leaves wakers alone", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.wake = func(after topic.Cursor, f func()) func() { return func() {} }
		})
	}},
	{"CloseWakes", "leaves readers alone", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			other := new(topic.Log)
			h.read = other.Read
		})
	}},
	{"Reopen", "uses cursors again", func(*testing.T) topic.Engine {
		epoch := topic.NewEpoch()
		return broken(func(h *hooked) {
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				if _, seq, err := after.Split(); err == nil {
					b, _ := h.Log.Bounds(ctx)
					real, _, _ := b.Head.Split()
					after = topic.At(real, seq)
				}
				items, err := h.Log.Read(ctx, after, buf)
				for i := range items {
					_, seq, _ := items[i].Cursor.Split()
					items[i].Cursor = topic.At(epoch, seq)
				}
				return items, err
			}
		})
	}},
	{"Names", "folds the case of names", func(*testing.T) topic.Engine {
		return &sharedEngine{make(map[string]*topic.Log), strings.ToLower}
	}},
	{"Names", "replaces what is not UTF-8", func(*testing.T) topic.Engine {
		return &sharedEngine{make(map[string]*topic.Log), func(s string) string {
			return strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "*", "?")
		}}
	}},
}
