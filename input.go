package pushwire

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/pushwire/pushwire/frame"
)

const (
	// directMin is the rest of a frame from which on its payload is read
	// straight to where it belongs, not through a buffer, in bytes.
	directMin = 512

	// bulkMax is the rest of a frame up to which it is read together with what
	// follows, where more is there than one read took: frames that come in one
	// read are answered in one write.
	bulkMax = chunkSize / 2

	// growMin is the room that a message gets at least when it has to grow,
	// in bytes. Beyond it the room doubles with the bytes that came: what a
	// header declares reserves nothing.
	growMin = 16 << 10
)

// input is the reading half of a Conn. Its fields belong to the holder of
// Conn.reading, but for those that say otherwise.
type input struct {
	*intake // nil while nothing is being read (lean.go)

	await     func(fd uintptr) bool // what readable returned; nil before the first wait
	watch     watch
	inflation *inflation // of compressed messages; nil where there are none (inflate.go)

	reader uint32 // counts Readers: only the latest one may read
	reads  uint32 // counts calls that read, for drain to see whether anybody does

	giveWay atomic.Pointer[context.CancelFunc] // any goroutine: ends the wait of drain; nil while it does not read
	wanted  atomic.Int32                       // any goroutine: how many of the application's calls wait for the turn

	more    atomic.Bool // any goroutine: a whole data frame lies in b
	waiting atomic.Bool // any goroutine: somebody waits for the peer's bytes

	bare bool // the holder of Conn.reading gives it back by no defer (ping.go)
	full bool // the last read filled its buffer: more is likely there, or comes with the next message
}

// intake is what reading needs while it goes on. Its fields are used as those
// of input, and belong to the holder of Conn.reading as well.
type intake struct {
	dec frame.Decoder

	poll func(fd uintptr) bool // fixed: what readOnce returned
	res  readResult            // of the last poll; before it buf is what to read into, nil for a borrowed buffer
	bulk bool                  // the next poll takes a large buffer
	now  bool                  // and reports errWouldBlock where it would wait

	buf  *buffer // borrowed; nil while nothing is undecoded
	b    []byte  // undecoded bytes, within buf or left over from the handshake
	lent *loan   // who holds bytes of buf before b, nil for nobody

	// The message in hand.
	part   []byte // what a Read that was interrupted had of it
	piece  []byte // of it, decoded and not yet read by the Reader; within buf or part
	typ    Type   // of the message that the last data event belongs to
	opened Type   // of the message that a Reader has begun
	open   bool   // a Reader has begun it; part may be of a later one then (drain.go)
	paused bool   // that Reader's context ended: another may go on
	forget bool   // its rest is being skipped: nobody may go on in it
	end    bool   // piece is the last of it

	inbox *inbox // read by Close on behalf of calls of Read to come; nil before it does
}

// bind makes what refers to it itself.
func (it *intake) bind() {
	if rawIO {
		it.poll = it.readOnce()
	}
}

// init readies it for c, which may have inflation already.
func (it *intake) init(c *Conn) {
	it.dec.Role = c.wire.role
	it.dec.Limits = c.cfg.limits()
	it.dec.SkipUTF8 = c.cfg.SkipUTF8
	if z := c.in.inflation; z != nil {
		it.dec.RSV = frame.RSV1
		if most := z.limit + z.limit/packedExtra + packedSlack; most > 0 { // else there is no limit
			it.dec.Limits.Compressed = most
		}
	}
}

// undecoded reports whether bytes are there to make events of.
func (in *input) undecoded() bool {
	return len(in.b) > 0 || in.inflation != nil && in.inflation.more
}

// inflating reports whether the message in hand is compressed.
func (in *input) inflating() bool { return in.inflation != nil && in.inflation.active }

// release gives the buffer back once it is decoded.
func (in *input) release() {
	if len(in.b) > 0 {
		return
	}
	in.b = nil
	if in.lent == nil {
		in.buf.free()
	}
	in.buf, in.lent = nil, nil
}

