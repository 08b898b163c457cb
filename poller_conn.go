package pushwire

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pushwire/pushwire/frame"
)

const (
	// turnBytes and turnMessages bound what a worker does for one connection
	// while others wait: four reads of a large buffer, about 60 us, or a burst
	// of short messages. A turn that ends in the middle of a message costs, as
	// what there is of it gets out of the cache: turns of 64 KiB made an echo of
	// 16 KiB with 16 in flight 1.3 x as long. So overTime is what may be read
	// beyond that to the end of a message.
	turnBytes    = 4 * chunkSize
	turnMessages = 64
	overTime     = chunkSize
)

// polled is a connection's place in a Poller.
//
//	        hint, end              a worker
//	parked ───────────> queued ──────────────> running <───┐
//	  ^                   ^                     │ │ │ hint │ it reads
//	  │ nothing to read   │ turn over, and      │ │ v      │ once more
//	  ├─────────────────────────────────────────┘ │ again ─┘
//	  │                   └───────────────────────┤
//	                                              v
//	                                             over
//
// Fields without a remark belong to the worker that made it running.
type polled struct {
	c *Conn       // fixed
	p *Poller     // fixed
	f MessageFunc // fixed

	fd     int32              // fixed; -1 for a connection that has a goroutine
	cancel context.CancelFunc // fixed; ends that goroutine's wait

	state atomic.Int32
	all   atomic.Bool // set by a hint: a short read does not mean that nothing is left
	dry   bool        // the last read left nothing

	left   int32   // bytes that may be read in this turn
	kept   *buffer // that the part of a message lies in which is in hand; nil for none
	next   *polled // in the queue, whose it is
	handed *handed // by the connection's goroutine; nil for a connection without
}

// States of a polled.
const (
	polledParked  = iota // it waits for a hint
	polledQueued         // it waits for a worker
	polledRunning        // a worker has it
	polledAgain          // and a hint came since it began to read
	polledOver           // it has ended; the last call is made or begun
)

var (
	errWouldBlock = errors.New("pushwire: nothing to read now")
	errTurnOver   = errors.New("pushwire: others wait")
	errRemoved    = errors.New("pushwire: somebody else reads from now on")
)

// noWait is the context of workers: reading gives up with errWouldBlock where
// it would wait, and with errTurnOver where others have waited long enough. The
// message in hand stays with the Conn, as after a Read that was cancelled.
var noWait = &readerContext{Context: context.Background()}

// readerContext marks the calls that read for a Poller.
type readerContext struct {
	context.Context
	r *polled // they fail with errRemoved once it has left; nil for noWait, see takeTurn
}

// rouse notes that there may be something to read, and reports whether the
// caller has to put r into the queue.
func (r *polled) rouse() bool {
	for {
		switch s := r.state.Load(); s {
		case polledParked:
			// Until a worker comes the peer can't be heard (keepalive.go).
			r.c.in.waiting.Store(false)
			if r.state.CompareAndSwap(s, polledQueued) {
				return true
			}
		case polledRunning:
			if r.state.CompareAndSwap(s, polledAgain) {
				return false
			}
		default:
			return false
		}
	}
}

// wake has a worker look after r.
func (r *polled) wake() {
	if r.fd >= 0 && r.rouse() {
		var l list
		l.push(r)
		r.p.workers.submit(&l)
	}
}

// leave ends the watch over a transport that lives on.
func (r *polled) leave() {
	p := r.p
	if r.fd >= 0 {
		r.c.wire.raw.Control(func(fd uintptr) {
			p.mu.Lock()
			if p.poll != nil && p.slots[r.fd] == r {
				p.poll.remove(int(fd))
			}
			p.mu.Unlock()
		})
	}
	p.forget(r)
}

// serve is a worker's turn with r: it calls f with what there is to read. It
// reports whether r goes back into the queue. l is empty before and after.
func (r *polled) serve(l *loan) (again bool) {
	if r.handed != nil {
		r.handed.serve(r)
		return false
	}
	c := r.c
	r.state.Store(polledRunning) // a hint that was ignored until here is of bytes that are not read yet
	r.dry = false
	r.left = turnBytes
	for messages := turnMessages; ; messages-- {
		m, err := r.step(l, messages)
		switch err {
		case nil:
			r.call(m, nil)
			if c.polled.Load() != r {
				// It removed its connection, and who reads that now may have
				// the turn to read for long.
				l.drop()
				r.state.Store(polledOver)
				return false
			}
		case errTurnOver:
			if r.p.workers.waited() {
				return true
			}
			r.left, messages = turnBytes, turnMessages
		case errWouldBlock:
			if r.state.CompareAndSwap(polledRunning, polledParked) {
				return false
			} // else a hint came
		case errRemoved:
			r.state.Store(polledOver)
			return false
		default:
			r.over(err)
			return false
		}
	}
}

