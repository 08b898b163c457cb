package frame

import (
	"math"

	"github.com/pushwire/pushwire/mask"
)

// Defaults of [Limits].
const (
	DefaultMessage   = 1 << 20 // bytes
	DefaultFragments = 4096
)

// Limits bound what a peer may send in one message. A zero field is its
// default, a negative one no limit.
type Limits struct {
	Message   int64 // payload bytes, all fragments together; 1 MiB
	Fragments int   // frames of the message, empty ones too; 4,096

	// Compressed is Message for a message with RSV1, whose payload says
	// little of what it becomes: who inflates it counts that. 0 is Message.
	Compressed int64
}

// message returns the bound of a message whose first frame has the reserved
// bits rsv.
func (l Limits) message(rsv byte) int64 {
	n := l.Message
	if rsv&RSV1 != 0 && l.Compressed != 0 {
		n = l.Compressed
	}
	switch {
	case n == 0:
		return DefaultMessage
	case n < 0:
		return math.MaxInt64
	}
	return n
}

func (l Limits) fragments() int {
	switch {
	case l.Fragments == 0:
		return DefaultFragments
	case l.Fragments < 0:
		return math.MaxInt
	}
	return l.Fragments
}

// Kind tells the events of a [Decoder] apart.
type Kind byte

const (
	More    Kind = iota // no event: all input is consumed, more is needed
	Data                // a piece of a Text or Binary message
	Control             // a whole Close, Ping or Pong frame
)

// Event is what [Decoder.Next] finds.
type Event struct {
	Kind   Kind
	Type   Opcode // Data: Text or Binary, on continuations too. Control: Close, Ping or Pong
	Start  bool   // Data: the first event of its frame. It may come with no payload yet
	End    bool   // Data: the message is complete with this event
	Header Header // the frame's header, as it came

	// Payload is unmasked. Data: the next piece, which may be empty.
	// Control: the whole payload. It is a sub-slice of the input, or of the
	// decoder, and valid until the next call of Next.
	Payload []byte
}

// state says what the next byte is to a Decoder.
//
//	          header complete               payload complete
//	inHeader ────────────────> inPayload ─────────────────────> inHeader
//	   │                           │ Close frame complete
//	   │ error                     ├──────────────────────────> closed
//	   └───────────> failed <──────┘ error
type state byte

const (
	inHeader  state = iota // a byte of a header; its beginning may lie in head
	inPayload              // a byte of the payload of frame h
	closed                 // a Close frame came: whatever follows is ignored
	failed                 // err is set and returned for ever
)

// Decoder turns the bytes of a connection into events. It is resumable at
// every byte, never allocates, never reads ahead and keeps no more than a
// header and one control frame's payload. Fill in the exported fields before
// the first call of Next and leave them alone afterwards. A Decoder must not
// be used by two goroutines at once.
type Decoder struct {
	Role     Role // the local end: a Server wants masked frames, a Client unmasked ones
	RSV      byte // reserved bits that an extension may set on the first frame of a message
	SkipUTF8 bool // do not validate text; that of compressed messages (RSV1) never is

	state   state
	message Opcode // Text or Binary inside a message, else 0
	rsv     byte   // reserved bits of that message's first frame
	text    UTF8
	headLen uint8 // bytes of a header in split

	Limits Limits // zero fields are the defaults

	split     [MaxControl]byte // the beginning of a header, or of a control payload
	h         Header           // the frame in hand, in state inPayload
	done      int64            // payload bytes of h that were consumed
	length    int64            // payload bytes that the message's headers have declared
	fragments int              // its frames
	err       *Error
}

// Next consumes n bytes of p and returns at most one event; call it again with
// p[n:] until Kind is More, which consumes all. Payload is unmasked in place:
// p is modified. The data of a text message is delivered only as far as it is
// valid UTF-8.
//
// An error is of type [*Error] and final: it is returned again by every later
// call. Once a Close frame was returned, all further input is consumed
// without a look (RFC 6455, 1.4).
func (d *Decoder) Next(p []byte) (ev Event, n int, err error) {
	n, err = d.advance(p, &ev)
	if ev.Kind == Control && ev.Payload == nil {
		ev.Payload = d.split[:d.h.Length]
	}
	return ev, n, err
}