// peek notes whether the next data frame is there as a whole. A reply that is
// written meanwhile waits for the reply to that one (output.go).
func (in *input) peek() {
	more := false
	if b := in.b; len(b) >= 2 && b[0]&0xF <= byte(frame.Binary) && b[1]&0x7F < 126 {
		// A short data frame without the whole of Parse: BenchmarkBurst 0.93.
		more = len(b)-2 >= int(b[1]>>7)<<2+int(b[1]&0x7F)
	} else if len(b) > 0 {
		h, n, err := frame.Parse(b)
		more = err == nil && n > 0 && !h.Opcode.IsControl() && h.Length <= int64(len(b)-n)
	}
	if more != in.more.Load() {
		in.more.Store(more)
	}
}

// fill waits for the peer's next bytes. When ctx ends first, the connection
// stays as it is.
func (c *Conn) fill(ctx context.Context) error {
	if err := c.Err(); err != nil { // what still comes is linger's
		return err
	}
	in := &c.in
	c.beforeWait()
	if ctx == noWait {
		return c.fillNow()
	}
	idle := !in.full && !in.dec.InMessage()
	watched := in.watch.begin(ctx, c)
	in.waiting.Store(true)
	var buf *buffer
	var n int
	var err error
	// A socket is waited for without a buffer: poll borrows one only once
	// there is something to read. This is not a method of wire, because each
	// frame counts in the stack of a goroutine that waits.
	w := &c.wire
	if w.raw == nil {
		in.rest()
		buf, n, err = w.fillBlocked(idle)
		in.borrow(c)
	} else {
		if in.await == nil {
			in.await = c.readable()
		}
		err = w.raw.Read(in.await)
		in.borrow(c) // the wait may have been cut short
		if err == nil {
			buf, n, err = in.res.buf, in.res.n, in.res.err
			in.res.buf = nil
		}
	}
	in.waiting.Store(false)
	if err := c.afterWait(ctx, watched, n, err); err != nil {
		return err
	}
	in.buf, in.b = buf, buf.b[:n]
	in.full = n == cap(buf.b)
	return nil
}

// direct reads payload bytes of the frame in hand into p and decodes them
// there.
func (c *Conn) direct(ctx context.Context, p []byte) (frame.Event, error) {
	if err := c.Err(); err != nil {
		return frame.Event{}, err
	}
	in := &c.in
	c.beforeWait()
	if ctx == noWait {
		return c.directNow(p)
	}
	watched := in.watch.begin(ctx, c)
	in.waiting.Store(true)
	n, err := c.wire.read(p)
	in.waiting.Store(false)
	if err := c.afterWait(ctx, watched, n, err); err != nil {
		return frame.Event{}, err
	}
	return c.decodeThere(p[:n])
}

// decodeThere makes an event of payload bytes that lie where they belong.
func (c *Conn) decodeThere(p []byte) (frame.Event, error) {
	ev, _, err := c.in.dec.Next(p)
	if err != nil {
		return ev, c.refuse(err)
	}
	return ev, nil
}

// beforeWait sends what was held back for company: none comes before the
// peer's next bytes.
func (c *Conn) beforeWait() {
	if c.in.more.Load() {
		c.in.more.Store(false)
	}
	if c.out.corked.Load() {
		c.uncork()
	}
}

// afterWait tells the context's end from the connection's.
func (c *Conn) afterWait(ctx context.Context, watched bool, n int, err error) error {
	if watched && c.in.watch.end() {
		c.wire.resumeRead()
		if n == 0 && isTimeout(err) && c.Err() == nil {
			return waitError("read", ctx)
		}
	}
	if n > 0 {
		c.stats.bytesRead.Add(uint64(n))
		return nil
	}
	return c.lost(err)
}

// stopped is the end of a call by its context. One that is derived from the
// connection's own ended with that, and then the connection's end is what the
// caller wants to know.
func (c *Conn) stopped(what string, ctx context.Context) error {
	if err := c.Err(); err != nil {
		return err
	}
	return waitError(what, ctx)
}

