package pushwire_test

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// How a Poller shares its workers out.

func TestPollerHoldsNoWorkerForAMessageInPart(t *testing.T) {
	p := newPoller(t, &pushwire.PollerOptions{Workers: 1})
	got := make(chan string, 1)
	var peers []*testpeer.Peer
	payload := strings.Repeat("x", 100_000)
	b := testpeer.Frame{Fin: true, Opcode: 1, Mask: true, Payload: []byte(payload)}.Append(nil)
	for _, n := range []int{1, 10, 5000, 20_000, 99_000} {
		peer, c := polledPeer(t, p, nil, collect(got))
		peer.WriteRaw(b[:n])
		received(t, c, n)
		peers = append(peers, peer)
	}
	other, _ := polledPeer(t, p, nil, echoMessage)
	other.WriteRaw(testpeer.Frame{Fin: true, Opcode: 1, Mask: true, Payload: []byte("hello")}.Append(nil))
	other.WantFrame("others have their messages", 1, []byte("hello"))
	for i, n := range []int{1, 10, 5000, 20_000, 99_000} {
		peers[i].WriteRaw(b[n:])
		want(t, got, "the rest came", payload)
	}
}

func TestSlowFunctionHoldsUpItsOwnConnectionOnly(t *testing.T) {
	p := newPoller(t, &pushwire.PollerOptions{Workers: 2})
	entered, leave := make(chan struct{}), make(chan struct{})
	slow, _ := polledPeer(t, p, nil, func(ctx context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
		if err == nil && string(m.Data) == "wait" {
			close(entered)
			<-leave
		}
		echoMessage(ctx, c, m, err)
	})
	hello := testpeer.Frame{Fin: true, Opcode: 1, Mask: true, Payload: []byte("hello")}.Append(nil)
	slow.WriteRaw(append(testpeer.Frame{Fin: true, Opcode: 1, Mask: true, Payload: []byte("wait")}.Append(nil), hello...))
	<-entered
	for range 10 {
		other, _ := polledPeer(t, p, nil, echoMessage)
		other.WriteRaw(hello)
		other.WantFrame("others go on", 1, []byte("hello"))
	}
	// One more that waits, and all workers are busy: what comes now stays where
	// it is and is not lost.
	entered2, leave2 := make(chan struct{}), make(chan struct{})
	slow2, _ := polledPeer(t, p, nil, func(ctx context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
		if err == nil {
			close(entered2)
			<-leave2
		}
	})
	slow2.WriteRaw(hello)
	<-entered2
	other, oc := polledPeer(t, p, nil, echoMessage)
	other.WriteRaw(hello)
	other.WantSilence("all workers are busy", 50*time.Millisecond)
	if n := oc.Stats().BytesRead; n != 0 {
		t.Errorf("%d bytes were read with no worker for them", n)
	}
	close(leave)
	other.WantFrame("one came free", 1, []byte("hello"))
	slow.WantFrame("in order", 1, []byte("wait"))
	slow.WantFrame("in order", 1, []byte("hello"))
	close(leave2)
}

func TestFloodingPeerLeavesTurnsToOthers(t *testing.T) {
	for name, payload := range map[string]int{"short messages": 1, "long messages": 60_000, "one that has no end": 1 << 30} {
		t.Run(name, func(t *testing.T) {
			p := newPoller(t, &pushwire.PollerOptions{Workers: 1})
			var calls atomic.Int64
			flood, fc := polledPeer(t, p, &pushwire.Config{MaxMessage: -1}, func(context.Context, *pushwire.Conn, pushwire.Message, error) {
				calls.Add(1)
				runtime.Gosched()
			})
			f := testpeer.Frame{Fin: true, Opcode: 2, Mask: true, Payload: make([]byte, min(payload, 1<<20))}
			if payload > len(f.Payload) {
				n := uint64(payload)
				f.DeclaredLength = &n
			}
			b := f.Append(nil)
			for len(b) < 64<<10 {
				b = f.Append(b)
			}
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				sent := 0
				for {
					select {
					case <-stop:
						return
					default:
					}
					n, err := flood.NetConn().Write(b)
					if err != nil {
						return
					}
					if sent += n; payload == 1<<30 {
						b = b[max(0, len(b)-1<<20):]
						if sent > 900<<20 {
							return
						}
					}
				}
			}()
			other, _ := polledPeer(t, p, nil, echoMessage)
			hello := testpeer.Frame{Fin: true, Opcode: 1, Mask: true, Payload: []byte("hello")}.Append(nil)
			for range 50 {
				other.WriteRaw(hello)
				other.WantFrame("the flood gives way", 1, []byte("hello"))
			}
			if fc.Err() != nil || fc.Stats().BytesRead == 0 {
				t.Errorf("there was no flood: %v, %+v", fc.Err(), fc.Stats())
			}
			close(stop)
			fc.CloseNow()
			<-stopped
		})
	}
}
