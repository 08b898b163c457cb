package eventstream

import "strings"

// text makes strings with few allocations. One that is like the last costs
// none. A new short one is cut from a chunk that others share, so a string
// that is kept keeps up to maxChunk bytes alive.
type text struct {
	chunk strings.Builder
}

const (
	firstChunk = 32  // bytes; most streams have few types
	maxChunk   = 512 // bytes
	maxShared  = 64  // bytes of a string that is cut from a chunk, or remembered
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
	if t.chunk.Cap()-t.chunk.Len() < len(b) {
		// A Builder never writes again what it has given out, so a new one
		// leaves all strings of the old one alone.
		size := min(max(2*t.chunk.Cap(), firstChunk, len(b)), maxChunk)
		t.chunk = strings.Builder{}
		t.chunk.Grow(size)
	}
	at := t.chunk.Len()
	t.chunk.Write(b)
	return t.chunk.String()[at:]
}

// names are strings of which few are different.
type names struct {
	text
	seen [8]string
}

// string returns b as a string, without an allocation when it was seen lately.
func (t *names) string(b []byte) string {
	if len(b) == 0 || len(b) > maxShared {
		return string(b)
	}
	slot := &t.seen[(int(b[0])^int(b[len(b)-1])^len(b))%len(t.seen)]
	if *slot != string(b) {
		*slot = t.text.string(b, "")
	}
	return *slot
}
