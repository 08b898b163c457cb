//go:build !race

package servers

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/bench/load"
	"github.com/pushwire/pushwire/bench/memory"
	"github.com/pushwire/pushwire/frame"
)

var sizes = []int{64, 4 << 10, 16 << 10, 1 << 20}

// TestNoAllocations: with Messages and Write no message costs an allocation.
// The first ones fill the pools, so they do not count. The race detector has a
// sync.Pool forget at random, hence the build tag.
func TestNoAllocations(t *testing.T) {
	for _, size := range sizes {
		payload := load.Payload(size)
		request, reply := load.Request(payload), load.Reply(payload)
		t.Run("memory", func(t *testing.T) {
			const batch, runs = 100, 20
			c := pushwire.NewConn(memory.New(request, batch*(runs+2)), frame.Server, nil)
			defer c.CloseNow()
			for _, mode := range []Mode{Write, Echo} {
				// Messages allocates once for the loop.
				got := testing.AllocsPerRun(runs/2, func() {
					if err := pushwireLoop(c, mode, batch, payload); err != nil {
						t.Fatal(err)
					}
				})
				if got/batch >= 0.1 {
					t.Errorf("%v of %d bytes: %v allocations in %d messages", mode, size, got, batch)
				}
			}
		})
		t.Run("TCP", func(t *testing.T) {
			a, b := tcpPair(t)
			c := pushwire.NewConn(b, frame.Server, nil)
			defer c.CloseNow()
			done := make(chan struct{})
			go func() {
				defer close(done)
				pushwireEcho(context.Background(), c, nil)
			}()
			buf := make([]byte, len(reply))
			got := testing.AllocsPerRun(500, func() {
				if _, err := a.Write(request); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(a, buf); err != nil {
					t.Fatal(err)
				}
			})
			if got != 0 {
				t.Errorf("%d bytes over TCP: %v allocations for a message", size, got)
			}
			a.Close()
			<-done
		})
	}
}

func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp4", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return a, b
}
