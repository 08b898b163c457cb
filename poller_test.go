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

// How a Poller reads. How its connections end and leave, how it shares its workers
// out, and how it ends itself is in the files beside.

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

// unixPair returns the ends of a connection of Unix sockets.
func unixPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no Unix sockets that a Poller can wait for")
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
	eventually(t, "no goroutine is there for nothing", func() bool { return runtime.NumGoroutine() <= before })
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
