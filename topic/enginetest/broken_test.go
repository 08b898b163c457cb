package enginetest

// One file, because each check of the suite has its faults here, side by side
// in one table.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// recorder is a tb that remembers what a check said.
type recorder struct {
	mu       sync.Mutex
	said     []string
	failed   bool
	skipped  bool
	cleanups []func()
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = true
	runtime.Goexit()
}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// quick is the patience with broken engines: a fault is often that nothing
// happens.
const quick = 200 * time.Millisecond

// try runs a check on an engine.
func try(run func(*suite), e topic.Engine) *recorder {
	r := new(recorder)
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(&suite{tb: r, engine: e, patience: quick})
	}()
	<-done
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
	return r
}

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

var faults = []struct {
	check string // that finds it
	fault string
	make  func(t *testing.T) topic.Engine
}{
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
	{"Wake", "calls at once", func(*testing.T) topic.Engine {
		return waker(func(h *hooked, after topic.Cursor, f func()) func() { go f(); return func() {} })
	}},
	{"Wake", "calls for each item", func(*testing.T) topic.Engine {
		return waker(func(h *hooked, after topic.Cursor, f func()) func() {
			stop := h.Log.Wake(after, f)
			if after != "?" {
				return h.Log.Wake(after, f)
			}
			return stop
		})
	}},
	{"Wake", "forgets the call", func(*testing.T) topic.Engine {
		return waker(func(h *hooked, after topic.Cursor, f func()) func() {
			if after == "?" {
				go f()
			}
			return func() {}
		})
	}},
	{"WakeAtOnce", "calls inside of Wake", func(*testing.T) topic.Engine {
		return waker(func(h *hooked, after topic.Cursor, f func()) func() { f(); return func() {} })
	}},
	{"WakeAtOnce", "waits for what is gone", func(*testing.T) topic.Engine {
		return waker(func(h *hooked, after topic.Cursor, f func()) func() {
			if _, err := h.Log.Read(ended, after, nil); err != nil {
				after = topic.Now
			}
			return h.Log.Wake(after, f)
		})
	}},
	{"WakeAtOnce", "waits for the next item", func(*testing.T) topic.Engine {
		return waker(func(h *hooked, after topic.Cursor, f func()) func() {
			if after == "" {
				after = topic.Now
			}
			return h.Log.Wake(after, f)
		})
	}},
	{"WakeStop", "does not stop", func(*testing.T) topic.Engine {
		return waker(func(h *hooked, after topic.Cursor, f func()) func() { h.Log.Wake(after, f); return func() {} })
	}},
	{"WakeStop", "stops everybody", func(*testing.T) topic.Engine {
		var mu sync.Mutex
		var stops []func()
		return waker(func(h *hooked, after topic.Cursor, f func()) func() {
			mu.Lock()
			defer mu.Unlock()
			if after == "?" {
				return h.Log.Wake(after, f)
			}
			stops = append(stops, h.Log.Wake(after, f))
			return func() {
				mu.Lock()
				defer mu.Unlock()
				for _, stop := range stops {
					stop()
				}
			}
		})
	}},
	{"WakeStop", "waits for f in stop", func(*testing.T) topic.Engine {
		return waker(func(h *hooked, after topic.Cursor, f func()) func() {
			done := make(chan struct{})
			stopped := h.Log.Wake(after, func() {
				defer close(done)
				f()
			})
			return func() {
				stopped()
				select {
				case <-done:
				case <-time.After(2 * quick):
				}
			}
		})
	}},
	{"WakeMany", "wakes one for each item", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			tokens := make(chan struct{}, 300)
			h.publish = func(ctx context.Context, p topic.Publication) (topic.Cursor, bool, error) {
				defer func() { tokens <- struct{}{} }()
				return h.Log.Publish(ctx, p)
			}
			h.wake = func(after topic.Cursor, f func()) func() {
				return h.Log.Wake(after, func() {
					select {
					case <-tokens:
						f()
					default:
					}
				})
			}
		})
	}},
	{"WakeMany", "keeps who was called", func(*testing.T) topic.Engine {
		return waker(func(h *hooked, after topic.Cursor, f func()) func() {
			return h.Log.Wake(after, func() {
				f()
				h.Log.Wake(topic.Now, f)
			})
		})
	}},
	{"WakeRace", "looks first and joins then", func(*testing.T) topic.Engine {
		return waker(func(h *hooked, after topic.Cursor, f func()) func() {
			if _, err := h.Log.Read(ended, after, nil); errors.Is(err, context.Canceled) {
				time.Sleep(time.Millisecond)
				return h.Log.Wake(topic.Now, f)
			}
			return h.Log.Wake(after, f)
		})
	}},
	{"WakeRace", "calls too early", func(*testing.T) topic.Engine {
		return waker(func(h *hooked, after topic.Cursor, f func()) func() { go f(); return func() {} })
	}},
	{"PublisherIsNotHeldUp", "calls f itself", func(*testing.T) topic.Engine {
		return broken(func(h *hooked) {
			var waiting []func()
			h.wake = func(after topic.Cursor, f func()) func() {
				waiting = append(waiting, f)
				return func() {}
			}
			h.publish = func(ctx context.Context, p topic.Publication) (topic.Cursor, bool, error) {
				defer func() {
					for _, f := range waiting {
						f()
					}
					waiting = nil
				}()
				return h.Log.Publish(ctx, p)
			}
		})
	}},
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

func keys(change func(string) string) broken {
	return func(h *hooked) {
		h.publish = func(ctx context.Context, p topic.Publication) (topic.Cursor, bool, error) {
			p.Key = change(p.Key)
			return h.Log.Publish(ctx, p)
		}
	}
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

func waker(wake func(h *hooked, after topic.Cursor, f func()) func()) broken {
	return func(h *hooked) {
		h.wake = func(after topic.Cursor, f func()) func() { return wake(h, after, f) }
	}
}

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
					r := try(c.run, f.make(t))
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
	r := try(checkEvicted, &topic.Memory{MaxItems: 1 << 20, MaxBytes: 1 << 30})
	if r.Failed() || !r.skipped {
		t.Errorf("skipped is %v; %q", r.skipped, r.said)
	}
}
