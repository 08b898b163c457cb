package pushwire_test

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// The hostile tests let a peer break every rule there is and look at three
// things: what comes back on the wire, what the application is told, and what
// it costs. Bytes are made by testpeer and by hand, never by the code under
// test.
//
//	hostile_frames_test.go     frames, right and wrong, whole and byte by byte;
//	                           their tables are in hostile_frames_*_test.go
//	hostile_deflate_test.go    compressed messages, corrupt ones and bombs
//	hostile_ends_test.go       connections that end or stall where they must not
//	hostile_handshake_test.go  opening handshakes, good and bad; their tables are
//	                           in hostile_handshake_*_test.go
//	hostile_slow_test.go       handshakes that are slow, cut off or misdirected
//	hostile_memory_test.go     the same again with an eye on the heap

// A victim is one way in which the end under test comes to its connection.
// open returns the hostile peer, and what the application will have seen of
// it.
type victim struct {
	name string
	role frame.Role
	open func(t *testing.T, cfg *pushwire.Config) (*testpeer.Peer, <-chan seen)

	// sample: every fourth row will do, because opening is slow and all that
	// differs from another victim is the transport.
	sample bool
}

var victims = []victim{
	{"Handler", frame.Server, func(t *testing.T, cfg *pushwire.Config) (*testpeer.Peer, <-chan seen) {
		got := make(chan seen, 1)
		srv := httptest.NewServer(pushwire.Handler(serveSeen(got), &pushwire.AcceptOptions{Config: *cfg}))
		t.Cleanup(srv.Close)
		p := testpeer.Dial(t, srv.Listener.Addr().String())
		p.Handshake(negotiate(cfg, frame.Server)...)
		return p, got
	}, false},
	{"Serve", frame.Server, func(t *testing.T, cfg *pushwire.Config) (*testpeer.Peer, <-chan seen) {
		got := make(chan seen, 1)
		addr := serve(t, listen(t), serveSeen(got), &pushwire.AcceptOptions{Config: *cfg})
		p := testpeer.Dial(t, addr)
		p.Handshake(negotiate(cfg, frame.Server)...)
		return p, got
	}, false},
	{"server", frame.Server, newConnVictim(tcp, frame.Server), false},
	{"client", frame.Client, newConnVictim(tcp, frame.Client), false},
	{"Dial", frame.Client, func(t *testing.T, cfg *pushwire.Config) (*testpeer.Peer, <-chan seen) {
		l := testpeer.Listen(t)
		got := make(chan seen, 1)
		go func() {
			c, _, err := pushwire.Dial(context.Background(), "ws://"+l.Addr(), &pushwire.DialOptions{Config: *cfg})
			if err != nil {
				got <- seen{err: err}
				return
			}
			got <- see(c)
		}()
		p := l.Accept()
		p.Handshake(negotiate(cfg, frame.Client)...)
		return p, got
	}, false},
	{"server over TLS", frame.Server, newConnVictim(tls_, frame.Server), true},
	{"client over TLS", frame.Client, newConnVictim(tls_, frame.Client), true},
	{"Poller, server", frame.Server, pollerVictim(tcp, frame.Server), false},
	{"Poller, client", frame.Client, pollerVictim(tcp, frame.Client), false},
	{"Poller over TLS", frame.Server, pollerVictim(tls_, frame.Server), true},
}

// pollerVictim is newConnVictim with a Poller that reads.
func pollerVictim(m mode, role frame.Role) func(t *testing.T, cfg *pushwire.Config) (*testpeer.Peer, <-chan seen) {
	return func(t *testing.T, cfg *pushwire.Config) (*testpeer.Peer, <-chan seen) {
		ours, theirs := netPair(t, m)
		part := testpeer.Server
		if role == frame.Server {
			ours, theirs, part = theirs, ours, testpeer.Client
		}
		poller := newPoller(t, nil)
		c := pushwire.NewConn(ours, role, cfg)
		t.Cleanup(func() { c.CloseNow() })
		got := make(chan seen, 1)
		if err := poller.Add(c, callSeen(got)); err != nil {
			t.Fatal(err)
		}
		return testpeer.New(t, theirs, part), got
	}
}

// callSeen is see for a Poller.
func callSeen(got chan<- seen) pushwire.MessageFunc {
	var s seen
	return func(_ context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
		if err == nil {
			s.messages = append(s.messages, string(m.Data))
			return
		}
		s.c, s.err = c, err
		got <- s
	}
}

