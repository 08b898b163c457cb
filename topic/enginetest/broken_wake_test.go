package enginetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// Faults of Wake.
var wakeFaults = []fault{
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
}

func waker(wake func(h *hooked, after topic.Cursor, f func()) func()) broken {
	return func(h *hooked) {
		h.wake = func(after topic.Cursor, f func()) func() { return wake(h, after, f) }
	}
}
