package enginetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/topic"
)

// Faults of cursors that nobody can go on from, and of the bounds of what can.
var cursorFaults = []fault{
	{"Garbage", "takes it for gone", func(*testing.T) topic.Engine {
		return reader(func(after topic.Cursor, items []topic.Item, err error) ([]topic.Item, error) {
			if e := (*topic.CursorError)(nil); errors.As(err, &e) {
				err = &topic.GoneError{After: after}
			}
			return items, err
		})
	}},
	{"Garbage", "trims it", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				return h.Log.Read(ctx, topic.Cursor(strings.TrimSpace(string(after))), buf)
			}
		})
	}},
	{"NeverGiven", "waits for the future", func(*testing.T) topic.Engine {
		return reader(func(after topic.Cursor, items []topic.Item, err error) ([]topic.Item, error) {
			if e := (*topic.GoneError)(nil); errors.As(err, &e) {
				if epoch, _, _ := after.Split(); strings.HasPrefix(string(e.Head), epoch) {
					err = context.Canceled
				}
			}
			return items, err
		})
	}},
	{"NeverGiven", "does not look at the epoch", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				if _, seq, err := after.Split(); err == nil {
					b, _ := h.Log.Bounds(ctx)
					epoch, _, _ := b.Head.Split()
					after = topic.At(epoch, seq)
				}
				return h.Log.Read(ctx, after, buf)
			}
		})
	}},
	{"NeverGiven", "tells no place to go on", func(*testing.T) topic.Engine {
		return reader(func(after topic.Cursor, items []topic.Item, err error) ([]topic.Item, error) {
			if e := (*topic.GoneError)(nil); errors.As(err, &e) {
				e.Oldest = e.Head
			}
			return items, err
		})
	}},
	{"Evicted", "skips what is gone", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
				items, err := h.Log.Read(ctx, after, buf)
				if e := (*topic.GoneError)(nil); errors.As(err, &e) {
					return h.Log.Read(ctx, e.Oldest, buf)
				}
				return items, err
			}
		})
	}},
	{"Evicted", "lags behind with the head", func(*testing.T) topic.Engine {
		return reader(func(after topic.Cursor, items []topic.Item, err error) ([]topic.Item, error) {
			if e := (*topic.GoneError)(nil); errors.As(err, &e) {
				epoch, seq, _ := e.Head.Split()
				e.Head = topic.At(epoch, seq-1)
			}
			return items, err
		})
	}},
	{"Bounds", "counts no bytes", func(*testing.T) topic.Engine { return bounds(func(b *topic.Bounds) { b.Bytes = 0 }) }},
	{"Bounds", "counts one less", func(*testing.T) topic.Engine {
		return bounds(func(b *topic.Bounds) { b.Items = max(0, b.Items-1) })
	}},
	{"Bounds", "gives the oldest item itself", func(*testing.T) topic.Engine {
		return bounds(func(b *topic.Bounds) {
			if epoch, seq, _ := b.Oldest.Split(); b.Items > 0 {
				b.Oldest = topic.At(epoch, seq+1)
			}
		})
	}},
}

func bounds(change func(*topic.Bounds)) broken {
	return func(h *hooked) {
		h.bounds = func(ctx context.Context) (topic.Bounds, error) {
			b, err := h.Log.Bounds(ctx)
			change(&b)
			return b, err
		}
	}
}
