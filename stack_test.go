package pushwire_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"runtime/metrics"
	"testing"

	"github.com/pushwire/pushwire"
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
