package pushwire_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

// What a header declares must reserve nothing: memory follows the bytes.
func TestDeclaredLengthReservesNoMemory(t *testing.T) {
	a, b := netPair(t, tcp)
	defer a.Close()
	c := pushwire.NewConn(b, frame.Server, &pushwire.Config{MaxMessage: 1 << 40})
	defer c.CloseNow()
	h := frame.Header{Fin: true, Opcode: frame.Binary, Masked: true, Length: 1 << 39}
	ctx, cancel := context.WithCancel(t.Context())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	go func() {
		a.Write(append(h.Append(nil), make([]byte, 100)...))
		for c.Stats().BytesRead < 100 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, _, err := c.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 256<<10 {
		t.Errorf("%d bytes were allocated for a header that declares 1<<39 and 100 bytes", got)
	}
}

// Large messages share the memory that earlier ones have left: what one loop
// holds is not touched by the others, and a message that a context interrupts
// again and again comes whole.
func TestLargeMessagesOfManyConnectionsKeepApart(t *testing.T) {
	sizes := []int{70 << 10, 1 << 20, 300 << 10, 1200 << 10, 100, 3 << 20, 140 << 10}
	cfg := &pushwire.Config{MaxMessage: 4 << 20, WriteTimeout: time.Minute} // who is interrupted all the time is slow
	var all sync.WaitGroup
	defer all.Wait()
	for k := range 6 {
		p := connect(t, tcp, cfg, cfg)
		message := func(i int) []byte {
			return bytes.Repeat([]byte{byte(31*k + i), byte(k), byte(i)}, sizes[i%len(sizes)]/3)
		}
		const n = 21
		all.Go(func() {
			for i := range n {
				if err := p.client.Write(t.Context(), frame.Binary, message(i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
		all.Go(func() {
			for i := 0; i < n; {
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if k%2 == 0 {
					ctx, cancel = context.WithTimeout(ctx, 300*time.Microsecond)
				}
				for m, err := range p.server.Messages(ctx) {
					if errors.Is(err, context.DeadlineExceeded) {
						break
					}
					if err != nil {
						t.Error(err)
						i = n
						break
					}
					want := message(i) // which takes a while; the others read meanwhile
					if !bytes.Equal(m.Data, want) {
						t.Errorf("connection %d, message %d: %d bytes, want %d, or others", k, i, len(m.Data), len(want))
						i = n
						break
					}
					if i++; i == n {
						break
					}
				}
				cancel()
			}
		})
	}
}
