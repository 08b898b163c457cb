package topic

import (
	"strings"
	"time"
)

// dedup remembers the keys of publications, for a time and up to a number.
type dedup struct {
	seen  map[string]Cursor
	order []dedupKey // oldest first, from first on; each is in seen
	first int
}

type dedupKey struct {
	key  string
	when time.Time
}

// find returns the cursor of the publication that came with key.
func (d *dedup) find(key string, now time.Time, window time.Duration) (c Cursor, ok bool) {
	for d.first < len(d.order) && now.Sub(d.order[d.first].when) >= window {
		d.forget()
	}
	c, ok = d.seen[key]
	return c, ok
}

// add remembers a key that find did not know.
func (d *dedup) add(key string, c Cursor, now time.Time, limit int) {
	if d.seen == nil {
		d.seen = make(map[string]Cursor)
	}
	if len(d.seen) >= limit {
		d.forget()
	}
	if d.first > len(d.order)/2 { // half of it is free: each key is moved once for each that went
		n := copy(d.order, d.order[d.first:])
		clear(d.order[n:])
		d.order, d.first = d.order[:n], 0
	}
	key = strings.Clone(key) // it may be a part of something large
	d.seen[key] = c
	d.order = append(d.order, dedupKey{key, now})
}

// forget removes the oldest key.
func (d *dedup) forget() {
	delete(d.seen, d.order[d.first].key)
	d.order[d.first] = dedupKey{}
	d.first++
}
