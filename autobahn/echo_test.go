package autobahn

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/handshake"
)

// Limits of both ends under test, above the defaults, because the suite sends more than a careful application would take.
const (
	maxMessage   = 64 << 20  // bytes; cases 9.1.6 and 9.2.6 send 16 MiB
	maxFragments = 128 << 10 // frames; cases 9.3.1 and 9.4.1 send 65,536
)

// limits are the configuration of both ends, with every message compressed where the peer wants compression at all.
func limits() pushwire.Config {
	return pushwire.Config{MaxMessage: maxMessage, MaxFragments: maxFragments, Deflate: &pushwire.Deflate{Threshold: -1}}
}

// echo sends every message back until the connection ends: all that the suite asks of both ends. Every error is an end that
// the suite wanted or will report.
func echo(ctx context.Context, c *pushwire.Conn) {
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return
		}
		if c.Write(ctx, m.Type, m.Data) != nil {
			return
		}
	}
}

func echoServer(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
	defer c.CloseNow()
	echo(ctx, c)
}

// polled has p read the connection, and echo.
func polled(p *pushwire.Poller) pushwire.ServeFunc {
	return func(_ context.Context, c *pushwire.Conn, _ *handshake.Request) {
		p.Add(c, func(ctx context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
			if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
				c.CloseNow()
			}
		})
	}
}

// startServer starts the echo server of a leg on a free port of the loopback address, over net/http if l.raw is false. It
// returns the address; the server ends with the test.
func startServer(t *testing.T, way leg, cert *certificate) string {
	t.Helper()
	var l net.Listener
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if cert != nil {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert.tls}, NextProtos: []string{"http/1.1"}})
	}
	opts := &pushwire.AcceptOptions{Config: limits()}
	ended := make(chan error, 1)
	if way.raw {
		ctx, cancel := context.WithCancel(context.Background())
		f := echoServer
		p := pushwire.NewPoller(nil)
		if way.poller {
			f = polled(p)
		}
		go func() { ended <- pushwire.Serve(ctx, l, f, opts) }()
		t.Cleanup(func() {
			cancel()
			l.Close()
			<-ended
			p.Close()
		})
		return addr
	}
	srv := &http.Server{Handler: pushwire.Handler(echoServer, opts)}
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("http.Server: %v", err)
		}
	})
	return addr
}
