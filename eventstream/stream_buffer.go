package eventstream

import "sync"

// largestKept is the capacity up to which a buffer goes back to the pool, so
// that one huge event does not stay in memory.
const largestKept = 64 << 10

// buffer is borrowed to build the bytes of one write.
type buffer struct{ b []byte }

type bufferPool struct{ pool sync.Pool }

var buffers bufferPool

func (p *bufferPool) get() *buffer {
	if buf, ok := p.pool.Get().(*buffer); ok {
		return buf
	}
	return &buffer{b: make([]byte, 0, 512)}
}

// free gives buf back. Its bytes must not be used any more, which those of a
// write that has failed may be: see Stream.writeLent.
func (buf *buffer) free() {
	if cap(buf.b) > largestKept {
		return
	}
	buf.b = buf.b[:0]
	buffers.pool.Put(buf)
}
