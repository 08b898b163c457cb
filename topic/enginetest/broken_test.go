package enginetest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/topic"
)

// hooked is a log with one fault: the methods that are not nil replace the
// log's.
type hooked struct {
	*topic.Log
	read    func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error)
	wake    func(after topic.Cursor, f func()) (stop func())
	publish func(ctx context.Context, p topic.Publication) (topic.Cursor, bool, error)
	bounds  func(ctx context.Context) (topic.Bounds, error)
	close   func() error
}

func (h *hooked) Read(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
	if h.read != nil {
		return h.read(ctx, after, buf)
	}
	return h.Log.Read(ctx, after, buf)
}

func (h *hooked) Wake(after topic.Cursor, f func()) (stop func()) {
	if h.wake != nil {
		return h.wake(after, f)
	}
	return h.Log.Wake(after, f)
}

func (h *hooked) Publish(ctx context.Context, p topic.Publication) (topic.Cursor, bool, error) {
	if h.publish != nil {
		return h.publish(ctx, p)
	}
	return h.Log.Publish(ctx, p)
}

func (h *hooked) Bounds(ctx context.Context) (topic.Bounds, error) {
	if h.bounds != nil {
		return h.bounds(ctx)
	}
	return h.Log.Bounds(ctx)
}

func (h *hooked) Close() error {
	if h.close != nil {
		return h.close()
	}
	return h.Log.Close()
}

// broken makes topics with a fault.
type broken func(h *hooked)

func (b broken) Open(ctx context.Context, name string) (topic.Topic, error) {
	h := &hooked{Log: &topic.Log{MaxItems: 300, DedupItems: 300}}
	b(h)
	return h, nil
}

// sharedEngine is an engine with one log for all names that same maps to one.
type sharedEngine struct {
	logs map[string]*topic.Log
	same func(string) string
}

func (e *sharedEngine) Open(ctx context.Context, name string) (topic.Topic, error) {
	name = e.same(name)
	if e.logs[name] == nil {
		e.logs[name] = new(topic.Log)
	}
	return &hooked{Log: e.logs[name], close: func() error { return nil }}, nil
}

// reader is a fault of what Read returns.
func reader(change func(after topic.Cursor, items []topic.Item, err error) ([]topic.Item, error)) broken {
	return func(h *hooked) {
		h.read = func(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
			items, err := h.Log.Read(ctx, after, buf)
			return change(after, items, err)
		}
	}
}

// items is a fault of the items that Read returns.
func items(change func(items []topic.Item)) broken {
	return reader(func(after topic.Cursor, items []topic.Item, err error) ([]topic.Item, error) {
		change(items)
		return items, err
	})
}

// eachItem is a fault of one item.
func eachItem(change func(it *topic.Item)) broken {
	return items(func(items []topic.Item) {
		for i := range items {
			change(&items[i])
		}
	})
}

// hang is a channel for faults that wait for ever: until t has ended.
func hang(t *testing.T) <-chan struct{} {
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	return end
}

// A fault is an engine with something wrong, and the check that has to find it.
type fault struct {
	check string // that finds it
	fault string
	make  func(t *testing.T) topic.Engine
}

var faults = slices.Concat(readFaults, cursorFaults, publishFaults, wakeFaults, closeFaults)

func TestEachCheckFindsWhatItIsFor(t *testing.T) {
	t.Run("Check", func(t *testing.T) { // returns when all are through
		for _, c := range checks {
			found := 0
			for _, f := range faults {
				if f.check != c.name {
					continue
				}
				found++
				t.Run(c.name+"/"+f.fault, func(t *testing.T) {
					t.Parallel() // most of them wait
					r := try(c.run, f.make(t), quick)
					if !r.Failed() {
						t.Error("not found")
					}
					t.Log(strings.Join(r.said, "\n"))
				})
			}
			if found == 0 {
				t.Errorf("nothing shows that the check %s can fail", c.name)
			}
		}
	})
}

func TestAnEngineWithoutBoundsIsSkippedAloud(t *testing.T) {
	r := try(checkEvicted, &topic.Memory{MaxItems: 1 << 20, MaxBytes: 1 << 30}, patience) // nothing is broken: a busy machine may take its time
	if r.Failed() || !r.skipped {
		t.Errorf("skipped is %v; %q", r.skipped, r.said)
	}
}
