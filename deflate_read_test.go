package pushwire_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// Reads of every kind one after the other, each of which its context may end
// at any moment: what they give together are the messages, each once and in
// order, but for what a Reader left of its own and a later one skipped.
func TestDeflatedMessagesSurviveEveryOrderOfReads(t *testing.T) {
	for _, m := range []mode{mem, tcp, tls_} {
		for _, role := range bothRoles {
			for _, noContext := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%v/%v", m, role, noContext), func(t *testing.T) {
					t.Parallel()
					ours, nc := smallPair(t, m)
					defer nc.Close()
					c := pushwire.NewConn(ours, role, &pushwire.Config{Ping: -1, Deflate: &pushwire.Deflate{
						ServerNoContext: noContext, ClientNoContext: noContext, ServerBits: 9, ClientBits: 9}})
					defer c.CloseNow()
					go c.Write(t.Context(), frame.Text, []byte("begin"))
					const messages = 100
					go io.Copy(io.Discard, nc)
					go func() {
						sendMixed(nc, role, messages, noContext)
						nc.Write(testpeer.Frame{Fin: true, Opcode: 8, Mask: role == frame.Server, Payload: []byte("\x03\xe8")}.Append(nil))
					}()
					readMixed(t, c, messages)
				})
			}
		}
	}
}

// mixedText is message k: its type, and whether it comes compressed.
func mixedText(k int) (typ pushwire.Type, m string, packs bool) {
	r := rand.New(rand.NewPCG(uint64(k), 7))
	m = fmt.Sprintf("%d|", k)
	switch r.IntN(4) {
	case 0:
		m += strings.Repeat("äé€𝄞", r.IntN(20_000))
	case 1:
		m += strings.Repeat("x€", r.IntN(20))
	default:
		m += strings.Repeat(text(k), r.IntN(6))
	}
	return frame.Text + pushwire.Type(k%2), m, r.IntN(4) > 0
}

// sendMixed sends them in fragments, empty ones too, with pings between, in
// pieces of any length.
func sendMixed(nc io.Writer, role frame.Role, messages int, noContext bool) {
	r := rand.New(rand.NewPCG(uint64(messages), 3))
	var z deflate.Compressor
	var history, b []byte
	for k := range messages {
		typ, m, packs := mixedText(k)
		payload, rsv := []byte(m), byte(0)
		if packs {
			rsv = rsv1
			payload = z.Append(nil, history, 1+k%9, 9, true, payload)
			if !noContext {
				history = deflate.AppendHistory(history, 9, []byte(m))
			}
		}
		f := testpeer.Frame{RSV: rsv, Opcode: byte(typ), Mask: role == frame.Server}
		for !f.Fin {
			n := r.IntN(len(payload) + 1)
			if r.IntN(3) == 0 {
				n = min(n, 3)
			}
			f.Fin = r.IntN(3) == 0
			if f.Fin {
				n = len(payload)
			}
			f.Payload, payload = payload[:n], payload[n:]
			b = f.Append(b)
			f.RSV, f.Opcode = 0, 0
			if r.IntN(4) == 0 {
				b = testpeer.Frame{Fin: true, Opcode: 9, Mask: f.Mask, Payload: []byte("between")}.Append(b)
			}
		}
		for len(b) > 0 && (r.IntN(3) > 0 || k == messages-1) {
			n := 1 + r.IntN(len(b))
			if _, err := nc.Write(b[:n]); err != nil {
				return
			}
			b = b[n:]
			if r.IntN(3) == 0 {
				time.Sleep(time.Duration(r.IntN(500)) * time.Microsecond)
			}
		}
	}
}

func readMixed(t *testing.T, c *pushwire.Conn, messages int) {
	r := rand.New(rand.NewPCG(uint64(messages), uint64(time.Now().UnixNano())))
	next := 0     // the message that is read
	left := false // a Reader has read a part of it, and need not have
	had := ""     // what came of it
	var log []string
	for {
		call := r.IntN(6)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(800))*time.Microsecond)
		if left && call < 3 || r.IntN(4) == 0 {
			cancel()
			ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
		}
		var typ pushwire.Type
		var p []byte
		var err error
		if left && call >= 3 { // the rest is skipped
			next, had = next+1, ""
		}
		left = false
		switch call {
		case 0:
			typ, p, err = c.Read(ctx)
		case 1:
			typ, p, err = c.ReadAppend(ctx, append(make([]byte, 0, 4+r.IntN(100_000)), "kept"...))
			if string(p[:4]) != "kept" || err != nil && len(p) != 4 {
				t.Fatalf("ReadAppend returned %.20q, %v", p, err)
			}
			p = p[4:]
		case 2:
			for m, e := range c.Messages(ctx) {
				typ, p, err = m.Type, []byte(string(m.Data)), e
				break
			}
		default:
			var mr io.Reader
			if typ, mr, err = c.Reader(ctx); err != nil {
				break
			}
			if call == 3 {
				p, err = io.ReadAll(mr)
				break
			}
			p = make([]byte, 1+r.IntN(3000))
			n, e := mr.Read(p)
			p, left = p[:n], e == nil
			if e != io.EOF {
				err = e
			}
		}
		cancel()
		log = append(log, fmt.Sprintf("call %d: %d bytes, left %v, %v", call, len(p), left, err))
		log = log[max(0, len(log)-12):]
		if c.Err() != nil && pushwire.CodeOf(c.Err()) == frame.CodeNormal && next == messages {
			return
		}
		had += string(p)
		wantTyp, want, _ := mixedText(next)
		whole := err == nil && !left
		if c.Err() != nil || err == nil && typ != wantTyp || !strings.HasPrefix(want, had) || whole && had != want {
			t.Fatalf("message %d: %v of %d bytes (%.10q), want %v of %d; %v\n%s", next, typ, len(had), had, wantTyp, len(want), c.Err(), strings.Join(log, "\n"))
		}
		if whole {
			next, had = next+1, ""
		}
	}
}
