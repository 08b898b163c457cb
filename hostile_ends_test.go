package pushwire_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// cutRows are the ways in which a connection can stop without a close frame.
var cutRows = []struct {
	name string
	send []testpeer.Frame
	keep int // bytes of it that are sent; 0: all, negative: all but so many
	got  []string
	pong bool // one comes back
}{
	{name: "before any frame"},
	{name: "inside a header", send: frames(textFrame("hello")), keep: 1},
	{name: "inside a 16-bit length", send: frames(textFrame(all125 + "x")), keep: 3},
	{name: "inside a 64-bit length", send: frames(textFrame(all65536)), keep: 9},
	{name: "before the payload", send: frames(withDeclared(5, textFrame("")))},
	{name: "inside a payload", send: frames(textFrame("hello")), keep: -2},
	{name: "inside a long payload", send: frames(textFrame(all65536)), keep: -1},
	{name: "inside a ping", send: frames(pingFrame("hello")), keep: -1},
	{name: "inside a close frame", send: frames(closeFrame(1000, "hello")), keep: -1},
	{name: "inside a close code", send: frames(closeFrame(1000, "")), keep: -1},
	{name: "between fragments", send: frames(textStart("hello"))},
	{name: "after a ping between fragments", send: frames(textStart("hello"), pingFrame("")), pong: true},
	{name: "inside a character", send: frames(textStart("\xe2\x82"))},
	{name: "after a whole message", send: frames(textFrame("hello")), got: []string{"hello"}},
	{name: "inside the second message", send: frames(textFrame("hello"), textFrame("world")), keep: -4, got: []string{"hello"}},
}

// cutBytes returns what is sent to role of row i.
func cutBytes(i int, role frame.Role) []byte {
	r := frameRow{send: cutRows[i].send}
	b, _ := r.bytes(role)
	keep := cutRows[i].keep
	if keep <= 0 {
		keep += len(b)
	}
	return b[:keep]
}

// RFC 6455, 7.1.5: "If _The WebSocket Connection is Closed_ and no Close
// control frame was received by the endpoint (such as could occur if the
// underlying transport connection is lost), _The WebSocket Connection Close
// Code_ is considered to be 1006."
func TestConnectionsThatEndInTheMiddleOfAFrameAre1006(t *testing.T) {
	for _, v := range victims {
		for _, end := range []string{"half-closed", "closed", "reset"} {
			for i, cut := range cutRows {
				t.Run(v.name+"/"+end+" "+cut.name, func(t *testing.T) {
					p, got := v.open(t, &pushwire.Config{})
					p.WriteRaw(cutBytes(i, v.role))
					if cut.pong && end != "half-closed" {
						p.WantFrame("the ping was whole", 10, nil)
					}
					switch end {
					case "half-closed":
						p.NetConn().(interface{ CloseWrite() error }).CloseWrite()
						if cut.pong { // though the end came right behind it
							p.WantFrame("the ping was whole", 10, nil)
						}
						p.WantEOF("the other half follows")
					case "closed":
						p.Close()
					case "reset":
						reset(p)
					}
					s := wait(t, got)
					want := cut.got
					if end == "reset" { // it overtakes what was sent
						want = s.messages
					}
					ce := s.wantEnd(t, frame.CodeAbnormal, want)
					if ce.Remote || ce.Received != nil || ce.Sent != nil || ce.Err == nil {
						t.Errorf("the CloseError is %+v", ce)
					}
				})
			}
		}
	}
}

// reset resets the TCP connection, below TLS too, with no alert.
func reset(p *testpeer.Peer) {
	nc := p.NetConn()
	if tc, ok := nc.(*tls.Conn); ok {
		nc = tc.NetConn()
	}
	nc.(*net.TCPConn).SetLinger(0)
	nc.Close()
}

// A peer that stops in the middle of anything holds nothing up but its own
// connection, which waits for it and is then ended by keepalive.
func TestPeerThatStallsInsideAFrameIsEndedByKeepalive(t *testing.T) {
	for _, role := range bothRoles {
		for i, cut := range cutRows {
			t.Run(fmt.Sprintf("%v/%s", role, cut.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p, _, got := memVictim(t, role, &pushwire.Config{})
					p.Timeout = time.Hour
					start := time.Now()
					p.WriteRaw(cutBytes(i, role))
					if cut.pong {
						p.WantFrame("the ping was whole", 10, nil)
					}
					if f := p.ReadFrame(); f.Opcode != 9 || time.Since(start) != pushwire.DefaultPing {
						t.Fatalf("after %v: %v, want a ping after %v", time.Since(start), f, pushwire.DefaultPing)
					}
					p.WantEOF("no pong came")
					if d := time.Since(start); d != pushwire.DefaultPing+pushwire.DefaultPongTimeout {
						t.Errorf("it took %v", d)
					}
					ce := wait(t, got).wantEnd(t, frame.CodeAbnormal, cut.got)
					var ne net.Error
					if !errors.As(ce, &ne) || !ne.Timeout() || !strings.Contains(ce.Error(), "PongTimeout") {
						t.Errorf("the application was told %v, want a timeout that names PongTimeout", ce)
					}
				})
			})
		}
	}
}

// As long as a byte comes within PongTimeout the connection waits, and the
// message is whole in the end.
func TestPeerThatDripsAFrameIsWaitedFor(t *testing.T) {
	for _, role := range bothRoles {
		t.Run(role.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, nc, got := memVictim(t, role, &pushwire.Config{})
				r := frameRow{code: 1000, got: []string{"hello"}, send: frames(textFrame("hello"), closeFrame(1000, ""))}
				b, _ := r.bytes(role)
				for i := range b {
					p.WriteRaw(b[i : i+1])
					time.Sleep(pushwire.DefaultPongTimeout - time.Second)
				}
				for pings := 0; nc.Buffered() > 0; pings++ {
					if f := p.ReadFrame(); f.Opcode == 8 {
						if pings == 0 {
							t.Error("no ping came")
						}
						break
					}
				}
				wait(t, got).wantEnd(t, 1000, r.got)
			})
		})
	}
}

