package pushwire

import (
	"context"
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
// written meanwhile waits for the reply to that one (cork.go).
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