// waitError is the end of a wait by its context.
func waitError(what string, ctx context.Context) error {
	return fmt.Errorf("pushwire: %s: %w", what, ctx.Err())
}

// decode takes the next event out of the undecoded bytes. Control frames are
// served here; the caller skips what is not Data.
func (c *Conn) decode(ev *frame.Event) error {
	in := &c.in
	if in.inflation != nil && in.inflation.more {
		return c.inflate(ev)
	}
	n, err := in.dec.NextInto(in.b, ev)
	if err != nil {
		return c.refuse(err)
	}
	in.b = in.b[n:]
	if ev.Start && c.cfg.Trace != nil {
		c.traceRead(ev.Header)
	}
	if ev.Kind == frame.Control {
		return c.control(ev)
	}
	if in.inflation != nil && ev.Kind == frame.Data && in.inflation.take(ev) {
		ev.Kind = frame.More // the next call has its bytes
	}
	return nil
}

// inflate makes ev the next piece of a compressed message.
func (c *Conn) inflate(ev *frame.Event) error {
	if err := c.in.inflation.next(ev); err != nil {
		c.in.inflation.drop()
		return c.refuse(err)
	}
	return nil
}

// control serves one control frame.
func (c *Conn) control(ev *frame.Event) error {
	switch ev.Type {
	case frame.Ping:
		if c.cfg.OnPing != nil {
			c.onPing(ev.Payload)
		}
		c.pong(ev.Payload)
	case frame.Pong:
		c.pings.answer(c, ev.Payload)
	case frame.Close:
		return c.gotClose(ev.Payload)
	}
	return nil
}

// message reads the next message, or what is left of the one in hand, and
// appends it to dst. With a loan, a message that lies whole in the buffer is
// returned where it lies, and others are put together in a borrowed buffer.
// When ctx ends, the bytes so far are returned with the error.
//
// It waits by itself and decodes in a callee: while a connection is idle the
// stack holds what waiting needs and nothing else, and never grows beyond its
// first 2 KiB (bench/ shows 4,096 bytes of stack a connection otherwise).
func (c *Conn) message(ctx context.Context, dst []byte, l *loan) (Type, []byte, error) {
	in := &c.in
	if ctx.Err() != nil && !(in.open && in.end) {
		return 0, dst, c.stopped("read", ctx)
	}
	var whole bool
	var err error
	if in.open {
		if dst, whole = c.resume(dst); whole {
			return in.opened, dst, nil
		}
	}
	for {
		if in.inflation == nil {
			dst, whole, err = c.assemble(dst, l)
		} else {
			dst, whole, err = c.assembleInflated(dst, l)
		}
		if whole || err != nil {
			return in.typ, dst, err
		}
		if z := in.inflation; z != nil && z.ahead() {
			continue
		}
		if rest := in.dec.Remaining(); rest < directMin || in.full && rest <= bulkMax || in.inflating() {
			err = c.fill(ctx)
		} else {
			dst, whole, err = c.readDirect(ctx, dst, l)
		}
		if whole || err != nil {
			return in.typ, dst, err
		}
	}
}

// short makes m the next message, lent to l, if that is a short one and whole:
// what message does with it, in fewer steps.
func (c *Conn) short(m *Message, l *loan) bool {
	in := &c.in
	if in.inflation != nil || in.lent != nil || in.open || len(in.part) > 0 || c.cfg.Trace != nil {
		return false
	}
	typ, p, n := in.dec.Short(in.b)
	if n == 0 {
		return false
	}
	m.Type, m.Data = typ, p
	in.typ, in.b, in.lent = typ, in.b[n:], l
	c.received()
	return true
}

// assemble is message as far as the bytes go that are there; it does not
// wait. Without whole and without an error more are needed, and none are left
// undecoded.
func (c *Conn) assemble(dst []byte, l *loan) (p []byte, whole bool, err error) {
	in := &c.in
	for len(in.b) > 0 {
		var ev frame.Event
		if err := c.decode(&ev); err != nil {
			return dst, false, err
		}
		if ev.Kind != frame.Data {
			continue
		}
		in.typ = ev.Type
		if l != nil {
			if in.lent == nil && ev.End && ev.Start && ev.Header.Opcode != frame.Continuation {
				in.lent = l
				c.received()
				return ev.Payload, true, nil
			}
			dst = l.room(dst, len(ev.Payload))
		}
		dst = append(dst, ev.Payload...)
		if ev.End {
			c.received()
			return dst, true, nil
		}
	}
	in.release()
	return dst, false, nil
}

