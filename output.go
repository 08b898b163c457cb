package pushwire

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/mask"
)

const (
	// joinMax is the longest message that joins others in one flush, in
	// bytes; copying a longer one costs more than the system call it saves.
	joinMax = 16 << 10

	// pendingMax bounds the bytes that wait for one flush.
	pendingMax = chunkSize

	// pongsMax bounds the pongs that wait for one flush, in bytes; beyond it
	// only the last one is kept.
	pongsMax = 4 << 10
)

// output is the writing half of a Conn. All that goes out is put in order
// here, under mu; one goroutine at a time, the one that made busy true, writes
// to the transport, without mu. Behind the close frame only pongs follow.
//
//	Write, control frames             Send
//	          │                        │
//	          v                        v
//	left <─ pending <─ turns         queue          close frame
//
// left goes out first, then pending, the queue, those who wait for a turn, and
// the close frame last. Whoever ends its turn while something is left hands
// busy to a goroutine that lives until all is written.
type output struct {
	mu     sync.Mutex  // taken by lock, but for Stats
	corked atomic.Bool // any goroutine: pending waits for company (cork.go)
	prompt uint8       // how many times in a row that was over when somebody looked

	compression *compression // fixed; of data messages; nil where they go out plain (compress.go)

	*outgoing // not nil while mu is held by lock, or busy is true
}

// outgoing is what writing needs while it goes on. Its fields are used as those
// of output.
type outgoing struct {
	busy      bool // somebody writes to the transport
	stream    bool // a Writer is between its first and its last frame
	scheduled bool // somebody will look whether anything is still corked
	stage     closeStage
	pongs     int32 // bytes of pending that are pongs

	left     batch   // begun or cut off, goes on first
	pending  *buffer // whole frames for the next flush; nil when there are none
	spare    *buffer // what pending was; nil for none, and while mu is free and nothing is pending
	lastPong *pong   // that found no room; nil for none
	queue    queue
	turns    line[*outTurn]

	closing  *[]byte // the close frame, in stage closeWaits
	deadline moment  // of the closing handshake, set with stage
	err      error   // of the transport or of the end; nothing is written any more

	watch watch // of the goroutine that made busy true

	poll func(fd uintptr) bool // fixed: writable, bound once
	res  writeResult           // of the last poll, for who made busy true
}

// bind makes what refers to it itself.
func (b *outgoing) bind() {
	b.watch.write = true
	b.poll = b.writable
}

// batch is what one write hands to the transport.
type batch struct {
	p   []byte
	buf *buffer // that p lies in; nil when p is shared
}

// closeStage is how far our close frame has come. It only grows.
type closeStage byte

const (
	closeNone  closeStage = iota // data may be written
	closeWaits                   // goes out once the queue is empty; no data after it
	closeTaken                   // in a batch that is being written, or in left
	closeSent                    // the transport has it
)

// outTurn waits for busy. Its fields are guarded by output.mu.
type outTurn struct {
	ch      chan struct{} // closed when the wait is over
	granted bool          // busy is the waiter's
	after   uint64        // messages of the queue that go first, counted as queue.gone
	stream  bool          // waits as the open Writer, which stream does not hold up
}

// ready returns the error of a write that may not begin. The caller holds mu.
func (o *output) ready(c *Conn) error {
	if err := c.Err(); err != nil {
		return err
	}
	if o.err != nil {
		return o.err
	}
	if o.stage != closeNone {
		return c.closingError()
	}
	return nil
}

// free reports whether a data frame may take busy. The caller holds mu.
func (o *output) free(stream bool) bool {
	return !o.busy && (stream || o.inOrder())
}

// inOrder reports whether a data frame may join the next flush. The caller
// holds mu.
func (o *output) inOrder() bool {
	return !o.stream && o.turns.empty() && o.queue.empty()
}

