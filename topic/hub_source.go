package topic

import (
	"context"
	"strings"
	"sync"
)

// Source returns the source of a name. It is a [Waker], a [Bounder] and a
// [Publisher] too. It costs a copy of the name, and opens the topic when it
// is used.
func (h *Hub) Source(name string) Source {
	if len(name) <= MaxName { // else it will be refused
		// It is mostly a part of a request, which a client that stays would
		// hold by it.
		name = strings.Clone(name)
	}
	return &hubSource{h, name}
}

// hubSource is a topic of a hub, whether it is open or not.
type hubSource struct {
	hub  *Hub
	name string
}

var _ interface {
	Source
	Waker
	Bounder
	Publisher
} = (*hubSource)(nil)

func (s *hubSource) Read(ctx context.Context, after Cursor, buf []Item) ([]Item, error) {
	opening := ctx
	if ctx.Err() != nil {
		// It "does not hide what is there". Who does not wait for items waits
		// for the engine, as it does in the engine's own Read.
		opening = context.WithoutCancel(ctx)
	}
	t, err := s.hub.acquire(opening, s.name)
	if err != nil {
		return nil, err
	}
	defer s.hub.release(t)
	return t.topic.Read(ctx, after, buf)
}

func (s *hubSource) Bounds(ctx context.Context) (Bounds, error) {
	t, err := s.hub.acquire(ctx, s.name)
	if err != nil {
		return Bounds{}, err
	}
	defer s.hub.release(t)
	return t.topic.Bounds(ctx)
}

func (s *hubSource) Publish(ctx context.Context, p Publication) (c Cursor, stored bool, err error) {
	return s.hub.PublishItem(ctx, s.name, p)
}

// Wake keeps the topic open until f is called or stopped. When the topic can't
// be opened f is called, as Read would return the error.
func (s *hubSource) Wake(after Cursor, f func()) (stop func()) {
	w := &hubWaker{f: f, hub: s.hub}
	if t := s.hub.acquireOpen(s.name); t != nil {
		w.wait(t, after)
		return w.stop
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() { // opening may take its time
		t, err := s.hub.acquire(ctx, s.name)
		if err != nil {
			w.call()
			return
		}
		w.wait(t, after)
	}()
	return w.stop
}

// acquireOpen is acquire for a topic that is open, nil for any other.
func (h *Hub) acquireOpen(name string) *hubTopic {
	h.setup()
	s := h.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[name]
	if t == nil || t.state != hubOpen {
		return nil
	}
	t.users++
	t.used = s.ticks
	return t
}

// hubWaker is a call that waits, and the use of a topic that goes with it.
type hubWaker struct {
	f      func()
	hub    *Hub
	cancel context.CancelFunc // of opening the topic; nil if it was open

	mu     sync.Mutex
	done   bool      // called or stopped
	topic  *hubTopic // in use; nil until it is open
	unwake func()    // the topic's stop
}

// wait has w called by a topic that was acquired for it.
func (w *hubWaker) wait(t *hubTopic, after Cursor) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done {
		w.hub.release(t)
		return
	}
	w.topic = t
	w.unwake = t.topic.Wake(after, w.call) // which waits for w.mu
}

// end reports whether w was neither called nor stopped before, and gives back
// what it holds.
func (w *hubWaker) end() (first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done {
		return false
	}
	w.done = true
	if w.cancel != nil {
		w.cancel()
	}
	if w.topic != nil {
		w.hub.release(w.topic)
	}
	return true
}

func (w *hubWaker) call() {
	if w.end() {
		w.f()
	}
}

func (w *hubWaker) stop() {
	if !w.end() {
		return
	}
	w.mu.Lock()
	unwake := w.unwake
	w.mu.Unlock()
	if unwake != nil {
		unwake()
	}
}
