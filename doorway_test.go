package pushwire_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pushwire/pushwire"
)

// refusals is a logger that keeps the errors of refused handshakes.
type refusals chan error

func (refusals) Enabled(context.Context, slog.Level) bool { return true }
func (l refusals) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok && a.Key == "error" && strings.Contains(r.Message, "handshake refused") {
			l <- err
		}
		return true
	})
	return nil
}
func (l refusals) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l refusals) WithGroup(string) slog.Handler      { return l }

// A doorway is one way for a handshake into the server.
type doorway struct {
	name string
	web  bool
	// open starts a server with o; dial gives a connection to it, before any
	// handshake but that of TLS.
	open func(t *testing.T, o *pushwire.AcceptOptions, secure bool) (dial func(t *testing.T) net.Conn)
}

var doorways = []doorway{
	{"Handler", true, func(t *testing.T, o *pushwire.AcceptOptions, secure bool) func(t *testing.T) net.Conn {
		srv := httptest.NewUnstartedServer(pushwire.Handler(echoFunc, o))
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		return openWeb(t, srv, secure)
	}},
	{"Accept", true, func(t *testing.T, o *pushwire.AcceptOptions, secure bool) func(t *testing.T) net.Conn {
		srv := httptest.NewUnstartedServer(unwrapOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := pushwire.Accept(w, r, o); err == nil {
				echoFunc(r.Context(), c, nil)
			}
		})))
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		return openWeb(t, srv, secure)
	}},
	{"Serve", false, func(t *testing.T, o *pushwire.AcceptOptions, secure bool) func(t *testing.T) net.Conn {
		l := listen(t)
		if secure {
			l = tlsListener(t, l)
		}
		return dialer(serve(t, l, echoFunc, o), secure)
	}},
}

func openWeb(t *testing.T, srv *httptest.Server, secure bool) func(t *testing.T) net.Conn {
	if secure {
		_, cert := testCert(t)
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return dialer(srv.Listener.Addr().String(), secure)
}

func tlsListener(t *testing.T, l net.Listener) net.Listener {
	_, cert := testCert(t)
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}})
}

func dialer(addr string, secure bool) func(t *testing.T) net.Conn {
	return func(t *testing.T) net.Conn {
		t.Helper()
		if !secure {
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			return nc
		}
		pool, _ := testCert(t)
		nc, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		return nc
	}
}
