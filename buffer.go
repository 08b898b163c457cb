package pushwire

import (
	"sync"

	"github.com/pushwire/pushwire/frame"
)

// Sizes of borrowed buffers, in bytes.
const (
	readSize  = 18 << 10  // one read while messages flow: one of 16 KiB fits with its header
	idleSize  = 256       // one read while none does, where readability can't be waited for
	writeSize = 4 << 10   // what most flushes need
	pieceSize = 256 << 10 // one write of shared or of the caller's memory; each has WriteTimeout
	pileSize  = 32 << 10  // a part of a compressed message, while the rest is inflated
	chunkSize = 64 << 10  // one write of a large message, and what may wait for a flush
	largeSize = 5 << 18   // the most that is kept for other messages: one of 1 MiB, with what growing adds to it
)

// buffer is a borrowed slice. It is a struct so that giving it back to its
// pool allocates nothing.
type buffer struct {
	b    []byte
	pool *bufferPool
	one  [1][]byte // room for payload (compress.go)
}

// bufferPool lends buffers of a size. Any goroutine may use it.
type bufferPool struct {
	size int
	pool sync.Pool
}

var (
	readBuffers  = bufferPool{size: readSize}
	idleBuffers  = bufferPool{size: idleSize}
	writeBuffers = bufferPool{size: writeSize}
	pileBuffers  = bufferPool{size: pileSize}
	chunkBuffers = bufferPool{size: chunkSize + 2*(frame.MaxHeader+frame.MaxControl)} // and a pong and a close frame
	largeBuffers = bufferPool{size: largeSize}                                        // none is made: see large
)

// large lends a buffer that an earlier message has grown to this size, nil where
// there is none. None is made for a message: memory is taken as its bytes
// arrive, not because a header declares them.
func large() *buffer {
	b, _ := largeBuffers.pool.Get().(*buffer)
	return b
}

func (p *bufferPool) get() *buffer {
	if v := p.pool.Get(); v != nil {
		return v.(*buffer)
	}
	return &buffer{b: make([]byte, 0, p.size), pool: p}
}

// free gives b back; nobody may use it or its bytes afterwards. A nil buffer
// is fine, and so is one without a pool, whose memory is the caller's. One that
// has outgrown its pool goes to a pool of larger ones or to the garbage
// collector.
func (b *buffer) free() {
	if b == nil || b.pool == nil {
		return
	}
	pool := b.pool
	if cap(b.b) > pool.size {
		switch {
		case cap(b.b) < chunkBuffers.size || cap(b.b) > largeSize:
			return
		case cap(b.b) > 4*chunkSize:
			pool = &largeBuffers
		default:
			pool = &chunkBuffers
		}
		b.pool = pool
	}
	b.b, b.one[0] = b.b[:0], nil
	pool.pool.Put(b)
}

// strand keeps b from being lent to anybody else: free then leaves it to the
// garbage collector. It is for memory that a write has failed with, or was
// interrupted in. A net.Conn must not read on by then, as no [io.Writer] must,
// and the standard library's do not. But some that are a stream of a multiplexer
// do after a timeout (github.com/hashicorp/yamux once did), and would send what
// another connection has put there meanwhile. A nil buffer is fine.
func (b *buffer) strand() {
	if b != nil {
		b.pool = nil
	}
}

// holds reports whether p is the beginning of b's memory.
func (b *buffer) holds(p []byte) bool { return cap(p) > 0 && &p[:1][0] == &b.b[:1][0] }
