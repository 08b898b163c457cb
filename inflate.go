package pushwire

import (
	"fmt"
	"io"
	"slices"

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

// inflation turns the payload of compressed messages into what was sent,
// piece by piece between the decoder and whoever reads. It belongs to the
// holder of Conn.reading.
type inflation struct {
	limit    int64
	bits     uint8
	takeover bool
	skipUTF8 bool

	active bool // the message in hand is compressed and not at its end
	last   bool // src ends its payload
	more   bool // z has src, or output that it was not asked for yet
	ran    bool // z has made the next piece
	typ    Type
	text   frame.UTF8
	length int64      // bytes that came out
	z      *inflater  // borrowed from a message's begin until its last piece was used
	src    []byte     // not inflated; within input.buf
	window []byte     // of earlier messages, with takeover; nil until there was one
	pile   []*buffer  // what a Read has of the message, see collect
	few    [2]*buffer // room for pile where that suffices
	piled  int        // bytes in pile
}

// take gives ev's payload to the inflater if it belongs to a compressed
// message.
//
// RFC 7692, 6: "A message with the "Per-Message Compressed" bit set on the
// first fragment of the message is called a "compressed message"."
func (z *inflation) take(ev *frame.Event) bool {
	if ev.Start && ev.Header.Opcode != frame.Continuation {
		z.active = ev.Header.RSV&frame.RSV1 != 0
		if z.active {
			if z.z == nil {
				z.z = inflaters.Get().(*inflater)
			}
			z.z.z.Reset(int(z.bits), z.window)
			z.z.keeps = 0
			if z.takeover {
				z.z.keeps = int(z.bits)
			}
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

// ahead does the work of next that needs a stack of its own, and reports
// whether there was any. Waiting for that needs stack as well: message does it
// before it calls what calls next.
func (z *inflation) ahead() bool {
	if !z.more || z.ran {
		return false
	}
	d := z.z
	d.src, d.last, d.window = z.src, z.last, z.window
	d.run()
	z.ran = true
	return true
}

// next makes ev the next piece, whose header tells by RSV1 that it was
// inflated. It holds the limit against what came out before anybody gets it.
func (z *inflation) next(ev *frame.Event) error {
	*ev = frame.Event{Type: z.typ, Header: frame.Header{RSV: frame.RSV1}}
	z.ahead()
	z.ran = false
	d := z.z
	out, err := d.out, d.err
	z.src, z.window = z.src[d.n:], d.window
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
	case len(out) == 0 && len(z.src) == 0:
		z.more = false
	}
	if len(out) > 0 || ev.End {
		ev.Kind, ev.Payload = frame.Data, out
	}
	return nil
}

// release gives the inflater back once a message and its last piece are done
// with.
func (z *inflation) release() {
	if z.z != nil && !z.active {
		z.z.free()
		z.z = nil
	}
}

// assembleInflated is assemble where messages may be compressed. It returns,
// too, where ahead has work.
func (c *Conn) assembleInflated(dst []byte, l *loan) (p []byte, whole bool, err error) {
	in := &c.in
	for in.undecoded() {
		if in.inflation.more && !in.inflation.ran {
			return dst, false, nil
		}
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
				dst = l.room(dst, len(ev.Payload))
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
	z.active, z.more, z.ran, z.src = false, false, false, nil
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
		dst = l.room(dst, z.piled)
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