// NextInto is [Decoder.Next] with the event in memory of the caller, for those
// who keep their stacks small; it sets all of ev. A Decoder that it is called
// on lives on the heap.
func (d *Decoder) NextInto(p []byte, ev *Event) (n int, err error) {
	n, err = d.advance(p, ev)
	if ev.Kind == Control && ev.Payload == nil {
		ev.Payload = d.split[:d.h.Length]
	}
	return n, err
}

// advance is Next, but for the payload of a control frame that was put
// together in d: the caller has to point ev at it, because a pointer to d that
// went through ev would keep every Decoder off the stack.
func (d *Decoder) advance(p []byte, ev *Event) (n int, err error) {
	*ev = Event{}
	switch d.state {
	case inHeader:
		if len(p) == 0 {
			return 0, nil
		}
		n, err = d.readHeader(p)
		if err != nil {
			d.fail(err)
			return 0, err
		}
		if d.state == inHeader {
			return n, nil
		}
		if d.h.Opcode.IsControl() {
			return d.readControl(p, n, ev), nil
		}
		return d.readData(p, n, true, ev)
	case inPayload:
		if d.h.Opcode.IsControl() {
			return d.readControl(p, 0, ev), nil
		}
		if len(p) == 0 {
			return 0, nil
		}
		return d.readData(p, 0, false, ev)
	case closed:
		// RFC 6455, 1.4: after a close frame an endpoint "discards any further
		// data received".
		return len(p), nil
	}
	return 0, d.err
}

// fail makes err, which is an *Error, final.
func (d *Decoder) fail(err error) {
	d.state = failed
	d.err, _ = err.(*Error)
}

// Remaining returns how many payload bytes of the frame in hand are still to
// come: as many may be read straight to where they belong and given to Next
// there.
func (d *Decoder) Remaining() int64 {
	if d.state != inPayload {
		return 0
	}
	return d.h.Length - d.done
}

// InMessage reports whether a data message has begun and not ended.
func (d *Decoder) InMessage() bool { return d.message != 0 }

// readHeader consumes header bytes. It leaves state inHeader when p ended
// inside one.
func (d *Decoder) readHeader(p []byte) (n int, err error) {
	b := p
	had := int(d.headLen)
	if had > 0 {
		n = copy(d.split[had:], p)
		b = d.split[:had+n]
	}
	h, size, err := d.parse(b)
	if err != nil {
		return 0, err
	}
	if size == 0 { // b is shorter than a header, so it fits
		if had == 0 {
			n = copy(d.split[:], p)
		}
		d.headLen += uint8(n)
		return n, nil
	}
	if err := d.begin(h); err != nil {
		return 0, err
	}
	d.h, d.done, d.headLen = h, 0, 0
	d.state = inPayload
	return size - had, nil
}

// parse is [Parse] with the checks that depend on role, extensions and
// sequence, each made on the byte that decides it, so that any split of the
// input ends in the same error.
func (d *Decoder) parse(b []byte) (h Header, n int, err error) {
	if err := h.first(b[0]); err != nil {
		return h, 0, err
	}
	if h.RSV != 0 || h.Opcode == Continuation || d.message != 0 {
		if err := d.sequence(&h); err != nil {
			return h, 0, err
		}
	}
	if len(b) == 1 {
		return h, 0, nil
	}
	if err := h.second(b[1]); err != nil {
		return h, 0, err
	}
	if h.Masked != (d.Role == Server) {
		if h.Masked {
			// RFC 6455, 5.1: "A client MUST close a connection if it detects
			// a masked frame."
			return h, 0, errMaskUnexpected
		}
		// RFC 6455, 5.1: "The server MUST close the connection upon receiving
		// a frame that is not masked."
		return h, 0, errMaskMissing
	}
	n, err = h.rest(b)
	return h, n, err
}

