package testpeer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"
	"unicode/utf8"
)

// maxPayload is the longest payload that ReadFrame takes, in bytes, so that a
// wrong length fails a test and not the machine.
const maxPayload = 256 << 20

// Frame is a frame as a test wants it on the wire, right or wrong.
type Frame struct {
	Fin            bool
	RSV            byte     // the reserved bits: RSV1 is 4, RSV2 2, RSV3 1
	Opcode         byte     // only the low four bits are used
	Mask           bool     // mask the payload, with Key or a fixed key
	Key            *[4]byte // ReadFrame sets it when Mask
	Payload        []byte   // not masked
	LengthForm     int      // bits of the length: 16 or 64 to force that form; 0 is the shortest. ReadFrame sets 7, 16 or 64
	DeclaredLength *uint64  // what the header says, if not len(Payload)
}

// defaultKey is used where a test does not care.
var defaultKey = [4]byte{0xde, 0xad, 0xbe, 0xef}

// Append appends f as it goes on the wire.
func (f Frame) Append(dst []byte) []byte {
	b := f.Opcode & 0x0F
	b |= f.RSV & 7 << 4
	if f.Fin {
		b |= 0x80
	}
	dst = append(dst, b)
	length := uint64(len(f.Payload))
	if f.DeclaredLength != nil {
		length = *f.DeclaredLength
	}
	form := f.LengthForm
	if form == 0 {
		switch {
		case length <= 125:
			form = 7
		case length <= 65535:
			form = 16
		default:
			form = 64
		}
	}
	var m byte
	if f.Mask {
		m = 0x80
	}
	switch form {
	case 7:
		dst = append(dst, m|byte(length)&0x7F)
	case 16:
		dst = append(dst, m|126)
	case 64:
		dst = append(dst, m|127)
	default:
		panic(fmt.Sprintf("testpeer: Frame.LengthForm %d", form))
	}
	for shift := form - 8; shift >= 0; shift -= 8 {
		dst = append(dst, byte(length>>shift))
	}
	if !f.Mask {
		return append(dst, f.Payload...)
	}
	key := defaultKey
	if f.Key != nil {
		key = *f.Key
	}
	dst = append(dst, key[:]...)
	for i, c := range f.Payload {
		dst = append(dst, c^key[i%4])
	}
	return dst
}

// String describes f for messages of failed tests.
func (f Frame) String() string {
	p := f.Payload
	if len(p) > 64 {
		p = p[:64]
	}
	return fmt.Sprintf("frame{fin %v, rsv %d, opcode %#x, masked %v, %d bytes: %q}", f.Fin, f.RSV, f.Opcode, f.Mask, len(f.Payload), p)
}

// WriteFrame writes f exactly as it says; a Client that keeps the rules sets
// Mask.
func (p *Peer) WriteFrame(f Frame) error {
	p.t.Helper()
	return p.WriteRaw(f.Append(nil))
}

// Send writes a whole frame that keeps the rules, masked by role.
func (p *Peer) Send(opcode byte, payload []byte) error {
	p.t.Helper()
	return p.WriteFrame(Frame{Fin: true, Opcode: opcode, Mask: p.role == Client, Payload: payload})
}

// SendClose writes a close frame with code and reason, or with no payload
// when code is 1005. Neither is checked.
func (p *Peer) SendClose(code int, reason string) error {
	p.t.Helper()
	return p.Send(8, closePayload(code, reason))
}

func closePayload(code int, reason string) []byte {
	if code == 1005 {
		return nil
	}
	return append([]byte{byte(code >> 8), byte(code)}, reason...)
}

// ReadFrame reads the next frame, unmasked, and fails unless it keeps the
// rules of RFC 6455, section 5, for the role of the other end. The order of
// fragments is left to the test.
func (p *Peer) ReadFrame() Frame {
	p.t.Helper()
	return p.readFrame("reading a frame")
}

func (p *Peer) readFrame(why string) Frame {
	p.t.Helper()
	p.arm()
	f, err := parseFrame(p.r)
	if err == nil {
		err = p.check(f)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.t.Fatalf("%s: wanted a frame, none came in %v", why, p.Timeout)
	case err != nil && ended(err):
		p.t.Fatalf("%s: wanted a frame, the connection ended (%v)", why, err)
	case err != nil:
		p.t.Fatalf("%s: wanted a frame, got %v: %v", why, f, err)
	}
	return f
}

