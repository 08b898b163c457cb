package fuzz

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"golang.org/x/net/websocket"
)

// sent is a message that one end is to send.
type sent struct {
	message
	pieces int // fragments; 1 is the whole in one frame
}

// outgoing makes messages of script: two bytes for type, fragments and length,
// and the data, which repeats.
func outgoing(script []byte) (all []sent) {
	for len(script) >= 3 && len(all) < 32 {
		n := int(script[1]) * (1 + int(script[0]>>6)*113) // up to 87 KB
		data := bytes.Repeat(script[2:3], n)
		s := sent{message{script[0]&1 == 1, string(data)}, 1 + int(script[0]>>1&3)}
		if s.text && script[2] >= 0x80 {
			s.text = false
		}
		all = append(all, s)
		script = script[3:]
	}
	return all
}

// opcode is the opcode of a message, for both libraries.
func (m message) opcode() byte {
	if m.text {
		return websocket.TextFrame
	}
	return websocket.BinaryFrame
}

// FuzzXNet: what our Conn writes, golang.org/x/net/websocket reads as the same
// messages, and the reverse, both ways at once, in both roles, through both
// opening handshakes. Where x/net is not right it is not asked: it takes no
// fragments for one message, so the test puts them together, and it sends
// none.
func FuzzXNet(f *testing.F) {
	for _, client := range []bool{true, false} {
		f.Add([]byte("\x01\x05a\x00\x7d\x00"), []byte("\x01\x7eb"), client)
		f.Add([]byte("\x07\x00a\x03\x01b\x05\x64c\xc6\xffd"), []byte("\xc0\xff\xff\x41\x00a"), client)
	}
	f.Fuzz(func(t *testing.T, fromUs, fromThem []byte, weAreClient bool) {
		synctest.Test(t, func(t *testing.T) {
			l := newListener(4 << 10)
			out, in := outgoing(fromUs), outgoing(fromThem)
			theirs := func(ws *websocket.Conn) { talkXNet(t, ws, in, out) }
			ours := func(c *pushwire.Conn) { talkOurs(t, c, out, in) }
			if weAreClient {
				stop := serve(&http.Server{Handler: websocket.Server{Handler: theirs}}, l)
				c, _, err := pushwire.Dial(t.Context(), "ws://a/", &pushwire.DialOptions{NetDial: l.dial})
				if err != nil {
					t.Fatal(err)
				}
				ours(c)
				stop()
				return
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() {
				done <- pushwire.Serve(ctx, l, func(_ context.Context, c *pushwire.Conn, _ *handshake.Request) { ours(c) }, nil)
			}()
			config, err := websocket.NewConfig("ws://a/", "http://a")
			if err != nil {
				t.Fatal(err)
			}
			ws, err := websocket.NewClient(config, l.connect())
			if err != nil {
				t.Fatal(err)
			}
			theirs(ws)
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	})
}

// talkOurs sends out and receives in through our Conn, a ping in between, and
// closes once all is there.
func talkOurs(t *testing.T, c *pushwire.Conn, out, in []sent) {
	ctx := context.Background()
	written := make(chan error, 1)
	go func() {
		for _, s := range out {
			if err := writeOurs(ctx, c, s); err != nil {
				written <- err
				return
			}
		}
		_, err := c.Ping(ctx)
		written <- err
	}()
	for i, want := range in {
		typ, data, err := c.Read(ctx)
		if got := (message{typ == frame.Text, string(data)}); err != nil || got != want.message {
			t.Errorf("message %d of x/net: %v of %d bytes, %v; want %d", i, typ, len(data), err, len(want.data))
			break
		}
	}
	c.Discard(ctx)
	if err := <-written; err != nil {
		t.Errorf("writing: %v", err)
	}
	if err := c.Close(frame.CodeNormal, ""); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func writeOurs(ctx context.Context, c *pushwire.Conn, s sent) error {
	typ := frame.Opcode(s.opcode())
	if s.pieces == 1 {
		return c.Write(ctx, typ, []byte(s.data))
	}
	w, err := c.Writer(ctx, typ)
	if err != nil {
		return err
	}
	for p := range slices.Chunk([]byte(s.data), 1+len(s.data)/s.pieces) {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return w.Close()
}

// talkXNet is talkOurs for x/net. It answers pings by itself, in HandleFrame.
func talkXNet(t *testing.T, ws *websocket.Conn, out, in []sent) {
	written := make(chan error, 1)
	go func() {
		for _, s := range out {
			ws.PayloadType = s.opcode()
			if _, err := ws.Write([]byte(s.data)); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	for i, want := range in {
		got, err := readXNet(ws)
		if err != nil || got != want.message {
			t.Errorf("message %d of ours: text %v, %d bytes, %v; want %v, %d", i, got.text, len(got.data), err, want.text, len(want.data))
			break
		}
	}
	if err := <-written; err != nil {
		t.Errorf("x/net, writing: %v", err)
	}
	if _, err := readXNet(ws); err != io.EOF { // it answers the ping, and takes our close frame for the end
		t.Errorf("x/net, at the end: %v", err)
	}
	ws.Close()
}

// readXNet reads frames until one with FIN has come.
func readXNet(ws *websocket.Conn) (m message, err error) {
	for {
		r, err := ws.NewFrameReader()
		if err != nil {
			return m, err
		}
		header, _ := io.ReadAll(r.HeaderReader())
		if r, err = ws.HandleFrame(r); err != nil {
			return m, err
		}
		if r == nil { // a control frame
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return m, err
		}
		m.text = r.PayloadType() == websocket.TextFrame
		m.data += string(data)
		if header[0]&0x80 != 0 {
			return m, nil
		}
	}
}
