package pushwire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// How a Poller reads. How its connections end is in poller_end_test.go.

// newPoller returns a Poller that ends with the test.
func newPoller(t *testing.T, o *pushwire.PollerOptions) *pushwire.Poller {
	t.Helper()
	p := pushwire.NewPoller(o)
	t.Cleanup(func() {
		p.Close()
		eventually(t, "the last calls return", func() bool { return p.Len() == 0 })
	})
	return p
}

// eventually waits until ok is true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for start := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(start) > testpeer.Timeout {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func echoMessage(ctx context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
	if err == nil {
		c.Write(ctx, m.Type, m.Data)
	}
}

// polledPeer returns a client's end by hand of a connection that p reads.
func polledPeer(t *testing.T, p *pushwire.Poller, cfg *pushwire.Config, f pushwire.MessageFunc) (*testpeer.Peer, *pushwire.Conn) {
	t.Helper()
	client, server := netPair(t, tcp)
	c := pushwire.NewConn(server, frame.Server, cfg)
	t.Cleanup(func() { c.CloseNow() })
	if err := p.Add(c, f); err != nil {
		t.Fatal(err)
	}
	return testpeer.New(t, client, testpeer.Client), c
}

// received waits until n bytes of the peer have been read.
func received(t *testing.T, c *pushwire.Conn, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d bytes are read", n), func() bool { return c.Stats().BytesRead == uint64(n) })
}

// collect is a MessageFunc that passes copies on.
func collect(got chan<- string) pushwire.MessageFunc {
	return func(_ context.Context, _ *pushwire.Conn, m pushwire.Message, err error) {
		if err == nil {
			got <- string(m.Data)
		}
	}
}

func want(t *testing.T, got <-chan string, why string, messages ...string) {
	t.Helper()
	for i, m := range messages {
		select {
		case s := <-got:
			if s != m {
				t.Fatalf("%s: message %d is %.40q (%d bytes), want %.40q (%d bytes)", why, i, s, len(s), m, len(m))
			}
		case <-time.After(testpeer.Timeout):
			t.Fatalf("%s: message %d does not come", why, i)
		}
	}
}

// conversation is what a peer sends, whole, and the messages in it: of every
// length of header, fragments with control frames between them, and text whose
// characters lie across frames.
func conversation() (b []byte, messages []string) {
	long := strings.Repeat("0123456789", 7000)
	for _, f := range frames(
		textFrame(""), textFrame("a"), textStart("h\xc3"), pingFrame("p"),
		testpeer.Frame{Opcode: 0, Payload: []byte("\xa9")}, testpeer.Frame{Fin: true, Opcode: 0, Payload: []byte("!")},
		binaryFrame(long[:126]), binaryFrame(long[:700]), textFrame("end"),
	) {
		f.Mask = true
		b = f.Append(b)
	}
	return b, []string{"", "a", "h\u00e9!", long[:126], long[:700], "end"}
}

func TestPollerReadsAcrossEverySplit(t *testing.T) {
	b, messages := conversation()
	p := newPoller(t, nil)
	for at := 1; at < len(b); at++ {
		if at > 150 && at%7 != 0 {
			continue // in the middle of long payloads
		}
		got := make(chan string, len(messages))
		peer, c := polledPeer(t, p, nil, collect(got))
		peer.WriteRaw(b[:at])
		received(t, c, at) // and it was given up in the middle
		peer.WriteRaw(b[at:])
		want(t, got, fmt.Sprintf("split at %d", at), messages...)
		peer.WantFrame("the ping is answered", 10, []byte("p"))
		c.CloseNow()
	}
}

func TestPollerReadsByteByByte(t *testing.T) {
	b, messages := conversation()
	p := newPoller(t, nil)
	got := make(chan string, len(messages))
	peer, c := polledPeer(t, p, nil, collect(got))
	for i := range b {
		peer.WriteRaw(b[i : i+1])
		received(t, c, i+1)
	}
	want(t, got, "byte by byte", messages...)
}

func TestPollerEchoes(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		poller := newPoller(t, nil)
		if err := poller.Add(p.server, echoMessage); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 125, 126, 1000, 4600, 18 << 10, 70_000, 900_000} {
			want := noise(n)
			if err := p.client.Write(t.Context(), frame.Binary, want); err != nil {
				t.Fatal(err)
			}
			_, got, err := p.client.Read(t.Context())
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes came back for %d, %v", len(got), n, err)
			}
		}
	})
}

