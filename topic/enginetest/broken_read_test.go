package enginetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// Faults of Read: of what it returns, and of when.
var readFaults = []fault{
	{"Items", "swaps two items", func(*testing.T) topic.Engine {
		return items(func(items []topic.Item) {
			if len(items) > 2 {
				items[0], items[1] = items[1], items[0]
			}
		})
	}},
	{"Items", "skips one", func(*testing.T) topic.Engine {
		return reader(func(_ topic.Cursor, items []topic.Item, err error) ([]topic.Item, error) {
			return items[min(1, max(0, len(items)-1)):], err
		})
	}},
	{"Items", "repeats one", func(*testing.T) topic.Engine {
		return reader(func(_ topic.Cursor, items []topic.Item, err error) ([]topic.Item, error) {
			return append(items[:min(1, len(items)):min(1, len(items))], items...), err
		})
	}},
	{"Items", "leaves the type empty", func(*testing.T) topic.Engine {
		return eachItem(func(it *topic.Item) {
			if it.Type == topic.DefaultType {
				it.Type = ""
			}
		})
	}},
	{"Items", "loses binary", func(*testing.T) topic.Engine { return eachItem(func(it *topic.Item) { it.Binary = false }) }},
	{"Items", "has no time", func(*testing.T) topic.Engine { return eachItem(func(it *topic.Item) { it.Time = time.Time{} }) }},
	{"Items", "trims data", func(*testing.T) topic.Engine {
		return eachItem(func(it *topic.Item) { it.Data = bytes.TrimRight(it.Data, "\r\n") })
	}},
	{"Items", "counts by two", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.publish = func(ctx context.Context, p topic.Publication) (topic.Cursor, bool, error) {
				c, stored, err := h.Log.Publish(ctx, p)
				epoch, seq, _ := c.Split()
				return topic.At(epoch, 2*seq), stored, err
			}
		})
	}},
	{"DataIsCopied", "keeps the slice", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			var kept []byte
			h.publish = func(ctx context.Context, p topic.Publication) (topic.Cursor, bool, error) {
				kept = p.Data
				return h.Log.Publish(ctx, p)
			}
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				items, err := h.Log.Read(ctx, after, buf)
				if err == nil {
					items[0].Data = kept
				}
				return items, err
			}
		})
	}},
	{"Buffer", "makes its own", func(*testing.T) topic.Engine {
		return reader(func(_ topic.Cursor, items []topic.Item, err error) ([]topic.Item, error) {
			return slices.Clone(items), err
		})
	}},
	{"Buffer", "appends to what is in it", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				items, err := h.Log.Read(ctx, after, nil)
				if err != nil {
					return nil, err
				}
				return append(buf, items...), nil
			}
		})
	}},
	{"Buffer", "fills its length", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				return h.Log.Read(ctx, after, buf[:len(buf):len(buf)])
			}
		})
	}},
	{"EndedContext", "looks at the context first", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				return h.Log.Read(ctx, after, buf)
			}
		})
	}},
	{"EndedContext", "waits all the same", func(t *testing.T) topic.Engine {
		end := hang(t)
		return broken(func(h *hooked) {
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				items, err := h.Log.Read(ctx, after, buf)
				if errors.Is(err, ctx.Err()) && err != nil {
					<-end
				}
				return items, err
			}
		})
	}},
	{"EndedContext", "always says canceled", func(*testing.T) topic.Engine {
		return reader(func(_ topic.Cursor, items []topic.Item, err error) ([]topic.Item, error) {
			if errors.Is(err, context.DeadlineExceeded) {
				err = context.Canceled
			}
			return items, err
		})
	}},
	{"EndedContext", "returns nothing and no error", func(*testing.T) topic.Engine {
		return reader(func(_ topic.Cursor, items []topic.Item, err error) ([]topic.Item, error) {
			if errors.Is(err, context.Canceled) {
				err = nil
			}
			return items, err
		})
	}},
	{"Start", "is behind the first", func(*testing.T) topic.Engine {
		return reader(func(after topic.Cursor, items []topic.Item, err error) ([]topic.Item, error) {
			if after == "" && len(items) > 1 {
				items = items[1:]
			}
			return items, err
		})
	}},
	{"Now", "gives what is old", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				if after == topic.Now {
					after = ""
				}
				return h.Log.Read(ctx, after, buf)
			}
		})
	}},
	{"Now", "is forgotten", func(t *testing.T) topic.Engine { return deaf(hang(t), topic.Now) }},
	{"Wait", "does not wait", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				return h.Log.Read(ended, after, buf)
			}
		})
	}},
	{"Wait", "is never over", func(t *testing.T) topic.Engine { return deaf(hang(t), "") }},
	{"WaitEndsWithContext", "does not end", func(t *testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				return h.Log.Read(context.WithoutCancel(ctx), after, buf)
			}
		})
	}},
	{"WaitEndsWithContext", "closes the topic", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				items, err := h.Log.Read(ctx, after, buf)
				if errors.Is(err, context.DeadlineExceeded) {
					h.Log.Close()
				}
				return items, err
			}
		})
	}},
	{"SameForever", "uses memory again", func(*testing.T) topic.Engine {
		var mu sync.Mutex
		slots := make([][]byte, 64)
		n := 0
		mine := make(map[topic.Cursor][]byte)
		return broken(func(h *hooked) {
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				items, err := h.Log.Read(ctx, after, buf)
				mu.Lock()
				defer mu.Unlock()
				for i := range items {
					it := &items[i]
					if mine[it.Cursor] == nil {
						slots[n%64] = append(slots[n%64][:0], it.Data...)
						if n >= 64 {
							mine[it.Cursor] = it.Data
						} else {
							mine[it.Cursor] = slots[n%64]
						}
						n++
					}
					it.Data = mine[it.Cursor]
				}
				return items, err
			}
		})
	}},
	{"SameForever", "gives items the time of reading", func(*testing.T) topic.Engine {
		return eachItem(func(it *topic.Item) { it.Time = time.Now() })
	}},
}

// deaf has readers that wait after a cursor wait for ever.
func deaf(end <-chan struct{}, cursor topic.Cursor) topic.Engine {
	return broken(func(h *hooked) {
		h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
			items, err := h.Log.Read(ended, after, buf)
			if errors.Is(err, context.Canceled) && after == cursor && ctx.Err() == nil {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-end:
				}
			}
			if errors.Is(err, context.Canceled) {
				return h.Log.Read(ctx, after, buf)
			}
			return items, err
		}
	})
}