// take waits until busy is the caller's. It returns with mu held; without an
// error busy is true.
func (o *output) take(ctx context.Context, c *Conn, stream bool) error {
	o.lock()
	if err := o.ready(c); err != nil {
		return err
	}
	if o.free(stream) {
		o.busy = true
		return nil
	}
	t := &outTurn{ch: make(chan struct{}), stream: stream, after: o.queue.gone + uint64(len(o.queue.items))}
	o.turns.push(t)
	c.kick() // if only the queue is in the way
	o.unlock()
	select {
	case <-t.ch:
	case <-ctx.Done():
	case <-c.Done():
	}
	o.lock()
	err := o.ready(c)
	switch {
	case t.granted && err == nil:
		return nil
	case t.granted:
		o.pass(c)
	default:
		o.turns.remove(t)
		if err == nil {
			err = c.stopped("write", ctx)
		}
	}
	return err
}

// pass ends the caller's turn: busy goes to a goroutine that writes what is
// left, or to who waits, or nobody has it. The caller holds mu and busy.
func (o *output) pass(c *Conn) {
	if o.err != nil {
		o.drop()
		return
	}
	if o.anything() {
		go c.flush()
		return
	}
	for t := range o.turns.all() {
		if t.stream || !o.stream {
			o.turns.remove(t)
			t.granted = true
			close(t.ch)
			return
		}
	}
	o.busy = false
}

// drop forgets all that can't be written any more. The caller holds mu.
func (o *output) drop() {
	o.busy = false
	o.left.buf.free()
	o.left = batch{}
	o.pending.free()
	o.pending, o.pongs, o.lastPong = nil, 0, nil
	o.queue.clear()
	o.dismiss()
	o.corked.Store(false)
}

// dismiss ends the waits of all who may not write any more.
func (o *output) dismiss() {
	for t := range o.turns.all() {
		close(t.ch)
	}
	o.turns = line[*outTurn]{}
}

// anything reports whether bytes wait that may go out now.
func (o *output) anything() bool {
	return o.left.p != nil || o.pending != nil || o.lastPong != nil ||
		o.queued() != nil || o.stage == closeWaits
}

// queued returns the first message of the queue, if it is its turn: no Writer
// is open, and nobody waits who came before it.
func (o *output) queued() *encoded {
	if o.stream {
		return nil
	}
	for t := range o.turns.all() {
		if !t.stream {
			if o.queue.gone >= t.after {
				return nil
			}
			break
		}
	}
	return o.queue.first()
}

// room returns the buffer of pending with capacity for n more bytes, as long
// as they are within what may wait.
func (o *output) room(n int) *buffer {
	b := o.pending
	if b != nil && cap(b.b)-len(b.b) >= n {
		return b
	}
	if b == nil && n <= writeSize {
		if b = o.spare; b != nil {
			o.spare = nil
		} else {
			b = writeBuffers.get()
		}
	} else {
		b = chunkBuffers.get()
		if o.pending != nil {
			b.b = append(b.b, o.pending.b...)
			o.pending.free()
		}
	}
	o.pending = b
	return b
}

// takeBack keeps a buffer that was written at hand for the next write.
func (o *output) takeBack(b *buffer) {
	if b != nil && b.pool == &writeBuffers && cap(b.b) == writeSize && o.spare == nil {
		b.b = b.b[:0]
		o.spare = b
	} else {
		b.free()
	}
}

// fits reports whether n more bytes may wait for the next flush.
func (o *output) fits(n int) bool {
	return o.pending == nil || len(o.pending.b)+n <= pendingMax
}

// appendFrame encodes one frame of many slices.
func (c *Conn) appendFrame(dst []byte, h *frame.Header, p [][]byte) []byte {
	if c.wire.role == frame.Server {
		c.traceWritten(h)
		dst = h.Append(slices.Grow(dst, h.Size()+int(h.Length)))
		for _, b := range p {
			dst = append(dst, b...)
		}
		return dst
	}
	masked := *h
	masked.Masked, masked.Key = true, mask.NewKey()
	h = &masked
	c.traceWritten(h)
	dst = h.Append(slices.Grow(dst, h.Size()+int(h.Length)))
	pos := 0
	for _, b := range p {
		n := len(dst)
		dst = dst[:n+len(b)]
		pos = mask.Copy(dst[n:], b, h.Key, pos)
	}
	return dst
}