// resume moves what a Reader had in hand behind dst. That Reader is stale from
// now on.
func (c *Conn) resume(dst []byte) (p []byte, whole bool) {
	in := &c.in
	in.reader++
	dst = append(dst, in.piece...)
	in.open, in.paused, in.piece = false, false, nil
	if in.end {
		c.received()
	}
	return dst, in.end
}

// readDirect waits for payload bytes of the frame in hand and reads them to
// where they belong.
func (c *Conn) readDirect(ctx context.Context, dst []byte, l *loan) (p []byte, whole bool, err error) {
	rest := c.in.dec.Remaining()
	if l != nil {
		dst = l.room(dst, int(min(rest, growMin)))
	}
	dst = l.grow(dst, rest)
	room := dst[len(dst):cap(dst)]
	if int64(len(room)) > rest {
		room = room[:rest]
	}
	ev, err := c.direct(ctx, room)
	if err != nil {
		return dst, false, err
	}
	dst = dst[:len(dst)+len(ev.Payload)]
	if ev.End {
		c.received()
	}
	return dst, ev.End, nil
}

// grow gives dst room for more of the rest bytes that its frame still has. With
// a loan, what does not fit there any more moves to a large buffer, if an
// earlier message has left one: an echo of 1 MiB with Messages and Write costs
// 0.31 of what it does with new memory for each, and its collector.
func (l *loan) grow(dst []byte, rest int64) []byte {
	want := max(growMin, len(dst))
	if int64(want) > rest {
		want = int(rest)
	}
	if free := cap(dst) - len(dst); free >= want || free >= growMin {
		return dst
	}
	if l != nil && len(dst) >= chunkSize/2 {
		switch b := large(); {
		case b == nil:
		case cap(b.b) <= cap(dst):
			b.free()
		default:
			b.b = append(b.b, dst...)
			l.scratch.free()
			l.scratch, dst = b, b.b
		}
	}
	return slices.Grow(dst, want)
}

// received counts a message and leaves the input as the next one wants it.
func (c *Conn) received() {
	in := &c.in
	c.reading.done++
	if in.inflation != nil {
		in.inflation.release()
	}
	in.peek()
	if in.lent == nil {
		in.release()
	}
}

// loan is what one loop over Messages has borrowed: it ends with the next
// step.
type loan struct{ scratch *buffer }

// room returns dst, or borrowed memory with what is in dst, that has room for
// more bytes; only where nothing so large is lent it may have none. What is
// borrowed grows with the bytes that came: a peer that begins a message and
// stops holds little.
func (l *loan) room(dst []byte, more int) []byte {
	n := len(dst) + more
	if n <= cap(dst) || cap(dst) > 0 && l.scratch == nil { // that is memory of its own
		return dst
	}
	pool := &writeBuffers
	switch {
	case n > chunkBuffers.size:
		return dst
	case n > readSize:
		pool = &chunkBuffers
	case n > writeSize:
		pool = &readBuffers
	}
	larger := pool.get()
	larger.b = append(larger.b[:0], dst...)
	l.scratch.free()
	l.scratch = larger
	return larger.b
}

// drop gives the borrowed room back.
func (l *loan) drop() {
	l.scratch.free()
	l.scratch = nil
}

// holds reports whether p lies in the borrowed room.
func (l *loan) holds(p []byte) bool { return l.scratch != nil && l.scratch.holds(p) }

// end gives everything back. The caller holds Conn.reading.
func (l *loan) end(in *input) {
	if in.lent == l {
		in.lent = nil
		if !in.open { // else a Reader's piece lies in the buffer
			in.release()
		}
	}
	l.drop()
}
