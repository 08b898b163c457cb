package pushwire

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/frame"
)

const (
	// A message may be longer compressed than it is, by blocks that were
	// stored and by flushes. These bound what its frames may declare: an
	// eighth and 64 KiB more than the limit. The limit itself holds for what
	// comes out.
	packedExtra = 8
	packedSlack = 64 << 10
)

var (
	errInflatedTooBig = &frame.Error{Code: frame.CodeTooBig, Token: "message_inflated_too_big", Reason: "the message is longer than the limit"}
	errInflateCorrupt = &frame.Error{Code: frame.CodeInvalidPayload, Token: "message_inflate_corrupt", Reason: "the compressed message is corrupt"}
	errInflatedUTF8   = &frame.Error{Code: frame.CodeInvalidPayload, Token: "message_inflated_not_utf8", Reason: "the text is not valid UTF-8"}
)

// inflaters is where connections borrow one for a message.
var inflaters = sync.Pool{New: func() any { return new(deflate.Inflater) }}

// inflation turns the payload of compressed messages into what was sent,
// piece by piece between the decoder and whoever reads. It belongs to the
// holder of Conn.reading.
type inflation struct {
	bits     int
	takeover bool
	skipUTF8 bool
	limit    int64
	window   []byte // of earlier messages, with takeover; nil until there was one

	z      *deflate.Inflater // borrowed from a message's begin until its last piece was used
	active bool              // the message in hand is compressed and not at its end
	last   bool              // src ends its payload
	more   bool              // z has src, or output that it was not asked for yet
	src    []byte            // not inflated; within input.buf
	typ    Type
	length int64 // bytes that came out
	text   frame.UTF8
	pile   []*buffer  // what a Read has of it, see collect
	piled  int        // bytes in pile
	few    [2]*buffer // where a short pile lies
}

// take gives ev's payload to the inflater if it belongs to a compressed
// message.
//
// RFC 7692, 6: "the per-message compressed bit" is RSV1 of the first frame.
func (z *inflation) take(ev *frame.Event) bool {
	if ev.Start && ev.Header.Opcode != frame.Continuation {
		z.active = ev.Header.RSV&frame.RSV1 != 0
		if z.active {
			if z.z == nil {
				z.z = inflaters.Get().(*deflate.Inflater)
			}
			z.z.Reset(z.bits, z.window)
			z.typ, z.length = ev.Type, 0
			z.text.Reset()
		}
	}
	if !z.active {
		return false
	}
	z.src, z.last, z.more = ev.Payload, ev.End, true
	return true
}

// next makes ev the next piece, whose header tells by RSV1 that it was
// inflated. It holds the limit against what came out before anybody gets it.
func (z *inflation) next(ev *frame.Event) error {
	*ev = frame.Event{Type: z.typ, Header: frame.Header{RSV: frame.RSV1}}
	out, n, err := z.z.Next(z.src, z.last)
	z.src = z.src[n:]
	if err != nil && err != io.EOF {
		// RFC 6455, 7.4.1: 1007 is for "data within a message that was not
		// consistent with the type of the message".
		return fmt.Errorf("%w: %w", errInflateCorrupt, err)
	}
	if z.length += int64(len(out)); z.length > z.limit {
		return errInflatedTooBig
	}
	if z.typ == frame.Text && !z.skipUTF8 && (!z.text.Write(out) || err == io.EOF && !z.text.End()) {
		return errInflatedUTF8
	}
	switch {
	case err == io.EOF:
		z.active, z.more = false, false
		ev.End = true
		if z.takeover {
			z.keep()
		}
	case len(out) == 0 && len(z.src) == 0:
		z.more = false
	}
	if len(out) > 0 || ev.End {
		ev.Kind, ev.Payload = frame.Data, out
	}
	return nil
}

// keep saves what the next message may look back at.
func (z *inflation) keep() {
	h := z.z.History()
	if cap(z.window) < len(h) {
		z.window = make([]byte, 0, max(len(h), min(2*cap(z.window), 1<<z.bits)))
	}
	z.window = append(z.window[:0], h...)
}

// release gives the inflater back once a message and its last piece are done
// with.
func (z *inflation) release() {
	if z.z != nil && !z.active {
		inflaters.Put(z.z)
		z.z = nil
	}
}

// assembleInflated is assemble where messages may be compressed.
func (c *Conn) assembleInflated(dst []byte, l *loan) (p []byte, whole bool, err error) {
	in := &c.in
	for in.undecoded() {
		var ev frame.Event
		if err := c.decode(&ev); err != nil {
			return dst, false, err
		}
		if ev.Kind != frame.Data {
			continue
		}
		in.typ = ev.Type
		if ev.Header.RSV != 0 { // it was inflated
			dst = in.inflation.collect(dst, &ev, l)
		} else {
			if l != nil {
				dst = l.room(dst)
			}
			dst = append(dst, ev.Payload...)
		}
		if ev.End {
			c.received()
			return dst, true, nil
		}
	}
	in.release()
	return dst, false, nil
}

// drop gives back all that is borrowed, for a connection that has failed.
func (z *inflation) drop() {
	z.active, z.more, z.src = false, false, nil
	z.release()
	for _, b := range z.pile {
		b.free()
	}
	z.pile, z.piled, z.few = nil, 0, [2]*buffer{}
}

// collect adds a piece to those that a Read has of its message and returns,
// at its end, all of them behind dst. They lie in borrowed chunks meanwhile,
// so that a message that turns out to be too long has cost no more than the
// limit, and dst gets the room that it needs and no more. With a loan a
// message that fits into one of them is returned there.
func (z *inflation) collect(dst []byte, ev *frame.Event, l *loan) []byte {
	p := ev.Payload
	if z.piled == 0 && cap(dst)-len(dst) >= len(p) {
		return append(dst, p...)
	}
	if ev.End && len(z.pile) == 0 && (l == nil || cap(dst) > 0) {
		return append(slices.Grow(dst, len(p)), p...)
	}
	z.piled += len(p)
	for len(p) > 0 {
		i := len(z.pile) - 1
		if i < 0 || len(z.pile[i].b) == cap(z.pile[i].b) {
			if z.pile == nil {
				z.pile = z.few[:0]
			}
			z.pile = append(z.pile, pileBuffers.get())
			i++
		}
		b := z.pile[i]
		n := min(len(p), cap(b.b)-len(b.b))
		b.b = append(b.b, p[:n]...)
		p = p[n:]
	}
	if !ev.End {
		return dst
	}
	if l != nil && len(z.pile) == 1 && cap(dst) == 0 && l.scratch == nil {
		l.scratch = z.pile[0]
		z.pile, z.piled, z.few = nil, 0, [2]*buffer{}
		return l.scratch.b
	}
	if l != nil {
		dst = l.room(dst)
	}
	return z.flatten(dst)
}

// flatten moves what collect has put aside behind dst.
func (z *inflation) flatten(dst []byte) []byte {
	dst = slices.Grow(dst, z.piled)
	for _, b := range z.pile {
		dst = append(dst, b.b...)
		b.free()
	}
	z.pile, z.piled, z.few = nil, 0, [2]*buffer{}
	return dst
}
