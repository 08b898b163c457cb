package topic

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of a [Log].
const (
	DefaultMaxItems   = 10_000
	DefaultMaxBytes   = 4 << 20 // 4 MiB
	DefaultDedup      = 2 * time.Minute
	DefaultDedupItems = 1_024
)

// Log is a topic in memory. The zero value is ready; its settings must not be
// changed after the first call.
//
//	var log topic.Log
//	log.Append("", []byte("hello"))
//
// It keeps the newest items within all three limits. Who publishes takes a
// short lock; who reads takes none, and is not waited for.
type Log struct {
	// MaxItems is how many items are kept; 0 means DefaultMaxItems.
	MaxItems int

	// MaxBytes is how much data and types may have together; 0 means
	// DefaultMaxBytes. What readers share ([Item.Form]) is not counted.
	// An item that alone exceeds it is refused.
	MaxBytes int

	// MaxAge is how long an item is kept; 0 means until there are too many.
	MaxAge time.Duration

	// Dedup is how long the key of a publication is remembered; 0 means
	// DefaultDedup, less than 0 not at all.
	Dedup time.Duration

	// DedupItems is how many keys are remembered; 0 means DefaultDedupItems.
	// When there are more, the oldest is forgotten before its time.
	DedupItems int

	once   sync.Once // setup
	epoch  string
	ring   ring
	head   atomic.Uint64 // seq of the newest item; 0: there was none
	closed atomic.Bool   // set with mu held
	wakers wakers

	mu      sync.Mutex // of all that publishes and evicts; what follows is its
	oldest  uint64     // seq of the oldest item; head+1: none
	bytes   int64
	cursors cursors
	dedup   dedup
	clock   clock
	typ     string      // of the newest item that had one of its own
	age     *time.Timer // nil until it is needed
	aging   bool        // the timer runs
}

func (l *Log) setup() {
	l.once.Do(func() {
		if l.MaxItems <= 0 {
			l.MaxItems = DefaultMaxItems
		}
		if l.MaxBytes <= 0 {
			l.MaxBytes = DefaultMaxBytes
		}
		if l.Dedup == 0 {
			l.Dedup = DefaultDedup
		}
		if l.DedupItems <= 0 {
			l.DedupItems = DefaultDedupItems
		}
		l.epoch = NewEpoch()
		l.cursors.epoch = l.epoch
		l.oldest = 1
		l.ring.setup()
	})
}

// Append publishes text and returns its cursor. It returns "" when there is
// nothing to return: the log is closed, the type or the text can't be one, or
// they are larger than MaxBytes. Publish says why.
func (l *Log) Append(typ string, data []byte) Cursor {
	c, _, err := l.publish(&Publication{Type: typ, Data: data})
	if err != nil {
		return ""
	}
	return c
}

// Publish adds an item. It never waits, and does not look at ctx.
func (l *Log) Publish(ctx context.Context, p Publication) (c Cursor, stored bool, err error) {
	return l.publish(&p)
}

func (l *Log) publish(p *Publication) (c Cursor, stored bool, err error) {
	l.setup()
	if err := p.Check(); err != nil {
		return "", false, err
	}
	if p.Type == "" {
		p.Type = DefaultType
	}
	size := len(p.Data) + len(p.Type)
	if size > l.MaxBytes {
		return "", false, &ItemError{Field: "data", Fault: strconv.Itoa(size) + " bytes; the limit is " + strconv.Itoa(l.MaxBytes), Size: size, Limit: l.MaxBytes}
	}
	// All that takes time is done before the lock.
	e := newEntry(p.Data, p.Binary)

	l.mu.Lock()
	if l.closed.Load() {
		l.mu.Unlock()
		return "", false, ErrClosed
	}
	now := l.clock.now() // in the lock: times are in the order of items
	if p.Key != "" && l.Dedup > 0 {
		if c, ok := l.dedup.find(p.Key, now, l.Dedup); ok {
			l.mu.Unlock()
			return c, false, nil
		}
	}
	seq := l.head.Load() + 1
	c = l.cursors.next(seq)
	e.item.Cursor, e.item.Time, e.item.Type = c, now, l.ownType(p.Type)
	if p.Key != "" && l.Dedup > 0 {
		l.dedup.add(p.Key, c, now, l.DedupItems)
	}
	l.makeRoom(seq, size, now)
	l.ring.put(seq, l.oldest, e)
	l.bytes += int64(size)
	l.head.Store(seq) // from here on it is there for readers
	if l.MaxAge > 0 && !l.aging {
		l.startAging(l.MaxAge)
	}
	l.mu.Unlock()

	l.wakers.published(l)
	return c, true, nil
}

// ownType returns a copy of a type, which may be a part of something large. It
// is mostly that of the item before. l.mu is held.
func (l *Log) ownType(typ string) string {
	switch typ {
	case DefaultType:
		return DefaultType
	case l.typ:
	default:
		l.typ = strings.Clone(typ)
	}
	return l.typ
}

// makeRoom evicts what has to go for an item of size bytes that gets the place
// seq. l.mu is held.
func (l *Log) makeRoom(seq uint64, size int, now time.Time) {
	for l.oldest < seq && (seq-l.oldest >= uint64(l.MaxItems) || l.bytes+int64(size) > int64(l.MaxBytes)) {
		l.evict()
	}
	l.expire(now, expireStep)
}

// evict removes the oldest item, which there is. l.mu is held.
func (l *Log) evict() {
	l.bytes -= int64(l.ring.take(l.oldest).size())
	l.oldest++
}

// Bounds tells what is kept. It does not look at ctx.
func (l *Log) Bounds(ctx context.Context) (Bounds, error) {
	l.setup()
	l.expireAll()
	l.mu.Lock()
	defer l.mu.Unlock()
	head := l.head.Load()
	return Bounds{
		Oldest: At(l.epoch, l.oldest-1),
		Head:   At(l.epoch, head),
		Items:  int(head + 1 - l.oldest),
		Bytes:  l.bytes,
	}, nil
}

// Close ends the log: nothing more can be published, and who has read all that
// is kept gets ErrClosed. It always returns nil.
func (l *Log) Close() error {
	l.setup()
	l.mu.Lock()
	l.closed.Store(true)
	if l.age != nil {
		l.age.Stop() // readers still see to it that nothing lives too long
	}
	l.mu.Unlock()
	l.wakers.published(l)
	return nil
}