// parseFrame follows the figure of RFC 6455, 5.2, from left to right.
func parseFrame(r io.Reader) (f Frame, err error) {
	uint := func(bytes int) (v uint64) {
		if err != nil {
			return 0
		}
		b := make([]byte, bytes)
		if _, err = io.ReadFull(r, b); err != nil {
			return 0
		}
		for _, c := range b {
			v = v<<8 | uint64(c)
		}
		return v
	}
	b := uint(1)
	f.Fin = b>>7 == 1
	f.RSV = byte(b >> 4 & 7)
	f.Opcode = byte(b & 15)
	b = uint(1)
	f.Mask = b>>7 == 1
	f.LengthForm = 7
	length := b & 127
	switch length {
	case 126:
		f.LengthForm = 16
		if length = uint(2); err == nil && length < 126 {
			return f, fmt.Errorf("a length of %d in 16 bits is not minimal", length)
		}
	case 127:
		f.LengthForm = 64
		if length = uint(8); err == nil && length > math.MaxInt64 {
			return f, fmt.Errorf("a length of %#x has the most significant bit set", length)
		}
		if err == nil && length < 65536 {
			return f, fmt.Errorf("a length of %d in 64 bits is not minimal", length)
		}
	}
	if f.Mask {
		k := uint(4)
		f.Key = &[4]byte{byte(k >> 24), byte(k >> 16), byte(k >> 8), byte(k)}
	}
	if err != nil {
		return f, err
	}
	if length > maxPayload {
		return f, fmt.Errorf("a length of %d is more than this test peer takes", length)
	}
	// Memory grows as bytes arrive: a length alone proves nothing.
	var payload bytes.Buffer
	if _, err := io.CopyN(&payload, r, int64(length)); err != nil {
		return f, err
	}
	f.Payload = payload.Bytes()
	if f.Mask {
		for i := range f.Payload {
			f.Payload[i] ^= f.Key[i%4]
		}
	}
	return f, nil
}

// check holds a frame of the other end to the rules that a frame alone can
// break.
func (p *Peer) check(f Frame) error {
	switch {
	case f.Mask && p.role == Client:
		return errors.New("5.1: a server must not mask any frames")
	case !f.Mask && p.role == Server:
		return errors.New("5.1: a client must mask all frames")
	case f.RSV&^p.AllowRSV != 0:
		return errors.New("5.2: reserved bits must be 0 unless an extension is negotiated")
	case f.Opcode >= 3 && f.Opcode <= 7 || f.Opcode >= 11:
		return errors.New("5.2: the opcode is reserved")
	case f.Opcode >= 8 && !f.Fin:
		return errors.New("5.5: control frames must not be fragmented")
	case f.Opcode >= 8 && len(f.Payload) > 125:
		return errors.New("5.5: control frames carry 125 bytes at most")
	case f.Opcode >= 8 && f.RSV != 0:
		return errors.New("reserved bits on a control frame have no meaning in any extension")
	case f.Opcode == 8 && len(f.Payload) == 1:
		return errors.New("5.5.1: a close frame carries no byte or at least two")
	case f.Opcode == 8 && len(f.Payload) > 2 && !utf8.Valid(f.Payload[2:]):
		return errors.New("5.5.1: the reason of a close frame must be UTF-8")
	}
	return nil
}

// WantFrame fails unless the next frame is whole (FIN set, no reserved bits)
// and has this opcode and payload.
func (p *Peer) WantFrame(why string, opcode byte, payload []byte) {
	p.t.Helper()
	f := p.readFrame(why)
	if !f.Fin || f.RSV != 0 || f.Opcode != opcode || !bytes.Equal(f.Payload, payload) {
		want := Frame{Fin: true, Opcode: opcode, Mask: f.Mask, Payload: payload}
		p.t.Fatalf("%s:\n got %v\nwant %v", why, f, want)
	}
}

// WantMessage reads frames up to the end of a text or binary message, joins
// its fragments and fails unless it has this opcode and payload. Pings and
// pongs between are passed over.
func (p *Peer) WantMessage(why string, opcode byte, payload []byte) {
	p.t.Helper()
	end := time.Now().Add(p.Timeout)
	var got Frame
	for begun := false; ; {
		f := p.readFrame(why)
		switch {
		case f.Opcode == 8:
			p.t.Fatalf("%s: wanted a message, got a close frame: %v", why, f)
		case f.Opcode > 8:
			if time.Now().After(end) {
				p.t.Fatalf("%s: wanted a message, got only pings and pongs in %v", why, p.Timeout)
			}
			continue
		case begun != (f.Opcode == 0):
			p.t.Fatalf("%s: wanted a message, got a fragment out of order: %v", why, f)
		case !begun:
			got, begun = f, true
		default:
			got.Payload = append(got.Payload, f.Payload...)
		}
		if f.Fin {
			break
		}
	}
	if got.Opcode != opcode || !bytes.Equal(got.Payload, payload) {
		p.t.Fatalf("%s:\n got %v\nwant opcode %#x, %d bytes", why, got, opcode, len(payload))
	}
}

// WantClose fails unless the next frame is a close frame with code (1005: no
// code) and returns its reason.
func (p *Peer) WantClose(why string, code int) (reason string) {
	p.t.Helper()
	f := p.readFrame(why)
	if f.Opcode != 8 {
		p.t.Fatalf("%s: wanted a close frame with %d, got %v", why, code, f)
	}
	got := 1005
	if len(f.Payload) >= 2 {
		got = int(f.Payload[0])<<8 | int(f.Payload[1])
		reason = string(f.Payload[2:])
	}
	if got != code {
		p.t.Fatalf("%s: wanted a close frame with %d, got %d %q", why, code, got, reason)
	}
	return reason
}