// step reads the next message, which lies in l until the next step. Without one
// l is empty afterwards.
func (r *polled) step(l *loan, messages int) (m Message, err error) {
	c := r.c
	if err = r.takeTurn(); err == nil {
		err = c.mayRead(noWait)
	}
	if err != nil {
		l.drop()
		return m, err
	}
	m, whole := c.lend(l, messages > 0)
	if whole {
		return m, nil
	}
	if r.kept != nil {
		if r.kept.holds(m.Data) { // else Close has read on, and it may hold what it has kept
			l.scratch = r.kept
		}
		r.kept = nil
	}
	switch {
	case messages <= 0 && r.p.workers.waited():
		err = errTurnOver
		c.beforeWait()
	default:
		m.Type, m.Data, err = c.message(noWait, m.Data, l)
	}
	if err == nil {
		return m, c.endLend(l, &m, nil)
	}
	switch {
	case l.holds(m.Data):
		m.Data = r.keep(l, m.Data, err == errTurnOver)
	case cap(m.Data) > chunkBuffers.size:
		// It has outgrown what was borrowed, and is to be lent to the next when it
		// is whole: without that an echo of 1 MiB costs 2.7 x as much.
		r.kept = &buffer{b: m.Data[:0], pool: &largeBuffers}
	}
	if len(m.Data) > 0 {
		c.in.part = m.Data
	}
	c.in.bare = false
	if err == errWouldBlock {
		c.in.rest()
	}
	c.reading.give()
	l.drop()
	return Message{}, err
}

// takeTurn takes the turn to read, which is short with those who have it while r
// has its place. Once r was removed it may be a Read's, for ever: it is not waited
// for then, and what is there is not for r.
func (r *polled) takeTurn() error {
	c := r.c
	if !c.tryTurn() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if c.claimTurn(ctx, func() {
			if c.polled.Load() != r { // else Remove comes behind this in the line
				cancel()
			}
		}) != nil {
			return errRemoved
		}
	}
	if c.polled.Load() != r {
		c.reading.give()
		return errRemoved
	}
	if c.in.waiting.Load() { // the store alone is dear
		c.in.waiting.Store(false)
	}
	c.in.reads++
	return nil
}

// keep moves what l holds of a message to where it may stay: for the next turn
// where it is, else in no more than about four times its size, and in memory
// of its own if that is little.
func (r *polled) keep(l *loan, p []byte, soon bool) []byte {
	switch {
	case len(p) == 0:
		return nil
	case soon || len(p) > readSize:
		r.kept, l.scratch = l.scratch, nil
		return p
	case len(p) < readSize/4:
		return bytes.Clone(p)
	}
	b := readBuffers.get()
	b.b = append(b.b, p...)
	r.kept = b
	p, b.b = b.b, b.b[:0]
	return p
}

// over makes the last call.
func (r *polled) over(err error) {
	r.state.Store(polledOver)
	if !r.c.polled.CompareAndSwap(r, endedPolled) {
		return // it was removed, and the end is not ours to tell
	}
	r.p.forget(r)
	defer r.p.gone()
	r.call(Message{}, err)
}

// endedPolled stands for the place of a connection that has ended.
var endedPolled = &polled{fd: -1, p: &Poller{}}

// call calls f. What becomes of a panic stands in workers.serve.
func (r *polled) call(m Message, err error) { r.f(r.c.Context(), r.c, m, err) }

// broken ends the connection after a panic v in f, or in Config.OnPing; nil is
// the end of the goroutine.
func (r *polled) broken(v any) {
	if err, ok := v.(error); v != nil && !(ok && errors.Is(err, http.ErrAbortHandler)) {
		r.c.logPanic("MessageFunc", v, debug.Stack())
	}
	go r.c.Close(frame.CodeInternal, "")
}

// fillNow is fill for a worker.
func (c *Conn) fillNow() error {
	buf, n, err := c.readNow(nil)
	if err != nil {
		return err
	}
	in := &c.in
	in.buf, in.b = buf, buf.b[:n]
	return nil
}

