package topic

import (
	"context"
	"errors"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of a [Hub].
const (
	DefaultMaxTopics = 10_000
	DefaultIdle      = time.Minute
)

// MaxName is the size of the longest name of a topic, in bytes.
const MaxName = 512

// Hub has many topics by name, which are opened when they are first asked for
// and closed again when nobody does. The zero value is ready; its settings must
// not be changed after the first call.
//
//	var hub topic.Hub
//	hub.Publish(ctx, "room/1", "", []byte("hello"))
//	items, err := hub.Source("room/1").Read(ctx, "", nil)
//
// A topic is in use while somebody publishes, reads, or waits by Read or Wake.
// With [Memory] as the engine the items of a topic that was closed are lost.
// When the name is asked for again it has another epoch, and cursors from before
// get a [*GoneError].
type Hub struct {
	// Engine keeps the topics; nil means a Memory with its defaults.
	Engine Engine

	// MaxTopics is how many are open at once; 0 means DefaultMaxTopics. What
	// is more is refused with ErrFull. A name that is only read counts too.
	MaxTopics int

	// Idle is how long a topic stays open without use; 0 means DefaultIdle. It
	// may take a quarter more.
	Idle time.Duration

	once   sync.Once
	seed   maphash.Seed
	open   atomic.Int64 // topics in all shards
	shards [hubShards]hubShard
}

// hubShards is how many locks share the names among them.
const hubShards = 16

// hubShard has the topics of some names.
type hubShard struct {
	mu     sync.Mutex
	topics map[string]*hubTopic
	closed bool
	timer  *time.Timer // sweeps; runs while there are topics
	ticks  uint64      // sweeps so far
}

// idleTicks is how many sweeps a topic outlives that is not used. They are
// Idle/idleTicks apart. So using a topic takes no reading of the clock.
const idleTicks = 4

// hubTopic is a name that is known. The fields are the shard's, but for topic
// and err, which stay as they are once ready is closed.
//
//	              Open returns               unused for Idle
//	hubOpening ──────────────────> hubOpen ──────────────────> hubClosing
//	     │ an error                                                 │ Close returns
//	     v                                                          v
//	out of the shard, ready is closed                     out of the shard, gone is closed
type hubTopic struct {
	name  string
	state hubState
	ready chan struct{}
	gone  chan struct{}
	topic Topic
	err   error  // of opening it
	users int    // who are at it, or wait to be
	used  uint64 // ticks of the shard when it was used last
}

type hubState uint8

const (
	hubOpening hubState = iota // the one who asked first calls Open; others wait for ready
	hubOpen                    // may be used
	hubClosing                 // who asks waits for gone, and opens the name anew
)

func (h *Hub) setup() {
	h.once.Do(func() {
		if h.Engine == nil {
			h.Engine = new(Memory)
		}
		if h.MaxTopics <= 0 {
			h.MaxTopics = DefaultMaxTopics
		}
		if h.Idle <= 0 {
			h.Idle = DefaultIdle
		}
		h.seed = maphash.MakeSeed()
	})
}

// Publish adds an item of text to the topic of a name.
func (h *Hub) Publish(ctx context.Context, name, typ string, data []byte) (Cursor, error) {
	c, _, err := h.PublishItem(ctx, name, Publication{Type: typ, Data: data})
	return c, err
}

// PublishItem adds an item to the topic of a name, as [Publisher] does.
func (h *Hub) PublishItem(ctx context.Context, name string, p Publication) (c Cursor, stored bool, err error) {
	t, err := h.acquire(ctx, name)
	if err != nil {
		return "", false, err
	}
	defer h.release(t)
	return t.topic.Publish(ctx, p)
}

// Len returns how many topics are open.
func (h *Hub) Len() int { return int(h.open.Load()) }

// shard returns the shard of a name.
func (h *Hub) shard(name string) *hubShard {
	return &h.shards[maphash.String(h.seed, name)%hubShards]
}

// acquire returns the topic of a name, open and in use until release.
func (h *Hub) acquire(ctx context.Context, name string) (*hubTopic, error) {
	h.setup()
	if len(name) > MaxName {
		return nil, ErrName
	}
	s := h.shard(name)
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, ErrClosed
		}
		t := s.topics[name]
		if t == nil {
			return h.openTopic(ctx, s, name)
		}
		wait := t.ready
		if t.state == hubClosing {
			wait = t.gone
		} else {
			t.users++
			t.used = s.ticks
		}
		s.mu.Unlock()

		select {
		case <-wait:
		default:
			select {
			case <-wait:
			case <-ctx.Done():
				if wait == t.ready {
					h.release(t)
				}
				return nil, ctx.Err()
			}
		}
		if wait == t.gone {
			continue
		}
		if t.err == nil {
			return t, nil
		}
		// It was opened under the context of another, whose end is not ours.
		if !errors.Is(t.err, context.Canceled) && !errors.Is(t.err, context.DeadlineExceeded) {
			return nil, t.err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// openTopic opens the topic of a name that the shard does not have. s.mu is
// held, and unlocked when it returns.
func (h *Hub) openTopic(ctx context.Context, s *hubShard, name string) (*hubTopic, error) {
	if !h.count() {
		s.mu.Unlock()
		return nil, ErrFull
	}
	name = strings.Clone(name) // it may be a part of something large
	t := &hubTopic{name: name, ready: make(chan struct{}), gone: make(chan struct{}), users: 1, used: s.ticks}
	if s.topics == nil {
		s.topics = make(map[string]*hubTopic)
	}
	s.topics[name] = t
	h.startSweeping(s)
	s.mu.Unlock()

	t.err = errors.New("topic: the engine panicked")
	defer func() {
		s.mu.Lock()
		if t.err != nil {
			h.drop(s, t)
		}
		s.mu.Unlock()
		close(t.ready)
	}()
	t.topic, t.err = h.Engine.Open(ctx, name)
	if t.err != nil {
		return nil, t.err
	}
	s.mu.Lock()
	closed := s.closed // Close has passed by while the topic was opening
	if !closed {
		t.state = hubOpen
	}
	s.mu.Unlock()
	if closed {
		t.topic.Close()
		t.err = ErrClosed
		return nil, t.err
	}
	return t, nil
}

// count adds a topic, and reports false if there are too many.
func (h *Hub) count() bool {
	for {
		n := h.open.Load()
		if n >= int64(h.MaxTopics) {
			return false
		}
		if h.open.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// drop takes t out of its shard. s.mu is held.
func (h *Hub) drop(s *hubShard, t *hubTopic) {
	if s.topics[t.name] == t {
		delete(s.topics, t.name)
		h.open.Add(-1)
	}
}

// release ends a use of t.
func (h *Hub) release(t *hubTopic) {
	s := h.shard(t.name)
	s.mu.Lock()
	t.users--
	t.used = s.ticks
	s.mu.Unlock()
}

// startSweeping runs the timer of a shard that has topics. s.mu is held.
func (h *Hub) startSweeping(s *hubShard) {
	if s.timer == nil {
		s.timer = time.AfterFunc(h.Idle/idleTicks, func() { h.sweep(s) })
	} else if len(s.topics) == 1 { // it was empty, so it had stopped
		s.timer.Reset(h.Idle / idleTicks)
	}
}

// sweep closes the topics of a shard that were not used for long enough.
func (h *Hub) sweep(s *hubShard) {
	var idle []*hubTopic
	s.mu.Lock()
	s.ticks++
	for _, t := range s.topics {
		if t.state == hubOpen && t.users == 0 && s.ticks-t.used > idleTicks {
			t.state = hubClosing
			idle = append(idle, t)
		}
	}
	s.mu.Unlock()

	for _, t := range idle {
		t.topic.Close() // may take its time; others of the shard go on
		s.mu.Lock()
		h.drop(s, t)
		s.mu.Unlock()
		close(t.gone)
	}

	s.mu.Lock()
	if len(s.topics) > 0 && !s.closed {
		s.timer.Reset(h.Idle / idleTicks)
	}
	s.mu.Unlock()
}

// Close closes all topics. Who reads, waits or publishes gets ErrClosed. It
// returns the errors of the topics, joined.
func (h *Hub) Close() error {
	h.setup()
	var open, closing []*hubTopic
	for i := range h.shards { // all are shut before one is waited for
		s := &h.shards[i]
		s.mu.Lock()
		s.closed = true
		if s.timer != nil {
			s.timer.Stop()
		}
		for _, t := range s.topics {
			switch t.state {
			case hubOpening: // who opens it sees that the shard is closed
			case hubOpen:
				open = append(open, t)
			case hubClosing:
				closing = append(closing, t)
			}
			h.drop(s, t)
		}
		s.mu.Unlock()
	}
	var errs []error
	for _, t := range open {
		errs = append(errs, t.topic.Close())
	}
	for _, t := range closing {
		<-t.gone
	}
	return errors.Join(errs...)
}
