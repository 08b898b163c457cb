package differential

import (
	"bytes"
	"io"
	"testing"

	"github.com/gobwas/ws"
	"github.com/pushwire/pushwire/frame"
)

// FuzzGobwas reads any bytes as frames with gobwas/ws and with ours. Whatever
// ours takes, gobwas/ws takes too and reads as the same frames; what
// gobwas/ws refuses, ours refuses. The reverse does not hold: gobwas/ws takes
// lengths in more bytes than they need, and leaves UTF-8, the limits and most
// of close frames to other layers.
//
// In the second half it writes the payload as one message with ours, and
// gobwas/ws has to read it back.
func FuzzGobwas(f *testing.F) {
	f.Add([]byte("\x81\x05Hello\x89\x00\x02\x01\xff\x80\x00\x88\x02\x03\xe8"), false)
	f.Add([]byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), true)
	f.Add([]byte("\x82\x7e\x00\x05Hello"), false)
	f.Add([]byte("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x05Hello"), false)
	f.Add([]byte("\x82\xff\x00\x00\x00\x00\x00\x10\x00\x00\x01\x02\x03\x04abc"), true)
	f.Add([]byte("\x09\x00\xc1\x00\x83\x00"), false)
	f.Fuzz(func(t *testing.T, in []byte, server bool) {
		ours, theirs := readOurs(in, server), readGobwas(in, server)
		for i, o := range ours.frames {
			if i >= len(theirs.frames) {
				t.Fatalf("frame %d, %+v, was taken; gobwas/ws has %d and %v", i, o.header, len(theirs.frames), theirs.err)
			}
			g := theirs.frames[i]
			if o.header != g.header || o.payload != g.payload {
				t.Fatalf("frame %d: %+v %q, gobwas/ws %+v %q", i, o.header, o.payload, g.header, g.payload)
			}
		}
		if theirs.err != nil && ours.err == nil && !ours.closed {
			t.Fatalf("gobwas/ws refuses %v after %d frames, ours takes %d", theirs.err, len(theirs.frames), len(ours.frames))
		}

		role := frame.Client
		if !server {
			role = frame.Server
		}
		written := frame.AppendMessage(nil, role, frame.Binary, 0, in)
		rest := bytes.NewReader(written)
		h, err := ws.ReadHeader(rest)
		if err != nil || h.Length != int64(rest.Len()) || h.Masked != server || !h.Fin || h.OpCode != ws.OpBinary {
			t.Fatalf("% x: %+v, %v", written, h, err)
		}
		payload, _ := io.ReadAll(rest)
		if h.Masked {
			ws.Cipher(payload, h.Mask, 0)
		}
		if !bytes.Equal(payload, in) {
			t.Fatalf("wrote %q, gobwas/ws reads %q", in, payload)
		}
	})
}

// header is a frame's in terms of neither.
type header struct {
	fin    bool
	rsv    byte
	opcode byte
	masked bool
	key    [4]byte
	length int64
}

type oneFrame struct {
	header
	payload string
}

// reading is what one of the two made of the input: the whole frames, and
// what stopped it.
type reading struct {
	frames []oneFrame
	closed bool
	err    error // nil where the input ended
}

func readOurs(in []byte, server bool) (r reading) {
	d := frame.Decoder{Role: frame.Client, SkipUTF8: true, Limits: frame.Limits{Message: -1, Fragments: -1}}
	if server {
		d.Role = frame.Server
	}
	in = bytes.Clone(in)
	var open *oneFrame
	for {
		ev, n, err := d.Next(in)
		if in = in[n:]; err != nil {
			r.err = err
			return r
		}
		if ev.Kind == frame.More {
			return r
		}
		h := ev.Header
		if ev.Kind == frame.Control || ev.Start {
			open = &oneFrame{header: header{h.Fin, h.RSV, byte(h.Opcode), h.Masked, h.Key, h.Length}}
		}
		open.payload += string(ev.Payload)
		if int64(len(open.payload)) == h.Length {
			r.frames = append(r.frames, *open)
		}
		if ev.Kind == frame.Control && ev.Type == frame.Close {
			r.closed = true
			return r
		}
	}
}

func readGobwas(in []byte, server bool) (r reading) {
	state := ws.StateClientSide
	if server {
		state = ws.StateServerSide
	}
	rest := bytes.NewReader(in)
	for {
		h, err := ws.ReadHeader(rest)
		if err == ws.ErrHeaderLengthMSB || err == ws.ErrHeaderLengthUnexpected {
			r.err = err
			return r
		}
		if err != nil {
			return r // the input ended
		}
		if err := ws.CheckHeader(h, state); err != nil {
			r.err = err
			return r
		}
		if h.Rsv != 0 { // which it leaves to extensions, and there are none
			r.err = ws.ErrProtocolNonZeroRsv
			return r
		}
		if h.Length > int64(rest.Len()) {
			return r
		}
		payload := make([]byte, h.Length)
		rest.Read(payload)
		if h.Masked {
			ws.Cipher(payload, h.Mask, 0)
		}
		r.frames = append(r.frames, oneFrame{header{h.Fin, h.Rsv, byte(h.OpCode), h.Masked, h.Mask, h.Length}, string(payload)})
		switch {
		case h.OpCode == ws.OpClose:
			r.closed = true
			return r
		case h.OpCode.IsControl():
		case h.Fin:
			state = state.Clear(ws.StateFragmented)
		default:
			state = state.Set(ws.StateFragmented)
		}
	}
}