// readNow reads what is there, into a borrowed buffer, or into the memory of
// buf where that is given. The caller holds reading and is r's worker.
func (c *Conn) readNow(into *buffer) (*buffer, int, error) {
	r := c.polled.Load()
	switch {
	case r == nil:
		return nil, 0, errRemoved
	case r.left <= 0 && (r.left <= -overTime || c.in.dec.Remaining() == 0):
		return nil, 0, errTurnOver
	case r.state.CompareAndSwap(polledAgain, polledRunning):
		// That may have been the end, which came after mayRead and which no hint
		// follows while the transport is still open.
		if err := c.Err(); err != nil {
			return nil, 0, err
		}
	case r.dry && !r.all.Load():
		c.in.waiting.Store(true) // until takeTurn, rouse or Remove
		return nil, 0, errWouldBlock
	}
	w := &c.wire
	it := c.in.intake
	it.bulk, it.now = c.in.full, true
	res := &it.res
	res.buf = into
	err := w.raw.Read(c.in.poll)
	it.now = false
	buf, n := res.buf, res.n
	if err == nil {
		err = res.err
	}
	*res = readResult{}
	if err == errWouldBlock {
		r.dry, c.in.full = true, false
		c.in.waiting.Store(true)
		return nil, 0, err
	}
	if err := c.afterWait(noWait, false, n, err); err != nil {
		return nil, 0, err
	}
	// A read of less than it asked for has emptied a TCP socket: the next one
	// would only say so. A Unix socket may also stop where one write ended that
	// carried descriptors.
	r.dry = n < cap(buf.b) && w.stream
	r.left -= int32(n)
	if into == nil { // out of turn the next read is of what a message lacks
		c.in.full = n == cap(buf.b) && r.left > 0
	}
	return buf, n, nil
}

// directNow is direct for a worker.
func (c *Conn) directNow(p []byte) (frame.Event, error) {
	b := given.Get().(*buffer)
	b.b = p[:0:len(p)]
	_, n, err := c.readNow(b)
	b.b = nil
	given.Put(b)
	if err != nil {
		return frame.Event{}, err
	}
	return c.decodeThere(p[:n])
}

// given are buffers without memory, for reads into memory that is there.
var given = sync.Pool{New: func() any { return new(buffer) }}

// readByPoller is what calls get that would read beside a Poller.
func (c *Conn) readByPoller() error {
	if err := c.Err(); err != nil {
		return err
	}
	return errPolled
}

// startClose begins the closing handshake. Its end is the Poller's reading.
func (c *Conn) startClose(code frame.Code, reason string) {
	o := &c.out
	o.lock()
	defer o.unlock()
	if c.Err() != nil || o.stage != closeNone || o.err != nil {
		return
	}
	f, _ := frame.AppendClose(nil, c.wire.role, code, reason)
	o.beginClose(c, f, CloseFrame{code, reason})
}

// closeDeadline returns the end of the closing handshake, or of the time that
// one would have.
func (c *Conn) closeDeadline() time.Time {
	o := &c.out
	o.lock()
	defer o.unlock()
	if c.life.sent != nil {
		return o.deadline.time()
	}
	return time.Now().Add(c.cfg.closeWithin())
}

// handed is a message, or the end, that a connection's own goroutine has a
// worker call f with.
type handed struct {
	m    Message
	err  error
	done chan struct{}
}

func (h *handed) serve(r *polled) {
	defer func() { h.done <- struct{}{} }()
	if h.err != nil {
		r.over(h.err)
		return
	}
	r.call(h.m, nil)
}

// loop reads a connection that can't be polled. The calls of f are the workers',
// so that their bound holds.
func (r *polled) loop(ctx context.Context) {
	r.handed = &handed{done: make(chan struct{})}
	for !r.read(ctx) {
	}
	r.cancel()
}

// read is loop until the connection has left, or Config.OnPing did not return,
// which ends the connection: the next call tells so.
func (r *polled) read(ctx context.Context) (left bool) {
	defer func() {
		if left {
			return
		}
		v := recover()
		r.broken(v)
		if v == nil { // runtime.Goexit
			go r.loop(ctx)
		}
	}()
	h := r.handed
	for m, err := range r.c.Messages(ctx) {
		if err != nil && ctx.Err() != nil {
			return true // it was removed, or is going to be
		}
		h.m, h.err = m, err
		var l list
		l.push(r)
		r.p.workers.submit(&l)
		<-h.done
		if r.c.polled.Load() != r {
			return true
		}
	}
	return true
}
