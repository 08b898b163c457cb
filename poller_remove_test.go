package pushwire_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// How a connection leaves a Poller and goes on.

// A function that removes its connection gets no further call; what has come
// behind its message is whose reads then.
func TestRemoveWithinTheFunction(t *testing.T) {
	for _, m := range []mode{tcp, tls_} {
		t.Run(string(m), func(t *testing.T) {
			p := newPoller(t, nil)
			client, server := netPair(t, m)
			c := pushwire.NewConn(server, frame.Server, nil)
			defer c.CloseNow()
			removed := make(chan string, 10)
			if err := p.Add(c, func(_ context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
				if err != nil || !p.Remove(c) {
					t.Errorf("%q, %v", m.Data, err)
				}
				removed <- string(m.Data)
			}); err != nil {
				t.Fatal(err)
			}
			peer := testpeer.New(t, client, testpeer.Client)
			var b []byte
			for _, s := range []string{"upgrade", "first", "second"} {
				b = testpeer.Frame{Fin: true, Opcode: 1, Mask: true, Payload: []byte(s)}.Append(b)
			}
			peer.WriteRaw(b[:len(b)-3])
			want(t, removed, "", "upgrade")
			if _, m, err := c.Read(t.Context()); err != nil || string(m) != "first" {
				t.Fatalf("%q, %v", m, err)
			}
			peer.WriteRaw(b[len(b)-3:])
			if _, m, err := c.Read(t.Context()); err != nil || string(m) != "second" {
				t.Fatalf("%q, %v", m, err)
			}
			c.CloseNow()
			if len(removed) > 0 {
				t.Errorf("the function was called again")
			}
		})
	}
}

// However often a connection changes hands while messages come, each of them is
// somebody's.
func TestRemoveLosesNoMessage(t *testing.T) {
	for _, m := range []mode{tcp, mem, tls_} {
		t.Run(string(m), func(t *testing.T) {
			p := newPoller(t, nil)
			pair := connect(t, m, nil, nil)
			const messages = 3000
			var sent, got atomic.Int64
			go func() {
				for range messages {
					sendMessage(pair.client, "hello")
					sent.Add(1)
				}
			}()
			f := func(_ context.Context, _ *pushwire.Conn, _ pushwire.Message, err error) {
				if err == nil {
					got.Add(1)
				}
			}
			for sent.Load() < messages {
				if err := p.Add(pair.server, f); err != nil {
					t.Fatal(err)
				}
				runtime.Gosched()
				p.Remove(pair.server)
			}
			if err := p.Add(pair.server, f); err != nil {
				t.Fatal(err)
			}
			eventually(t, "all messages have come", func() bool { return got.Load() == messages })
		})
	}
}

// What Close has kept when the connection is removed is for calls of Read, and
// not for the function.
func TestRemoveLeavesWhatCloseHasKept(t *testing.T) {
	for _, m := range []mode{tcp, mem} {
		t.Run(string(m), func(t *testing.T) {
			p := newPoller(t, nil)
			client, server := netPair(t, m)
			c := pushwire.NewConn(server, frame.Server, nil)
			calls := make(chan string, 10)
			closed := make(chan error, 10)
			if err := p.Add(c, func(_ context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
				calls <- fmt.Sprintf("%s, %v", m.Data, err)
				p.Remove(c)
				closed <- c.Close(frame.CodeNormal, "")
			}); err != nil {
				t.Fatal(err)
			}
			peer := testpeer.New(t, client, testpeer.Client)
			var b []byte
			for _, f := range frames(textFrame("bye"), textFrame("first"), textFrame("second"), closeFrame(1000, "")) {
				f.Mask = true
				b = f.Append(b)
			}
			peer.WriteRaw(b)
			if err := <-closed; err != nil {
				t.Error(err)
			}
			for _, want := range []string{"first", "second"} {
				if _, m, err := c.Read(t.Context()); err != nil || string(m) != want {
					t.Errorf("Read: %q, %v, want %q", m, err, want)
				}
			}
			p.Close() // what was to come has come
			want(t, calls, "", "bye, <nil>")
			if len(calls) > 0 {
				t.Errorf("it was called again: %s", <-calls)
			}
		})
	}
}

// A worker does not wait for the Read of a connection that was removed before
// its turn came.
func TestRemoveHoldsNoWorker(t *testing.T) {
	p := newPoller(t, &pushwire.PollerOptions{Workers: 1})
	busy, free := make(chan bool), make(chan bool)
	other := connect(t, tcp, nil, nil)
	if err := p.Add(other.server, func(_ context.Context, _ *pushwire.Conn, _ pushwire.Message, err error) {
		if err == nil {
			busy <- true
			<-free
		}
	}); err != nil {
		t.Fatal(err)
	}
	defer close(free)
	pair := connect(t, tcp, nil, nil)
	if err := p.Add(pair.server, echoMessage); err != nil {
		t.Fatal(err)
	}
	sendMessage(other.client, "hold the worker")
	<-busy
	sendMessage(pair.client, "not for the function")
	time.Sleep(50 * time.Millisecond) // so that it is in the queue; a slow machine shows nothing
	if !p.Remove(pair.server) {
		t.Fatal("it was not there")
	}
	if _, m, err := pair.server.Read(t.Context()); err != nil || string(m) != "not for the function" {
		t.Fatalf("%q, %v", m, err)
	}
	read := pair.server.Discard(t.Context()) // has the turn to read from now on
	sendMessage(pair.client, "seen")
	eventually(t, "it is read", func() bool { return pair.server.Stats().MessagesRead == 2 })
	free <- true
	time.Sleep(50 * time.Millisecond) // so that the worker has come to it
	sendMessage(other.client, "and once more")
	select {
	case <-busy:
	case <-time.After(testpeer.Timeout):
		t.Error("the worker waits")
	}
	pair.server.CloseNow()
	<-read.Done()
}
