package pushwire_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// pollerEnds are the ways in which a connection that a Poller has may end, and
// the code that its function is told. The peer has a Read of its own.
var pollerEnds = []struct {
	name string
	end  func(p pair)
	code frame.Code
}{
	{"the peer closes", func(p pair) { p.client.Close(frame.CodeNormal, "") }, frame.CodeNormal},
	{"the peer is gone", func(p pair) { p.client.CloseNow() }, frame.CodeAbnormal},
	{"Close", func(p pair) { p.server.Close(frame.CodeGoingAway, "") }, frame.CodeGoingAway},
	{"CloseNow", func(p pair) { p.server.CloseNow() }, frame.CodeAbnormal},
	{"Close by the function", func(p pair) { sendMessage(p.client, "Close") }, frame.CodePolicy},
	{"CloseNow by the function", func(p pair) { sendMessage(p.client, "CloseNow") }, frame.CodeAbnormal},
	{"Detach by the function", func(p pair) { sendMessage(p.client, "Detach") }, frame.CodeAbnormal},
	{"panic", func(p pair) { sendMessage(p.client, "panic") }, frame.CodeInternal},
	{"panic in OnPing", func(p pair) { go p.client.Ping(context.Background()) }, frame.CodeInternal},
	{"Goexit", func(p pair) { sendMessage(p.client, "Goexit") }, frame.CodeInternal},
}

func TestPollerTellsTheEndOnce(t *testing.T) {
	for _, e := range pollerEnds {
		t.Run(e.name, func(t *testing.T) {
			var log bytes.Buffer
			cfg := &pushwire.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}
			if e.name == "panic in OnPing" {
				cfg.OnPing = func(*pushwire.Conn, []byte) { panic("in OnPing") }
			}
			run(t, allModes, nil, cfg, func(t *testing.T, p pair) {
				poller := newPoller(t, &pushwire.PollerOptions{Workers: 2})
				ends := make(chan error, 2)
				got := make(chan string, 2)
				if err := poller.Add(p.server, func(_ context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
					if err != nil {
						ends <- err
						return
					}
					got <- string(m.Data)
					switch string(m.Data) {
					case "Close":
						c.Close(frame.CodePolicy, "")
					case "CloseNow":
						c.CloseNow()
					case "Detach":
						if nc, _, err := c.Detach(); err != nil {
							t.Error(err)
						} else {
							defer nc.Close()
						}
					case "panic":
						panic("in a MessageFunc")
					case "Goexit":
						runtime.Goexit()
					}
				}); err != nil {
					t.Fatal(err)
				}
				if err := sendMessage(p.client, "before"); err != nil {
					t.Fatal(err)
				}
				want(t, got, "before", "before")
				go p.client.Discard(context.Background())
				e.end(p)
				select {
				case err := <-ends:
					if code := pushwire.CodeOf(err); code != e.code || !errors.Is(err, net.ErrClosed) || err != p.server.Err() {
						t.Errorf("it was told %v, want code %d", err, e.code)
					}
				case <-time.After(testpeer.Timeout):
					t.Fatal("it was not told")
				}
				eventually(t, "it is forgotten", func() bool { return poller.Len() == 0 })
				if len(ends) > 0 {
					t.Error("it was told twice")
				}
				if _, _, err := p.server.Read(t.Context()); err != p.server.Err() {
					t.Errorf("Read afterwards: %v", err)
				}
				// The workers are all there still.
				for range 2 {
					q := connect(t, tcp, nil, nil)
					if err := poller.Add(q.server, echoMessage); err != nil {
						t.Fatal(err)
					}
					sendMessage(q.client, "hello")
					if _, m, err := q.client.Read(t.Context()); err != nil || string(m) != "hello" {
						t.Fatalf("%q, %v", m, err)
					}
				}
			})
			if strings.HasPrefix(e.name, "panic") && !strings.Contains(log.String(), "panic in a MessageFunc") {
				t.Errorf("the log has %q", log.String())
			}
		})
	}
}

