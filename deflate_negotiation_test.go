package pushwire_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// All that two ends can ask for: whatever they agree on, both know it, and
// messages pass both ways.
func TestDeflateNegotiationWithEveryCombination(t *testing.T) {
	var sets []*pushwire.Deflate
	for _, bits := range [][2]int{{0, 0}, {8, 15}, {15, 9}} {
		for k := range 4 {
			sets = append(sets, &pushwire.Deflate{ServerBits: bits[0], ClientBits: bits[1], ServerNoContext: k&1 != 0, ClientNoContext: k&2 != 0})
		}
	}
	sets = append(sets, nil)
	for i, sd := range sets {
		for _, raw := range []bool{false, true} {
			got := make(chan *pushwire.Conn, 1)
			f := func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
				got <- c
				echo(ctx, c)
			}
			o := &pushwire.AcceptOptions{Config: pushwire.Config{Deflate: sd}}
			var addr string
			if raw {
				addr = serve(t, listen(t), f, o)
			} else {
				srv := httptest.NewServer(pushwire.Handler(f, o))
				defer srv.Close()
				addr = srv.Listener.Addr().String()
			}
			for j, cd := range sets {
				name := fmt.Sprintf("server %d, client %d, raw %v", i, j, raw)
				c, res, err := pushwire.Dial(t.Context(), "ws://"+addr, &pushwire.DialOptions{Config: pushwire.Config{Deflate: cd}})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				s := <-got
				cp, cok := c.Deflate()
				sp, sok := s.Deflate()
				if cok != (sd != nil && cd != nil) || cok != sok || cok != (res.Header.Get("Sec-WebSocket-Extensions") != "") {
					t.Fatalf("%s: compressed at the client %v, at the server %v; %v", name, cok, sok, res.Header)
				}
				if cok {
					limit := func(own, peer int) int { return min(orDefault(own), orDefault(peer)) }
					if cp.ServerBits != limit(sd.ServerBits, cd.ServerBits) || sp.ServerBits != cp.ServerBits ||
						cp.ClientBits > limit(sd.ClientBits, cd.ClientBits) || cp.ClientBits > sp.ClientBits ||
						cp.ServerNoContext != (sd.ServerNoContext || cd.ServerNoContext) || sp.ServerNoContext != cp.ServerNoContext ||
						cp.ClientNoContext != (sd.ClientNoContext || cd.ClientNoContext) || sp.ClientNoContext != cp.ClientNoContext {
						t.Errorf("%s: the client has %+v, the server %+v of %+v and %+v", name, cp, sp, cd, sd)
					}
				}
				for n := range 6 {
					m := strings.Repeat(text(n%2), 1+n)
					if err := c.Write(t.Context(), frame.Text, []byte(m)); err != nil {
						t.Fatal(err)
					}
					if _, p, err := c.Read(t.Context()); err != nil || string(p) != m {
						t.Fatalf("%s: message %d came back as %d bytes, %v", name, n, len(p), err)
					}
				}
				if n := s.Stats().BytesRead; cok != (n < 4000) {
					t.Errorf("%s: compressed %v, and %d bytes were read", name, cok, n)
				}
				c.Close(frame.CodeNormal, "")
			}
		}
	}
}

func orDefault(bits int) int {
	if bits == 0 {
		return pushwire.DefaultDeflateBits
	}
	return bits
}