// While our own close frame waits for its answer, the peer may still break
// the rules. It gets no second close frame, and Close tells what happened.
func TestBrokenAnswersToOurCloseFrame(t *testing.T) {
	for _, v := range []struct {
		name string
		send []testpeer.Frame
		code frame.Code // of what Close returns; 0 for nil
	}{
		{"a close frame with another code", frames(closeFrame(4000, "")), 0},
		{"an empty close frame", frames(controlFrame(8, "")), 0},
		{"messages and a close frame", frames(textFrame("a"), pingFrame("b"), textFrame("c"), closeFrame(1000, "")), 0},
		{"a message cut off by the close frame", frames(textStart("a"), closeFrame(1000, "")), 0},
		{"a close frame of one byte", frames(controlFrame(8, "\x03")), 1002},
		{"a close code that must not be sent", frames(closeFrame(1006, "")), 1002},
		{"a reason that is not UTF-8", frames(closeFrame(1000, "\xff")), 1007},
		{"a reserved bit", frames(withRSV(1, textFrame(""))), 1002},
		{"a reserved opcode", frames(controlFrame(11, "")), 1002},
		{"text that is not UTF-8", frames(textFrame("\xff")), 1007},
		{"a message over the limit", frames(withDeclared(1<<40, textFrame(""))), 1009},
		{"the end of the connection", nil, 1006},
		{"the end inside a message", frames(textStart("a")), 1006},
	} {
		for _, role := range bothRoles {
			t.Run(fmt.Sprintf("%v/%s", role, v.name), func(t *testing.T) {
				client, server := netPair(t, tcp)
				ours, theirs, part := server, client, testpeer.Client
				if role == frame.Client {
					ours, theirs, part = client, server, testpeer.Server
				}
				p := testpeer.New(t, theirs, part)
				c := pushwire.NewConn(ours, role, nil)
				done := make(chan error, 1)
				go func() { done <- c.Close(1001, "bye") }()
				p.WantClose("the closing handshake begins", 1001)
				r := frameRow{send: v.send}
				b, _ := r.bytes(role)
				p.WriteRaw(b)
				if role == frame.Client || v.code == frame.CodeAbnormal { // the server is to close first
					theirs.(*net.TCPConn).CloseWrite()
				}
				if slices.ContainsFunc(v.send, func(f testpeer.Frame) bool { return f.Opcode == 9 }) {
					p.WantFrame("a ping before the close frame has its pong", 10, []byte("b"))
				}
				p.WantEOF("no second close frame")
				err := <-done
				if pushwire.CodeOf(err) != v.code || v.code != 0 && !errors.Is(err, net.ErrClosed) {
					t.Errorf("Close returned %v, want the code %d", err, v.code)
				}
				want := v.code
				if want == 0 {
					want = 1001
				}
				if got := pushwire.CodeOf(c.Err()); got != want {
					t.Errorf("the connection ended with %v, want %d", c.Err(), want)
				}
			})
		}
	}
}

// Bytes that are no TLS records, in a connection that has a TLS session.
func TestPlainBytesUnderTLSEndTheConnectionWith1006(t *testing.T) {
	for _, role := range bothRoles {
		for _, plain := range []string{"\x81\x05hello", "GET / HTTP/1.1\r\n\r\n", "\x17\x03\x03\x00\x20" + all125[:32], "\x15\x03\x03\x00\x02\x02\x00", "\x00"} {
			t.Run(fmt.Sprintf("%v/%.10q", role, plain), func(t *testing.T) {
				client, server := netPair(t, tls_)
				ours, theirs := server, client
				if role == frame.Client {
					ours, theirs = client, server
				}
				raw := theirs.(*tls.Conn).NetConn()
				defer raw.Close()
				got := make(chan seen, 1)
				c := pushwire.NewConn(ours, role, nil)
				go func() { got <- see(c) }()
				raw.SetDeadline(time.Now().Add(testpeer.Timeout))
				io.WriteString(raw, plain)
				raw.(*net.TCPConn).CloseWrite()
				if _, err := io.Copy(io.Discard, raw); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error("the connection was not closed")
				}
				wait(t, got).wantEnd(t, frame.CodeAbnormal, nil)
			})
		}
	}
}

// A peer that resets the connection while we write to it is an end like any
// other: no panic, no signal, every writer gets its error.
func TestResetWhileWritingIs1006(t *testing.T) {
	for _, m := range []mode{tcp, tls_} {
		t.Run(string(m), func(t *testing.T) {
			client, server := netPair(t, m)
			c := pushwire.NewConn(server, frame.Server, nil)
			defer c.CloseNow()
			p := testpeer.New(t, client, testpeer.Client)
			errs := make(chan error, 4)
			for range cap(errs) {
				go func() {
					for {
						if err := c.Write(context.Background(), frame.Binary, noise(10_000)); err != nil {
							errs <- err
							return
						}
					}
				}()
			}
			p.ReadFrame()
			reset(p)
			for range cap(errs) {
				if err := <-errs; pushwire.CodeOf(err) != frame.CodeAbnormal || !errors.Is(err, net.ErrClosed) {
					t.Errorf("a Write returned %v", err)
				}
			}
		})
	}
}
