package servers

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"slices"

	"github.com/gobwas/ws"

	"github.com/pushwire/pushwire/bench/memory"
)

// gobwasBuffer is the size of the buffered reader, in bytes: net/http's, and
// what the others have.
const gobwasBuffer = 4 << 10

var gobwas = Candidate{
	Name:   "gobwas/ws",
	Module: "github.com/gobwas/ws",
	Note:   "no net/http; ReadHeader over bufio, header and payload in one write",
	Serve: func(l net.Listener) error {
		for {
			nc, err := l.Accept()
			if err != nil {
				return err
			}
			go func() {
				defer nc.Close()
				if _, err := ws.Upgrade(nc); err == nil {
					gobwasRead(nc, -1, true)
				}
			}()
		}
	},
	InMemory: func(nc *memory.Conn, mode Mode, n int, payload []byte) error {
		if mode != Write {
			return gobwasRead(nc, n, mode == Echo)
		}
		var out bytes.Buffer
		for range n {
			if err := gobwasWrite(nc, &out, ws.OpBinary, payload); err != nil {
				return err
			}
		}
		return nil
	},
}

// gobwasRead reads n messages, all when n is negative. Fragments are beyond
// it: none are sent here.
func gobwasRead(nc net.Conn, n int, echo bool) error {
	br := bufio.NewReaderSize(nc, gobwasBuffer)
	var in []byte
	var out bytes.Buffer
	for ; n != 0; n-- {
		h, err := ws.ReadHeader(br)
		if err != nil {
			return err
		}
		if err := ws.CheckHeader(h, ws.StateServerSide); err != nil {
			return err
		}
		if h.Length > maxMessage {
			return ws.ErrHeaderLengthUnexpected
		}
		in = slices.Grow(in[:0], int(h.Length))[:h.Length]
		if _, err := io.ReadFull(br, in); err != nil {
			return err
		}
		ws.Cipher(in, h.Mask, 0)
		switch h.OpCode {
		case ws.OpClose:
			return io.EOF
		case ws.OpPing:
			h.OpCode = ws.OpPong
		case ws.OpPong:
			continue
		default:
			if !echo {
				continue
			}
		}
		if err := gobwasWrite(nc, &out, h.OpCode, in); err != nil {
			return err
		}
	}
	return nil
}

func gobwasWrite(w io.Writer, out *bytes.Buffer, op ws.OpCode, p []byte) error {
	out.Reset()
	if err := ws.WriteHeader(out, ws.Header{Fin: true, OpCode: op, Length: int64(len(p))}); err != nil {
		return err
	}
	out.Write(p)
	_, err := w.Write(out.Bytes())
	return err
}