// Messages that come before the peer's close frame are delivered, whoever reads
// them: Close and the workers take turns.
func TestPollerDeliversWhatComesBeforeTheEnd(t *testing.T) {
	const messages = 1000
	run(t, []mode{mem, tcp, tls_, webDeflate}, nil, nil, func(t *testing.T, p pair) {
		poller := newPoller(t, nil)
		got, ended := 0, make(chan error, 1)
		if err := poller.Add(p.server, func(_ context.Context, _ *pushwire.Conn, m pushwire.Message, err error) {
			if err != nil {
				ended <- err
			} else if want := byte(got); m.Data[0] != want {
				t.Errorf("message %d is %d", got, m.Data[0])
			} else {
				got++
			}
		}); err != nil {
			t.Fatal(err)
		}
		go p.client.Discard(context.Background())
		for i := range messages {
			if i == messages/2 {
				go p.server.Close(frame.CodeGoingAway, "")
			}
			if p.client.Write(t.Context(), frame.Binary, []byte{byte(i)}) != nil {
				break
			}
		}
		if err := <-ended; pushwire.CodeOf(err) != frame.CodeGoingAway {
			t.Error(err)
		}
		if sent := int(p.client.Stats().MessagesWritten); got < messages/2 || got != sent {
			t.Errorf("%d messages of %d were delivered", got, sent)
		}
	})
}

// The end may come in the middle of a worker's turn, before a read that finds
// nothing. No hint of the system follows while the transport is open.
func TestPollerTellsAnEndAmidATurn(t *testing.T) {
	p := newPoller(t, nil)
	for range 1000 {
		told, open := make(chan struct{}), make(chan struct{})
		client, server := unixPair(t)
		c := pushwire.NewConn(server, frame.Server, &pushwire.Config{
			// The transport is not closed before this returns.
			Trace: &pushwire.Trace{Ended: func(*pushwire.Conn, error) { <-open }},
		})
		if err := p.Add(c, func(_ context.Context, c *pushwire.Conn, _ pushwire.Message, err error) {
			if err != nil {
				close(told)
				return
			}
			go c.CloseNow()
			for start, d := time.Now(), rand.N(10*time.Microsecond); time.Since(start) < d; { // and goes on to read at about that time
			}
		}); err != nil {
			t.Fatal(err)
		}
		testpeer.New(t, client, testpeer.Client).Send(1, []byte("last words"))
		select {
		case <-told:
		case <-time.After(testpeer.Timeout):
			t.Errorf("the last call does not come; the connection's error is %v", c.Err())
		}
		close(open)
		client.Close()
		if t.Failed() {
			return
		}
	}
}

func TestAddOfAConnThatHasEnded(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		poller := newPoller(t, nil)
		p.server.CloseNow()
		if err := poller.Add(p.server, func(context.Context, *pushwire.Conn, pushwire.Message, error) {
			t.Error("the function was called")
		}); err == nil || err != p.server.Err() {
			t.Error(err)
		}
		if poller.Len() != 0 {
			t.Error("it is there")
		}
	})
}

// Remove and the end of the connection may come while Add is under way (for the
// race detector). Whoever was added is told the end or was removed.
func TestPollerAddBesideRemoveAndTheEnd(t *testing.T) {
	p := newPoller(t, nil)
	for _, m := range []mode{tcp, mem} {
		for range 50 {
			_, server := netPair(t, m)
			c := pushwire.NewConn(server, frame.Server, nil)
			var added, ended, removed atomic.Bool
			var wg sync.WaitGroup
			wg.Go(func() {
				err := p.Add(c, func(_ context.Context, _ *pushwire.Conn, _ pushwire.Message, err error) {
					ended.Store(err != nil)
				})
				added.Store(err == nil)
			})
			wg.Go(func() { removed.Store(p.Remove(c)) })
			wg.Go(func() { c.CloseNow() })
			wg.Wait()
			eventually(t, "it has left", func() bool { return p.Len() == 0 })
			if added.Load() != (ended.Load() || removed.Load()) || ended.Load() && removed.Load() {
				t.Fatalf("%s: added %v, told the end %v, removed %v", m, added.Load(), ended.Load(), removed.Load())
			}
		}
	}
}