// sequence checks the reserved bits and that data frames follow each other
// as RFC 6455, 5.4, wants.
func (d *Decoder) sequence(h *Header) error {
	if h.RSV&^d.RSV != 0 {
		// RFC 6455, 5.2: "If a nonzero value is received and none of the
		// negotiated extensions defines the meaning of such a nonzero value,
		// the receiving endpoint MUST _Fail the WebSocket Connection_."
		return errRSV
	}
	switch {
	case h.Opcode.IsControl():
		if h.RSV != 0 {
			return errRSVControl
		}
	case h.Opcode == Continuation:
		if d.message == 0 {
			return errContinuation
		}
		if h.RSV != 0 {
			return errRSVContinuation
		}
	case d.message != 0:
		// RFC 6455, 5.4: "The fragments of one message MUST NOT be
		// interleaved between the fragments of another message unless an
		// extension has been negotiated"
		return errInterleaved
	}
	return nil
}

// begin counts a data frame into its message.
func (d *Decoder) begin(h Header) error {
	if h.Opcode.IsControl() {
		return nil
	}
	if h.Opcode != Continuation {
		d.message, d.rsv = h.Opcode, h.RSV
		d.length, d.fragments = 0, 0
		d.text.Reset()
	}
	if d.fragments >= d.Limits.fragments() {
		return errTooManyFragments
	}
	d.fragments++
	// A difference of two numbers that are not negative cannot overflow, a
	// sum could.
	if h.Length > d.Limits.message(d.rsv)-d.length {
		return errMessageTooBig
	}
	d.length += h.Length
	return nil
}

// readData sets ev to the piece of a data frame that lies in p from at on.
func (d *Decoder) readData(p []byte, at int, start bool, ev *Event) (int, error) {
	n := len(p) - at
	if left := d.h.Length - d.done; int64(n) > left {
		n = int(left)
	}
	piece := p[at : at+n : at+n]
	if d.h.Masked {
		mask.XOR(piece, d.h.Key, int(d.done&3))
	}
	d.done += int64(n)
	if d.message == Text && !d.SkipUTF8 && d.rsv&RSV1 == 0 {
		// RFC 6455, 8.1: invalid UTF-8 fails the connection; as early as it
		// can be known.
		if !d.text.Write(piece) || d.done == d.h.Length && d.h.Fin && !d.text.End() {
			d.fail(errTextUTF8)
			return 0, errTextUTF8
		}
	}
	ev.Kind, ev.Type, ev.Start, ev.Header, ev.Payload = Data, d.message, start, d.h, piece
	if d.done == d.h.Length {
		d.state = inHeader
		if d.h.Fin {
			ev.End = true
			d.message = 0
		}
	}
	return at + n, nil
}

// readControl sets ev to a control frame once its payload is whole, and leaves
// Payload nil when that lies in d.split.
func (d *Decoder) readControl(p []byte, at int, ev *Event) int {
	n := len(p) - at
	left := int(d.h.Length - d.done)
	if n < left {
		copy(d.split[d.done:], p[at:])
		d.done += int64(n)
		return len(p)
	}
	payload := p[at : at+left : at+left]
	if d.done > 0 {
		copy(d.split[d.done:], payload)
		payload = nil
		if d.h.Masked {
			mask.XOR(d.split[:d.h.Length], d.h.Key, 0)
		}
	} else if d.h.Masked {
		mask.XOR(payload, d.h.Key, 0)
	}
	d.state = inHeader
	if d.h.Opcode == Close {
		d.state = closed
	}
	ev.Kind, ev.Type, ev.Start, ev.End, ev.Header, ev.Payload = Control, d.h.Opcode, true, true, d.h, payload
	return at + left
}

// Partial returns what the Decoder keeps of the input, for those who want to
// go on without it: the bytes of a header whose end has not come, and whether
// it is inside of a frame's payload or of a message. head is valid until the
// next call of Next.
func (d *Decoder) Partial() (head []byte, inside bool) {
	return d.split[:d.headLen], d.state == inPayload || d.message != 0
}