// Both ends may be read by the same Poller; a ping of ours gets its pong there.
func TestPollerOfBothEnds(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		poller := newPoller(t, nil)
		got := make(chan string, 1)
		if err := errors.Join(poller.Add(p.server, echoMessage), poller.Add(p.client, collect(got))); err != nil {
			t.Fatal(err)
		}
		if err := sendMessage(p.client, "hello"); err != nil {
			t.Fatal(err)
		}
		want(t, got, "an echo", "hello")
		for _, c := range []*pushwire.Conn{p.client, p.server} {
			if _, err := c.Ping(t.Context()); err != nil {
				t.Errorf("a ping: %v", err)
			}
		}
		// What sends works as ever.
		var g pushwire.Group
		if err := g.Add(p.server); err != nil {
			t.Fatal(err)
		}
		m := pushwire.Prepare(frame.Text, []byte("prepared"))
		if sent, dropped := g.Broadcast(m); sent != 1 || dropped != 0 {
			t.Errorf("%d sent, %d dropped", sent, dropped)
		}
		if err := p.server.Send(t.Context(), m); err != nil {
			t.Error(err)
		}
		want(t, got, "a broadcast and Send", "prepared", "prepared")
		if n, err := p.server.WritePrepared(t.Context(), m, m); n != 2 || err != nil {
			t.Error(n, err)
		}
		want(t, got, "WritePrepared", "prepared", "prepared")
		if err := p.server.Close(frame.CodeNormal, "bye"); err != nil {
			t.Errorf("Close: %v", err)
		}
		eventually(t, "both are gone", func() bool { return poller.Len() == 0 })
	})
}