// Close, which waits for the peer's close frame, reads meanwhile. Who takes the
// connection over does not wait for that.
func TestPollerTakesOverFromClose(t *testing.T) {
	for _, m := range []mode{tcp, mem} {
		t.Run(string(m), func(t *testing.T) {
			p := newPoller(t, nil)
			client, server := netPair(t, m)
			c := pushwire.NewConn(server, frame.Server, &pushwire.Config{CloseTimeout: time.Hour})
			closed := make(chan error, 1)
			go func() { closed <- c.Close(frame.CodeNormal, "") }()
			peer := testpeer.New(t, client, testpeer.Client)
			peer.WantFrame("Close is under way", 8, []byte{3, 232})
			got := make(chan string, 1)
			done := make(chan bool)
			go func() {
				defer close(done)
				if err := p.Add(c, collect(got)); err != nil {
					t.Error(err)
				}
				if !p.Remove(c) {
					t.Error("it was not there")
				}
				if _, _, err := c.Detach(); err == nil {
					t.Error("Detach of a connection that is being closed")
				}
				if err := p.Add(c, collect(got)); err != nil {
					t.Error(err)
				}
			}()
			select {
			case <-done:
			case <-time.After(testpeer.Timeout):
				t.Error("it waits for the end of Close")
				c.CloseNow()
				<-done
				return
			}
			text, end := textFrame("before"), closeFrame(1000, "")
			text.Mask, end.Mask = true, true
			peer.WriteRaw(end.Append(text.Append(nil)))
			want(t, got, "what comes before the peer's close frame", "before")
			if err := <-closed; err != nil {
				t.Error(err)
			}
		})
	}
}

// What Detach gives back can be handed to the same Poller again.
func TestPollerAfterDetach(t *testing.T) {
	p := newPoller(t, nil)
	detached := make(chan net.Conn, 1)
	peer, _ := polledPeer(t, p, nil, func(_ context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
		if err == nil {
			nc, unread, err := c.Detach()
			if err != nil || len(unread) > 0 {
				t.Error(unread, err)
			}
			detached <- nc
		}
	})
	hello := testpeer.Frame{Fin: true, Opcode: 1, Mask: true, Payload: []byte("hello")}.Append(nil)
	peer.WriteRaw(hello)
	c := pushwire.NewConn(<-detached, frame.Server, nil)
	defer c.CloseNow()
	if err := p.Add(c, echoMessage); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		peer.WriteRaw(hello)
		peer.WantFrame("", 1, []byte("hello"))
	}
}

func TestPollerAndKeepalive(t *testing.T) {
	// A machine that stands still for as long is no living peer.
	cfg := &pushwire.Config{Ping: 20 * time.Millisecond, PongTimeout: time.Second}
	const longer = 1300 * time.Millisecond
	p := newPoller(t, nil)
	ended := make(chan error, 1)
	f := func(_ context.Context, _ *pushwire.Conn, _ pushwire.Message, err error) {
		if err != nil {
			ended <- err
		}
	}
	peer, c := polledPeer(t, p, cfg, f)
	for start := time.Now(); time.Since(start) < longer; {
		ping := peer.ReadFrame()
		if ping.Opcode != 9 {
			t.Fatalf("%v, want a ping", ping)
		}
		peer.Send(10, ping.Payload)
	}
	if c.Err() != nil {
		t.Fatalf("a peer that answers: %v", c.Err())
	}
	select { // now it is silent
	case err := <-ended:
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() {
			t.Error(err)
		}
	case <-time.After(testpeer.Timeout):
		t.Error("a silent peer is kept")
	}
	// The time does not run while nobody could hear the peer.
	one := newPoller(t, &pushwire.PollerOptions{Workers: 1})
	entered, leave := make(chan struct{}), make(chan struct{})
	busy, _ := polledPeer(t, one, nil, func(context.Context, *pushwire.Conn, pushwire.Message, error) {
		select {
		case <-entered:
		default:
			close(entered)
			<-leave
		}
	})
	defer close(leave)
	peer, c = polledPeer(t, one, cfg, f)
	busy.Send(1, []byte("hello"))
	<-entered
	peer.Send(10, nil) // a sign of life, which lies in the socket
	select {
	case <-c.Done():
		t.Errorf("the peer was not heard because no worker had time for it: %v", c.Err())
	case <-time.After(longer):
	}
}

