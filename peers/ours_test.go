package peers

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// ourPairs are the pairs with pushwire on one side.
func ourPairs() []func() pair {
	return []func() pair{
		func() pair {
			return pair{name: "ws to Handler", client: npmWS(), server: &ourServer{}, wantsProtocol: true, ours: "server"}
		},
		func() pair {
			return pair{name: "websockets to Handler", client: pyWebsockets(), server: &ourServer{}, clientHasNoEmptyClose: true, ours: "server"}
		},
		func() pair {
			return pair{name: "ws to Serve", client: npmWS(), server: &ourServer{raw: true}, wantsProtocol: true, ours: "server"}
		},
		func() pair {
			return pair{name: "websockets to Serve", client: pyWebsockets(), server: &ourServer{raw: true}, clientHasNoEmptyClose: true, ours: "server"}
		},
		func() pair { return pair{name: "Dial to ws", client: ourClient{}, server: npmWS(), ours: "client"} },
		func() pair {
			return pair{name: "Dial to websockets", client: ourClient{}, server: pyWebsockets(), serverHasNoEmptyClose: true, ours: "client"}
		},
	}
}

// ourClient is Dial.
type ourClient struct{ config pushwire.Config }

func (ourClient) start(*testing.T) {}

func (o ourClient) dial(t *testing.T, url string, with dialing) (end, string) {
	t.Helper()
	d := &pushwire.DialOptions{Config: o.config, Protocols: with.protocols, Header: http.Header{}}
	for name, value := range with.header {
		d.Header.Set(name, value)
	}
	if with.secure != nil {
		d.TLS = &tls.Config{RootCAs: with.secure.roots}
	}
	ctx, cancel := context.WithTimeout(t.Context(), eventTime)
	defer cancel()
	c, _, err := pushwire.Dial(ctx, url, d)
	if err != nil {
		return nil, err.Error()
	}
	return newOurEnd(t, c), ""
}

// ourServer is Handler on net/http, or Serve on a bare listener.
type ourServer struct {
	raw    bool
	config pushwire.Config
	conns  chan *pushwire.Conn
}

func (s *ourServer) listen(t *testing.T, protocols []string, sec *secure) string {
	t.Helper()
	s.conns = make(chan *pushwire.Conn)
	f := func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
		select {
		case s.conns <- c:
			<-c.Done()
		case <-ctx.Done():
		}
	}
	o := &pushwire.AcceptOptions{Config: s.config, Protocols: protocols}
	if !s.raw {
		server := httptest.NewUnstartedServer(pushwire.Handler(f, o))
		if sec != nil {
			server.TLS = &tls.Config{Certificates: []tls.Certificate{sec.pair}}
			server.StartTLS()
		} else {
			server.Start()
		}
		t.Cleanup(server.Close)
		return target(sec, server.Listener.Addr().String())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if sec != nil {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{sec.pair}})
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- pushwire.Serve(ctx, l, f, o) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-served:
		case <-time.After(eventTime):
			t.Errorf("Serve did not return within %v of its context's end", eventTime)
		}
	})
	return target(sec, addr)
}

func (s *ourServer) accept(t *testing.T) end {
	t.Helper()
	select {
	case c := <-s.conns:
		return newOurEnd(t, c)
	case <-time.After(eventTime):
		t.Fatalf("no connection within %v", eventTime)
		return nil
	}
}

// ourEnd is a Conn, read all the time by a goroutine of its own so that pings
// are answered and Ping gets its pong.
type ourEnd struct {
	c        *pushwire.Conn
	messages chan message // closed when the connection has ended
}

func newOurEnd(t *testing.T, c *pushwire.Conn) *ourEnd {
	e := &ourEnd{c, make(chan message, events)}
	go func() {
		defer close(e.messages)
		for m, err := range c.Messages(context.Background()) {
			if err != nil {
				return
			}
			e.messages <- message{m.Type.String(), string(m.Data)}
		}
	}()
	t.Cleanup(func() {
		c.CloseNow()
		for range e.messages { // what the test did not ask for
		}
	})
	return e
}

func typeOf(typ string) pushwire.Type {
	if typ == "text" {
		return frame.Text
	}
	return frame.Binary
}

func (e *ourEnd) protocol() string { return e.c.Protocol() }

func (e *ourEnd) send(t *testing.T, typ string, parts ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventTime)
	defer cancel()
	if len(parts) == 1 {
		if err := e.c.Write(ctx, typeOf(typ), []byte(parts[0])); err != nil {
			t.Fatal(err)
		}
		return
	}
	w, err := e.c.Writer(ctx, typeOf(typ))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range parts {
		if i > 0 {
			if _, err := e.c.Ping(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func (e *ourEnd) offer(t *testing.T, typ, data string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventTime)
	defer cancel()
	if err := e.c.Write(ctx, typeOf(typ), []byte(data)); err != nil && ctx.Err() != nil {
		t.Fatal(err)
	}
}

func (e *ourEnd) recv(t *testing.T) message {
	t.Helper()
	select {
	case m, ok := <-e.messages:
		if !ok {
			t.Fatalf("no message: %v", e.c.Err())
		}
		return m
	case <-time.After(eventTime):
		t.Fatalf("no message within %v", eventTime)
		return message{}
	}
}

// ping sends a ping of Conn's own making; the payload is the peers' matter.
func (e *ourEnd) ping(t *testing.T, _ string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventTime)
	defer cancel()
	if rtt, err := e.c.Ping(ctx); err != nil || rtt <= 0 {
		t.Fatalf("ping: %v, %v", rtt, err)
	}
}

func (e *ourEnd) close(t *testing.T, code int, reason string) {
	t.Helper()
	if err := e.c.Close(frame.Code(code), reason); err != nil {
		t.Errorf("Close(%d, %q): %v", code, reason, err)
	}
}

func (e *ourEnd) drop(*testing.T) { e.c.CloseNow() }

func (e *ourEnd) ended(t *testing.T) (int, string) {
	t.Helper()
	select {
	case <-e.c.Done():
	case <-time.After(eventTime):
		t.Fatalf("the connection did not end within %v", eventTime)
	}
	err := e.c.Err()
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v does not match net.ErrClosed", err)
	}
	var ce *pushwire.CloseError
	if !errors.As(err, &ce) {
		t.Fatalf("ended with %v, want a *CloseError", err)
	}
	return int(ce.Code), ce.Reason
}