func TestPollerKeepsTheOrderOfEachConnection(t *testing.T) {
	const conns, messages = 20, 500
	run(t, []mode{tcp, tls_, webDeflate}, nil, nil, func(t *testing.T, first pair) {
		poller := newPoller(t, &pushwire.PollerOptions{Workers: 4})
		done := make(chan error, conns)
		for i := range conns {
			p := first
			if i > 0 {
				p = connect(t, tcp, nil, nil)
			}
			next := 0
			var inside atomic.Int32
			if err := poller.Add(p.server, func(_ context.Context, _ *pushwire.Conn, m pushwire.Message, err error) {
				if inside.Add(1) != 1 {
					done <- errors.New("two calls at a time for one connection")
				}
				defer inside.Add(-1)
				if err != nil {
					return
				}
				if string(m.Data) != fmt.Sprint(next) {
					done <- fmt.Errorf("got %q as message %d", m.Data, next)
				}
				if next++; next == messages {
					done <- nil
				}
			}); err != nil {
				t.Fatal(err)
			}
			go func() {
				for n := range messages {
					sendMessage(p.client, fmt.Sprint(n))
				}
			}()
		}
		for range conns {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The answers to a burst wait for each other, as on the other paths, but not for
// an application that does something else.
func TestPollerLeavesNoAnswerBehind(t *testing.T) {
	p := newPoller(t, nil)
	entered := make(chan struct{})
	first := true
	peer, c := polledPeer(t, p, nil, func(ctx context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
		echoMessage(ctx, c, m, err)
		if first {
			first = false
			<-entered // the application does something else for a while
		}
	})
	var b []byte
	for range 16 {
		b = testpeer.Frame{Fin: true, Opcode: 2, Mask: true, Payload: []byte("hello")}.Append(b)
	}
	peer.WriteRaw(b)
	peer.WantFrame("nothing is left unsent while the function waits", 2, []byte("hello"))
	close(entered)
	for range 15 {
		peer.WantFrame("the others follow", 2, []byte("hello"))
	}
	eventually(t, "all are counted", func() bool { return c.Stats().MessagesWritten == 16 })
}

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

// What came with the request makes no socket readable, and a ServeFunc may
// return once a Poller has its connection.
func TestPollerInAServeFunc(t *testing.T) {
	poller := newPoller(t, nil)
	servers(t, func(_ context.Context, c *pushwire.Conn, _ *handshake.Request) {
		if err := poller.Add(c, echoMessage); err != nil {
			t.Error(err)
		}
	}, nil, func(t *testing.T, dial func() net.Conn) {
		nc := dial()
		b := []byte(opening("h"))
		for _, s := range []string{"with the request", "and more"} {
			b = frame.AppendMessage(b, frame.Client, frame.Text, 0, []byte(s))
		}
		if _, err := nc.Write(b); err != nil {
			t.Fatal(err)
		}
		p := testpeer.New(t, nc, testpeer.Client)
		p.ReadHead()
		p.WantFrame("", 1, []byte("with the request"))
		p.WantFrame("", 1, []byte("and more"))
		nc.Write(frame.AppendMessage(nil, frame.Client, frame.Text, 0, []byte("later")))
		p.WantFrame("the connection stays", 1, []byte("later"))
	})
}

func TestPollerGoesOnWhereACancelledReadStopped(t *testing.T) {
	for _, m := range []mode{tcp, tls_} {
		t.Run(string(m), func(t *testing.T) {
			client, server := netPair(t, m)
			c := pushwire.NewConn(server, frame.Server, nil)
			defer c.CloseNow()
			peer := testpeer.New(t, client, testpeer.Client)
			payload := strings.Repeat("0123456789", 3000)
			b := testpeer.Frame{Fin: true, Opcode: 1, Mask: true, Payload: []byte(payload)}.Append(nil)
			cut := func(read func(ctx context.Context) error, from, to int) {
				t.Helper()
				ctx, cancel := context.WithCancel(t.Context())
				peer.WriteRaw(b[from:to])
				go func() { received(t, c, to); cancel() }()
				if err := read(ctx); !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
			}
			cut(func(ctx context.Context) error { _, _, err := c.Read(ctx); return err }, 0, 10_000)
			p := newPoller(t, nil)
			got := make(chan string, 1)
			if err := p.Add(c, collect(got)); err != nil {
				t.Fatal(err)
			}
			for name, read := range map[string]func() error{
				"Read":       func() error { _, _, err := c.Read(t.Context()); return err },
				"ReadAppend": func() error { _, _, err := c.ReadAppend(t.Context(), nil); return err },
				"Reader":     func() error { _, _, err := c.Reader(t.Context()); return err },
				"Messages": func() (err error) {
					for _, err = range c.Messages(t.Context()) {
					}
					return err
				},
				"Discard":    func() error { return context.Cause(waitDone(c.Discard(t.Context()))) },
				"Add again":  func() error { return p.Add(c, echoMessage) },
				"Add to two": func() error { return newPoller(t, nil).Add(c, echoMessage) },
			} {
				if err := read(); err == nil || !strings.Contains(err.Error(), "read by a Poller") {
					t.Errorf("%s beside a Poller: %v", name, err)
				}
			}
			peer.WriteRaw(b[10_000:20_000])
			received(t, c, 20_000)
			if !p.Remove(c) || p.Remove(c) || p.Len() != 0 {
				t.Error("Remove says the wrong thing")
			}
			peer.WriteRaw(b[20_000:])
			_, m, err := c.Read(t.Context())
			if err != nil || string(m) != payload {
				t.Fatalf("%d bytes, %v", len(m), err)
			}
			select {
			case m := <-got:
				t.Errorf("the Poller's function got %.10q", m)
			default:
			}
			// And back again.
			if err := p.Add(c, collect(got)); err != nil {
				t.Fatal(err)
			}
			peer.WriteRaw(b)
			want(t, got, "added again", payload)
		})
	}
}

func waitDone(ctx context.Context) context.Context {
	<-ctx.Done()
	return ctx
}

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

// unixPair returns the ends of a connection of Unix sockets.
func unixPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no Unix sockets that are of use here")
	}
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("unix", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestPollerOnUnixSockets(t *testing.T) {
	client, server := unixPair(t)
	p := newPoller(t, nil)
	c := pushwire.NewConn(server, frame.Server, nil)
	defer c.CloseNow()
	b, messages := conversation()
	got := make(chan string, len(messages))
	if err := p.Add(c, collect(got)); err != nil {
		t.Fatal(err)
	}
	peer := testpeer.New(t, client, testpeer.Client)
	for chunk := range slices.Chunk(b, 100) {
		peer.WriteRaw(chunk)
	}
	want(t, got, "", messages...)
}

// An idle connection has no goroutine, and memory within a bound.
func TestIdleConnectionOfAPollerHasNoGoroutine(t *testing.T) {
	const n = 500
	p := newPoller(t, nil)
	srv := httptest.NewServer(pushwire.Handler(func(_ context.Context, c *pushwire.Conn, _ *handshake.Request) {
		p.Add(c, echoMessage)
	}, nil))
	defer srv.Close()
	before := runtime.NumGoroutine()
	for range n {
		nc, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		peer := testpeer.New(t, nc, testpeer.Client)
		peer.Handshake()
		for _, size := range []int{5, 1000, 40_000} {
			b := noise(size)
			peer.WriteRaw(testpeer.Frame{Fin: true, Opcode: 2, Mask: true, Payload: b}.Append(nil))
			peer.WantFrame("", 2, b)
		}
	}
	eventually(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() < before+20 })
	if p.Len() != n {
		t.Errorf("%d connections, want %d", p.Len(), n)
	}
}

// A Poller that nothing was handed to holds nothing.
func TestPollerWithoutConnections(t *testing.T) {
	before := runtime.NumGoroutine()
	p := pushwire.NewPoller(nil)
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines for nothing", n-before)
	}
	if left, err := p.Shutdown(t.Context()); left != 0 || err != nil {
		t.Error(left, err)
	}
	a, b := netPair(t, tcp)
	defer a.Close()
	c := pushwire.NewConn(b, frame.Server, nil)
	defer c.CloseNow()
	if err := p.Add(c, echoMessage); !errors.Is(err, pushwire.ErrPollerShut) {
		t.Error(err)
	}
	a.Write(frame.AppendMessage(nil, frame.Client, frame.Text, 0, []byte("still")))
	if _, m, err := c.Read(t.Context()); err != nil || string(m) != "still" {
		t.Errorf("a Conn that was not taken: %q, %v", m, err)
	}
	if p.Remove(c) {
		t.Error("it was never there")
	}
}