// Nor does it after Remove, until somebody reads.
func TestKeepaliveAfterRemove(t *testing.T) {
	cfg := &pushwire.Config{Ping: 20 * time.Millisecond, PongTimeout: 500 * time.Millisecond}
	p := newPoller(t, nil)
	peer, c := polledPeer(t, p, cfg, func(context.Context, *pushwire.Conn, pushwire.Message, error) {})
	peer.ReadFrame() // a ping is out
	if !p.Remove(c) {
		t.Fatal("it was not there")
	}
	peer.Send(1, []byte("hello")) // which lies in the socket
	select {
	case <-c.Done():
		t.Fatalf("the peer was not heard because nobody read: %v", c.Err())
	case <-time.After(700 * time.Millisecond):
	}
	if _, m, err := c.Read(t.Context()); err != nil || string(m) != "hello" {
		t.Fatalf("%q, %v", m, err)
	}
	var ne net.Error
	if _, _, err := c.Read(t.Context()); !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("a silent peer, while somebody reads: %v", err)
	}
}

// Everything at a time, for the race detector: connections that come, talk, are
// removed, closed by either end in every way, detached and replaced, while their
// descriptors are used again and again, and then the end of the Poller.
func TestPollerUnderStress(t *testing.T) {
	const workers, rounds = 8, 60
	p := pushwire.NewPoller(&pushwire.PollerOptions{Workers: 3})
	var calls, ended, added, removed atomic.Int64
	f := func(ctx context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
		calls.Add(1)
		switch {
		case err != nil:
			ended.Add(1)
		case string(m.Data) == "close":
			c.Close(frame.CodeNormal, "")
		case string(m.Data) == "now":
			c.CloseNow()
		case string(m.Data) == "remove":
			if p.Remove(c) {
				removed.Add(1)
				go func() {
					c.Read(ctx)
					c.CloseNow()
				}()
			}
		default:
			c.Write(ctx, m.Type, m.Data)
		}
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range rounds {
				m := tcp
				if i%7 == 0 {
					m = mem
				}
				client, server := netPair(t, m)
				c := pushwire.NewConn(server, frame.Server, &pushwire.Config{CloseTimeout: 100 * time.Millisecond})
				peer := pushwire.NewConn(client, frame.Client, &pushwire.Config{CloseTimeout: 100 * time.Millisecond})
				if err := p.Add(c, f); err != nil {
					c.CloseNow()
					peer.CloseNow()
					if !errors.Is(err, pushwire.ErrPollerShut) {
						t.Error(err)
					}
					continue
				}
				added.Add(1)
				var inner sync.WaitGroup
				inner.Go(func() {
					for range 1 + r.IntN(5) {
						sendMessage(peer, "hello")
						peer.Read(t.Context())
					}
				})
				inner.Go(func() { c.Write(t.Context(), frame.Text, []byte("from here")) })
				switch i % 8 {
				case 0:
					inner.Go(func() { c.Close(frame.CodeNormal, "") })
				case 1:
					inner.Go(func() { c.CloseNow() })
				case 2:
					sendMessage(peer, "close")
				case 3:
					sendMessage(peer, "now")
				case 4:
					inner.Go(func() {
						if p.Remove(c) {
							removed.Add(1)
						}
						c.CloseNow()
					})
				case 5:
					sendMessage(peer, "remove")
				case 6:
					inner.Go(func() { peer.CloseNow() })
				}
				inner.Go(func() { peer.Close(frame.CodeNormal, "") })
				inner.Wait()
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	if raceOn {
		time.Sleep(time.Second)
	}
	if left, err := p.Shutdown(t.Context()); err != nil {
		t.Errorf("%d left, %v", left, err)
	}
	wg.Wait()
	eventually(t, "all are told their end", func() bool { return ended.Load()+removed.Load() == added.Load() })
	t.Logf("%d connections, %d removed, %d calls", added.Load(), removed.Load(), calls.Load())
	if p.Len() != 0 {
		t.Errorf("%d are left", p.Len())
	}
}
