package pushwire_test

import (
	"bytes"
	"context"
	"runtime"
	"strings"
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
	message := func(size int) []byte {
		return testpeer.Frame{Fin: true, Opcode: 2, Mask: true, Payload: make([]byte, size)}.Append(nil)
	}
	for _, v := range []struct {
		name        string
		first, then []byte // once, and again and again
	}{
		{"short messages", nil, message(1)},
		{"long messages", nil, message(60_000)},
		// Much longer ones cost more than turns: a copy of 500 MB with the race
		// detector holds everything up for seconds.
		{"messages of many turns", nil, message(2 << 20)},
		{"one that has no end", testpeer.Frame{Opcode: 2, Mask: true}.Append(nil), testpeer.Frame{Opcode: 0, Mask: true}.Append(nil)},
	} {
		t.Run(v.name, func(t *testing.T) {
			p := newPoller(t, &pushwire.PollerOptions{Workers: 1})
			flood, fc := polledPeer(t, p, &pushwire.Config{MaxMessage: -1, MaxFragments: -1}, func(context.Context, *pushwire.Conn, pushwire.Message, error) {
				runtime.Gosched()
			})
			b := bytes.Repeat(v.then, 1+(64<<10)/len(v.then))
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				flood.NetConn().Write(v.first)
				for {
					select {
					case <-stop:
						return
					default:
					}
					if _, err := flood.NetConn().Write(b); err != nil {
						return
					}
				}
			}()
			eventually(t, "the flood has begun", func() bool { return fc.Stats().BytesRead > 0 })
			other, _ := polledPeer(t, p, &pushwire.Config{Ping: -1}, echoMessage)
			hello := testpeer.Frame{Fin: true, Opcode: 1, Mask: true, Payload: []byte("hello")}.Append(nil)
			for range 50 {
				other.WriteRaw(hello)
				other.WantFrame("the flood gives way", 1, []byte("hello"))
			}
			if fc.Err() != nil {
				t.Errorf("there was no flood: %v, %+v", fc.Err(), fc.Stats())
			}
			close(stop)
			fc.CloseNow()
			<-stopped
		})
	}
}