// newConnVictim opens a connection with NewConn, with no handshake before.
func newConnVictim(m mode, role frame.Role) func(t *testing.T, cfg *pushwire.Config) (*testpeer.Peer, <-chan seen) {
	return func(t *testing.T, cfg *pushwire.Config) (*testpeer.Peer, <-chan seen) {
		client, server := netPair(t, m)
		return victimOver(t, client, server, role, cfg)
	}
}

// victimOver makes the end of role the victim, and the other one the peer.
func victimOver(t *testing.T, client, server net.Conn, role frame.Role, cfg *pushwire.Config) (*testpeer.Peer, <-chan seen) {
	ours, theirs, part := server, client, testpeer.Client
	if role == frame.Client {
		ours, theirs, part = client, server, testpeer.Server
	}
	got := make(chan seen, 1)
	c := pushwire.NewConn(ours, role, cfg)
	t.Cleanup(func() { c.CloseNow() })
	go func() { got <- see(c) }()
	return testpeer.New(t, theirs, part), got
}

// memVictim is newConnVictim over memconn, with the peer's end.
func memVictim(t *testing.T, role frame.Role, cfg *pushwire.Config) (*testpeer.Peer, *memconn.Conn, <-chan seen) {
	client, server := memconn.Pipe()
	p, got := victimOver(t, client, server, role, cfg)
	if role == frame.Client {
		return p, server, got
	}
	return p, client, got
}

var bothRoles = []frame.Role{frame.Server, frame.Client}

// seen is what an application saw of a connection.
type seen struct {
	c        *pushwire.Conn
	messages []string
	err      error // that ended it
}

// see reads a connection to its end.
func see(c *pushwire.Conn) seen {
	s := seen{c: c}
	for {
		_, p, err := c.Read(context.Background())
		if err != nil {
			s.err = err
			return s
		}
		s.messages = append(s.messages, string(p))
	}
}

func serveSeen(got chan<- seen) pushwire.ServeFunc {
	return func(_ context.Context, c *pushwire.Conn, _ *handshake.Request) { got <- see(c) }
}

// wait returns what the application has seen, once it has seen the end.
func wait(t *testing.T, got <-chan seen) seen {
	t.Helper()
	late := time.NewTimer(testpeer.Timeout)
	defer late.Stop()
	select {
	case s := <-got:
		return s
	case <-late.C:
		t.Fatal("the application still waits for the end of the connection")
		panic("unreachable")
	}
}

// wantEnd holds the end that the application saw against code, and the
// messages before it. Whatever is called afterwards must fail at once with an
// error that matches net.ErrClosed.
func (s seen) wantEnd(t *testing.T, code frame.Code, messages []string) *pushwire.CloseError {
	t.Helper()
	var ce *pushwire.CloseError
	if !errors.As(s.err, &ce) {
		t.Fatalf("the connection ended with %v, no CloseError", s.err)
	}
	if got := pushwire.CodeOf(s.err); got != code {
		t.Errorf("the application was told %d, want %d: %v", got, code, s.err)
	}
	if !slices.Equal(s.messages, messages) {
		t.Errorf("the application got the messages %s, want %s", brief(s.messages), brief(messages))
	}
	select {
	case <-s.c.Done():
	default:
		t.Error("Done is still open")
	}
	ctx := context.Background()
	_, _, read := s.c.Read(ctx)
	_, ping := s.c.Ping(ctx)
	for name, err := range map[string]error{
		"the Read that saw the end": s.err,
		"Err":                       s.c.Err(),
		"Read":                      read,
		"Ping":                      ping,
		"Write":                     s.c.Write(ctx, frame.Text, []byte("late")),
		"Send":                      s.c.Send(ctx, pushwire.Prepare(frame.Text, []byte("late"))),
		"Close":                     s.c.Close(1000, "late"),
	} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v does not match net.ErrClosed", name, err)
		}
	}
	return ce
}

// brief shortens messages for the text of a failed test.
func brief(messages []string) []string {
	out := slices.Clone(messages)
	for i, m := range out {
		if len(m) > 40 {
			out[i] = m[:40] + "..."
		}
	}
	return out
}

// listen returns a listener on a free loopback port.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serve runs Serve until the end of the test and returns the address.
func serve(t *testing.T, l net.Listener, f pushwire.ServeFunc, o *pushwire.AcceptOptions) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- pushwire.Serve(ctx, l, f, o) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}
