package eventstream

import "strings"

// text makes strings of IDs and types with few allocations. One that is like
// the last, or like one that was seen lately, costs none. A new short one is
// cut from a chunk that others share, so a string that is kept keeps up to
// maxChunk bytes alive.
type text struct {
	seen  [8]string
	chunk strings.Builder
}

const (
	firstChunk = 32  // bytes; most streams have few types
	maxChunk   = 512 // bytes
	maxShared  = 64  // bytes of a string that is cut from a chunk or kept in seen
)

// string returns b as a string. last is the most likely one.
func (t *text) string(b []byte, last string) string {
	if string(b) == last {
		return last
	}
	if len(b) == 0 {
		return ""
	}
	if len(b) > maxShared {
		return string(b)
	}
	slot := &t.seen[(int(b[0])^int(b[len(b)-1])^len(b))%len(t.seen)]
	if *slot == string(b) {
		return *slot
	}
	if t.chunk.Cap()-t.chunk.Len() < len(b) {
		// A Builder never writes again what it has given out, so a new one
		// leaves all strings of the old one alone.
		size := min(max(2*t.chunk.Cap(), firstChunk, len(b)), maxChunk)
		t.chunk = strings.Builder{}
		t.chunk.Grow(size)
	}
	at := t.chunk.Len()
	t.chunk.Write(b)
	*slot = t.chunk.String()[at:]
	return *slot
}