// Offers as foreign clients write them, over one field or more, beside other
// extensions and behind offers that have to be declined: the same answer on
// both ways in.
func TestServerAnswersTheFirstOfferThatItCanMeet(t *testing.T) {
	o := &pushwire.AcceptOptions{Config: pushwire.Config{Deflate: &pushwire.Deflate{ServerBits: 15, ClientBits: 10}}}
	f := func(context.Context, *pushwire.Conn, *handshake.Request) {}
	srv := httptest.NewServer(pushwire.Handler(f, o))
	defer srv.Close()
	addrs := []string{srv.Listener.Addr().String(), serve(t, listen(t), f, o)}
	for _, row := range []struct {
		lines  []string
		answer string
	}{
		{[]string{"permessage-deflate"}, "permessage-deflate"},
		{[]string{"permessage-deflate; client_max_window_bits"}, "permessage-deflate; client_max_window_bits=10"},
		{[]string{`x-foo; a="b", permessage-deflate ; client_max_window_bits = "9"`}, "permessage-deflate; client_max_window_bits=9"},
		{[]string{"x-foo", "x-bar; a=1", "permessage-deflate; server_max_window_bits=8"}, "permessage-deflate; server_max_window_bits=8"},
		{[]string{"permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_no_context_takeover"}, "permessage-deflate; server_no_context_takeover"},
		{[]string{"permessage-deflate; server_max_window_bits", "permessage-deflate; what, permessage-deflate; client_no_context_takeover"}, "permessage-deflate; client_no_context_takeover"},
		{[]string{"permessage-deflate; server_max_window_bits=08"}, ""},
		{[]string{"permessage-deflate; server_max_window_bits=15.0"}, ""},
		{[]string{"permessage-deflate; client_no_context_takeover; client_no_context_takeover"}, ""},
		{[]string{"permessage-deflate; client_no_context_takeover=1"}, ""},
		{[]string{"Permessage-Deflate", "x-webkit-deflate-frame"}, ""},
	} {
		for i, addr := range addrs {
			p := testpeer.Dial(t, addr)
			var extra []string
			for _, l := range row.lines {
				extra = append(extra, "Sec-WebSocket-Extensions: "+l)
			}
			p.WriteString(testpeer.RequestHead(extra...))
			got := p.WantStatus(strings.Join(row.lines, " / "), http.StatusSwitchingProtocols).Header["Sec-Websocket-Extensions"]
			if strings.Join(got, " / ") != row.answer {
				t.Errorf("way in %d, %q: answered %q, want %q", i, row.lines, got, row.answer)
			}
			p.Close()
		}
	}
}

// Answers that a server must not give (RFC 7692, 7): Dial fails.
func TestDialRefusesAnswersThatWereNotOffered(t *testing.T) {
	for _, row := range []struct {
		d      *pushwire.Deflate
		answer string
	}{
		{nil, "permessage-deflate"},
		{&pushwire.Deflate{}, "permessage-deflate; server_max_window_bits=7"},
		{&pushwire.Deflate{}, "permessage-deflate; client_max_window_bits"},
		{&pushwire.Deflate{}, "permessage-deflate; unknown"},
		{&pushwire.Deflate{}, "permessage-deflate, permessage-deflate"},
		{&pushwire.Deflate{}, "x-webkit-deflate-frame"},
		{&pushwire.Deflate{ServerBits: 10}, "permessage-deflate"},
		{&pushwire.Deflate{ServerBits: 10}, "permessage-deflate; server_max_window_bits=11"},
		{&pushwire.Deflate{ServerNoContext: true}, "permessage-deflate"},
	} {
		l := testpeer.Listen(t)
		go func() {
			p := l.Accept()
			p.Handshake("Sec-WebSocket-Extensions: " + row.answer)
			p.Close()
		}()
		_, res, err := pushwire.Dial(t.Context(), "ws://"+l.Addr(), &pushwire.DialOptions{Config: pushwire.Config{Deflate: row.d}})
		var de *pushwire.DialError
		if !errors.As(err, &de) || res == nil {
			t.Errorf("%s, with %+v: %v", row.answer, row.d, err)
		}
	}
}

// A Deflate that means nothing is our own fault: it is told before anything is
// sent, and by a server with 500.
func TestDeflateThatMeansNothingIsRefused(t *testing.T) {
	for _, d := range []*pushwire.Deflate{{Level: 10}, {Level: -1}, {ServerBits: 7}, {ClientBits: 16}, {ServerBits: -1}} {
		cfg := pushwire.Config{Deflate: d}
		if _, _, err := pushwire.Dial(t.Context(), "ws://127.0.0.1:1", &pushwire.DialOptions{Config: cfg}); err == nil || !strings.Contains(err.Error(), "Deflate") {
			t.Errorf("%+v: Dial: %v", *d, err)
		}
		srv := httptest.NewServer(pushwire.Handler(nil, &pushwire.AcceptOptions{Config: cfg}))
		p := testpeer.Dial(t, srv.Listener.Addr().String())
		p.WriteString(testpeer.RequestHead("Sec-WebSocket-Extensions: permessage-deflate"))
		p.WantStatus("a server that is set up wrongly", http.StatusInternalServerError)
		p.Close()
		srv.Close()
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.HasPrefix(s, "pushwire: Deflate") {
					t.Errorf("%+v: Pipe panicked with %q", *d, s)
				}
			}()
			pushwire.Pipe(&cfg)
		}()
	}
}
