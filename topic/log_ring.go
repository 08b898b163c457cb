package topic

import "sync/atomic"

// segmentItems is how many places a segment has: 64 pointers, half a kilobyte.
const segmentItems = 64

// segment is a run of places, the first of which is a multiple of segmentItems.
type segment struct {
	number uint64 // first place / segmentItems
	places [segmentItems]atomic.Pointer[entry]
}

// ring finds the entry of a seq in constant time. One goroutine at a time
// changes it (that has the lock of the log), any number look at it meanwhile.
//
// Its table is a power of two of segments, each at its number modulo that. One
// who looks may come upon a place that has been emptied, a segment that has
// been replaced or one that is not there any more; all three mean that the
// entry was evicted. It loads the head before the table, so it never comes too
// early.
type ring struct {
	table atomic.Pointer[[]atomic.Pointer[segment]]
	last  *segment // the one that was put to last
}

const firstTable = 4 // segments

func (r *ring) setup() {
	table := make([]atomic.Pointer[segment], firstTable)
	r.table.Store(&table)
}

// get returns the entry of seq, or nil if it was evicted.
func (r *ring) get(seq uint64) *entry {
	table := *r.table.Load()
	number := seq / segmentItems
	s := table[number&uint64(len(table)-1)].Load()
	if s == nil || s.number != number {
		return nil
	}
	return s.places[seq%segmentItems].Load()
}

// put stores the entry of seq, which follows the last one; oldest is the seq of
// the oldest there is.
func (r *ring) put(seq, oldest uint64, e *entry) {
	number := seq / segmentItems
	if r.last == nil || r.last.number != number {
		r.add(number, oldest/segmentItems)
	}
	r.last.places[seq%segmentItems].Store(e)
}

// add makes the segment of a number; first is the number of the oldest in use.
func (r *ring) add(number, first uint64) {
	table := *r.table.Load()
	if n := uint64(len(table)); number-first >= n {
		bigger := make([]atomic.Pointer[segment], 2*n)
		for i := first; i < number; i++ {
			bigger[i&(2*n-1)].Store(table[i&(n-1)].Load())
		}
		table = bigger
		r.table.Store(&bigger)
	}
	r.last = &segment{number: number}
	table[number&uint64(len(table)-1)].Store(r.last)
}

// take removes the entry of seq, the oldest there is, and returns it.
func (r *ring) take(seq uint64) *entry {
	table := *r.table.Load()
	number := seq / segmentItems
	at := &table[number&uint64(len(table)-1)]
	s := at.Load()
	e := s.places[seq%segmentItems].Swap(nil)
	if seq%segmentItems == segmentItems-1 { // the last of its segment
		at.Store(nil)
	}
	return e
}