// kick sends what is left without waiting for the peer: at once as far as the
// transport takes it, the rest by a goroutine. The caller holds mu, which is
// given up meanwhile.
func (c *Conn) kick() {
	o := &c.out
	if o.busy || o.err != nil || !o.anything() {
		return
	}
	o.busy = true
	if c.wire.raw == nil {
		go c.flush()
		return
	}
	for o.anything() {
		b := o.next(c)
		o.unlock()
		n, _, err := c.try(b.p)
		c.stats.bytesWritten.Add(uint64(n))
		o.lock()
		switch {
		case err != nil:
			b.buf.free()
			o.broken(c, err)
			return
		case n < len(b.p):
			b.p = b.p[n:]
			o.left = b
			go c.flush()
			return
		}
		o.done(b)
	}
	o.pass(c)
}

// flush writes until nothing is left and then passes busy on. It is the
// goroutine that busy was handed to.
func (c *Conn) flush() {
	o := &c.out
	o.lock()
	defer o.unlock()
	for o.err == nil && o.anything() {
		b := o.next(c)
		o.unlock()
		n, err := 0, error(nil)
		for n < len(b.p) && err == nil {
			var k int
			c.wire.arm(c.cfg.writeWithin())
			k, err = c.wire.write(b.p[n:min(len(b.p), n+pieceSize)])
			n += k
		}
		c.wire.disarm()
		c.stats.bytesWritten.Add(uint64(n))
		o.lock()
		if err != nil { // b is left to the garbage collector: see buffer.strand
			o.broken(c, err)
			return
		}
		o.done(b)
	}
	o.pass(c)
}

// next takes what goes out next, about chunkSize at most unless a single
// message is longer. The caller holds mu and busy.
func (o *output) next(c *Conn) batch {
	if b := o.left; b.p != nil {
		o.left = batch{}
		return b
	}
	if m := o.queued(); m != nil && o.pending == nil && o.lastPong == nil &&
		c.wire.role == frame.Server && len(m.frame) > joinMax {
		o.unqueue(c)
		return batch{p: m.frame} // shared by all connections, not copied
	}
	size := o.lastPong.size() + frame.MaxHeader
	if !o.stream {
		size += min(o.queue.bytes, joinMax)
	}
	buf := o.room(size)
	o.pending, o.pongs = nil, 0
	o.corked.Store(false)
	if o.lastPong != nil {
		buf.b = frame.AppendMessage(buf.b, c.wire.role, frame.Pong, 0, o.lastPong.payload())
		o.lastPong = nil
	}
	if o.appendQueued(c, buf) {
		return batch{p: buf.b, buf: buf}
	}
	b := batch{buf: buf}
	if o.stage == closeWaits {
		buf.b = append(buf.b, *o.closing...)
		o.stage, o.closing = closeTaken, nil
		o.queue.clear() // what an open Writer held up: no data may follow now
	}
	b.p = buf.b
	return b
}

// appendQueued moves messages of the queue to buf. It reports whether there are
// more than one write takes.
func (o *output) appendQueued(c *Conn, buf *buffer) (more bool) {
	for m := o.queued(); m != nil; m = o.queued() {
		if len(buf.b) > 0 && len(buf.b)+len(m.frame) > chunkSize {
			return true
		}
		o.unqueue(c)
		buf.b = m.appendTo(buf.b, c.wire.role)
	}
	return false
}

// unqueue takes the first message of the queue, which goes out now.
func (o *output) unqueue(c *Conn) {
	o.leaves(c, o.queue.pop())
}

// leaves notes that m goes out now.
func (o *output) leaves(c *Conn, m *encoded) {
	c.traceWritten(&m.header)
	if z := o.compression; z != nil && z.takeover && m.header.RSV != 0 {
		z.window.note(int(z.bits), m)
	}
}

// done notes that b is written as a whole.
func (o *output) done(b batch) {
	o.takeBack(b.buf)
	if o.stage == closeTaken { // nothing is taken after it: b has it
		o.stage = closeSent
	}
}

// broken ends writing because the transport failed, and the caller's turn.
// What the peer still sends can be read: its close frame may explain the
// failure. The caller holds mu.
func (o *output) broken(c *Conn, err error) error {
	if o.err == nil {
		o.err = c.writeFailed(err)
	}
	if o.stage != closeNone {
		o.stage = closeSent // as far as it could be
	}
	o.drop()
	return o.err
}
