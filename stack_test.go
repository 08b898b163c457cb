package pushwire_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// A goroutine that waits in a loop over Messages keeps within the 2 KiB of
// stack that it began with, after messages and pings; one frame too many
// doubles that.
func TestWaitingInMessagesTakesTheFirstStackOnly(t *testing.T) {
	if raceOn {
		t.Log("frames are larger with the race detector: the stack is not measured")
		return
	}
	const n = 300
	o := &pushwire.AcceptOptions{Config: pushwire.Config{OnPing: func(*pushwire.Conn, []byte) {}}}
	addr := serve(t, listen(t), func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
		for m, err := range c.Messages(ctx) {
			if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
				return
			}
		}
	}, o)
	before := stacks()
	conns := make([]net.Conn, n)
	for i := range conns {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		conns[i] = nc
		b := []byte(opening("h"))
		for _, f := range []frame.Opcode{frame.Ping, frame.Text, frame.Ping, frame.Pong} {
			b = frame.AppendMessage(b, frame.Client, f, 0, []byte("hello"))
		}
		if _, err := nc.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	want := []byte{0x8A, 5, 'h', 'e', 'l', 'l', 'o', 0x81, 5, 'h', 'e', 'l', 'l', 'o', 0x8A, 5, 'h', 'e', 'l', 'l', 'o'}
	for _, nc := range conns {
		r := bufio.NewReader(nc)
		readHead(t, r)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("% x, %v", got, err)
		}
	}
	each := (stacks() - before) / n
	t.Logf("%d bytes of stack a connection", each)
	if each > 3<<10 { // spans that are not full count, a stack of 4 KiB is too much
		t.Errorf("%d bytes of stack a connection that waits, want 2,048", each)
	}
}

// The same with compression, whose work on a message needs more than that and
// is done elsewhere (borrow.go).
func TestWaitingForCompressedMessagesTakesTheFirstStackOnly(t *testing.T) {
	if raceOn {
		t.Log("frames are larger with the race detector: the stack is not measured")
		return
	}
	const n, messages = 300, 3
	var text []byte
	for i := 0; len(text) < 4<<10; i++ {
		text = fmt.Appendf(text, `{"id":%d,"name":"%x"},`, i, i*i*7919)
	}
	for name, d := range map[string]pushwire.Deflate{
		"no context": {ServerNoContext: true, ClientNoContext: true},
		"context":    {},
		"32 KiB":     {ServerBits: 15, ClientBits: 15},
	} {
		t.Run(name, func(t *testing.T) {
			o := &pushwire.AcceptOptions{Config: pushwire.Config{Deflate: &d}}
			addr := serve(t, listen(t), func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
				for m, err := range c.Messages(ctx) {
					if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
						return
					}
				}
			}, o)
			var z deflate.Compressor
			request := frame.AppendMessage(nil, frame.Client, frame.Text, frame.RSV1, z.Append(nil, nil, 1, 12, true, text))
			before := stacks()
			peers := make([]*bufio.ReadWriter, n)
			for i := range peers {
				nc, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				if _, err := io.WriteString(nc, opening("h", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")); err != nil {
					t.Fatal(err)
				}
				r := bufio.NewReader(nc)
				if head := readHead(t, r); !strings.Contains(head, "permessage-deflate") {
					t.Fatalf("no compression: %s", head)
				}
				peers[i] = bufio.NewReadWriter(r, bufio.NewWriterSize(nc, 0))
			}
			for _, p := range peers {
				for range messages {
					if _, err := p.Writer.Write(request); err != nil {
						t.Fatal(err)
					}
					if err := p.Flush(); err != nil {
						t.Fatal(err)
					}
					readPacked(t, p.Reader)
				}
			}
			each := (stacks() - before) / n
			t.Logf("%d bytes of stack a connection", each)
			if each > 3600 { // spans that are not full count, and the stacks of 4 KiB that work has left there
				t.Errorf("%d bytes of stack a connection that waits, want 2,048", each)
			}
		})
	}
}

// readPacked skips a message that has to come compressed, in one frame.
func readPacked(t *testing.T, r *bufio.Reader) {
	t.Helper()
	head, err := r.Peek(4) // of a header: up to 65,535 bytes, unmasked
	if err != nil {
		t.Fatal(err)
	}
	if head[1] < 126 {
		head = head[:2]
	}
	h, size, err := frame.Parse(head)
	if err != nil || size != len(head) || !h.Fin || h.RSV != frame.RSV1 {
		t.Fatalf("a frame that begins with % x: %v", head, err)
	}
	if _, err := r.Discard(size + int(h.Length)); err != nil {
		t.Fatal(err)
	}
}

// stacks returns the bytes of stack of all goroutines, shrunk as far as they
// can be.
func stacks() int64 {
	for range 3 {
		runtime.GC()
	}
	s := []metrics.Sample{{Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}
