package enginetest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// Faults of Publish: of what it takes, and of how often and in which order that is
// stored.
var publishFaults = []fault{
	{"Refused", "takes everything", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.publish = func(ctx context.Context, p topic.Publication) (topic.Cursor, bool, error) {
				if p.Check() != nil {
					p = topic.Publication{}
				}
				return h.Log.Publish(ctx, p)
			}
		})
	}},
	{"Refused", "has an error of its own", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.publish = func(ctx context.Context, p topic.Publication) (topic.Cursor, bool, error) {
				c, stored, err := h.Log.Publish(ctx, p)
				if err != nil {
					err = errors.New("refused")
				}
				return c, stored, err
			}
		})
	}},
	{"Keys", "ignores keys", func(*testing.T) topic.Engine { return keys(func(key string) string { return "" }) }},
	{"Keys", "folds the case of keys", func(*testing.T) topic.Engine { return keys(strings.ToLower) }},
	{"Keys", "takes no key for one", func(*testing.T) topic.Engine {
		return keys(func(key string) string { return key + "." })
	}},
	{"Keys", "compares with the newest only", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) { h.Log.DedupItems = 1 })
	}},
	{"Keys", "has keys for all topics", func(*testing.T) topic.Engine {
		seen := make(map[string]topic.Cursor)
		return broken(func(h *hooked) {
			h.publish = func(ctx context.Context, p topic.Publication) (topic.Cursor, bool, error) {
				if c, ok := seen[p.Key]; ok && p.Key != "" {
					return c, false, nil
				}
				c, stored, err := h.Log.Publish(ctx, p)
				seen[p.Key] = c
				return c, stored, err
			}
		})
	}},
	{"KeysConcurrently", "looks first and stores then", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			var mu sync.Mutex
			seen := make(map[string]topic.Cursor)
			h.publish = func(ctx context.Context, p topic.Publication) (topic.Cursor, bool, error) {
				mu.Lock()
				c, ok := seen[p.Key]
				mu.Unlock()
				if ok {
					return c, false, nil
				}
				time.Sleep(time.Millisecond)
				key := p.Key
				p.Key = ""
				c, stored, err := h.Log.Publish(ctx, p)
				mu.Lock()
				seen[key] = c
				mu.Unlock()
				return c, stored, err
			}
		})
	}},
	{"ExactlyOnce", "loses one of many", func(*testing.T) topic.Engine {
		return reader(func(after topic.Cursor, items []topic.Item, err error) ([]topic.Item, error) {
			if _, seq, _ := after.Split(); seq > 100 && len(items) > 2 {
				items = items[1:]
			}
			return items, err
		})
	}},
	{"ExactlyOnce", "has an order for each reader", func(*testing.T) topic.Engine {
		var mu sync.Mutex
		turn := 0
		return items(func(items []topic.Item) {
			mu.Lock()
			defer mu.Unlock()
			if turn++; turn%2 == 0 && len(items) > 1 {
				items[0].Data, items[1].Data = items[1].Data, items[0].Data
			}
		})
	}},
	{"ExactlyOnce", "loses the order of a publisher", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			var mu sync.Mutex
			var held *topic.Publication
			h.publish = func(ctx context.Context, p topic.Publication) (topic.Cursor, bool, error) {
				mu.Lock()
				defer mu.Unlock()
				if held == nil && bytes.HasSuffix(p.Data, []byte(":30")) {
					held = &topic.Publication{Data: bytes.Clone(p.Data)}
					return "", true, nil
				}
				c, stored, err := h.Log.Publish(ctx, p)
				if held != nil {
					h.Log.Publish(ctx, *held)
					held = nil
				}
				return c, stored, err
			}
		})
	}},
}

func keys(change func(string) string) broken {
	return func(h *hooked) {
		h.publish = func(ctx context.Context, p topic.Publication) (topic.Cursor, bool, error) {
			p.Key = change(p.Key)
			return h.Log.Publish(ctx, p)
		}
	}
}
