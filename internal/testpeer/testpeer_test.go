package testpeer

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/internal/leaktest"
	"github.com/pushwire/pushwire/internal/memconn"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// recorder is a testing.TB that keeps the message of a failure.
type recorder struct {
	testing.TB
	failed string
}

func (r *recorder) Helper()        {}
func (r *recorder) Cleanup(func()) {}
func (r *recorder) Fatalf(format string, a ...any) {
	r.failed = fmt.Sprintf(format, a...)
	runtime.Goexit()
}

// failure runs f with a Peer of role whose other end has sent input, and
// closed if closed is set, and returns the message it failed with, or "".
// Time is fake.
func failure(t *testing.T, role Role, input []byte, closed bool, f func(p *Peer)) string {
	t.Helper()
	rec := &recorder{TB: t}
	synctest.Test(t, func(t *testing.T) {
		a, b := memconn.PipeSize(1 << 20)
		defer a.Close()
		defer b.Close()
		b.Write(input)
		if closed {
			b.CloseWrite()
		}
		p := New(rec, a, role)
		done := make(chan struct{})
		go func() {
			defer close(done)
			f(p)
		}()
		<-done
	})
	return rec.failed
}

func u64(v uint64) *uint64 { return &v }

// The byte sequences of RFC 6455, 5.7, and what no well-behaved writer emits.
var wire = []struct {
	name  string
	frame Frame
	bytes string
}{
	{"unmasked text", Frame{Fin: true, Opcode: 1, Payload: []byte("Hello")}, "\x81\x05Hello"},
	{"masked text", Frame{Fin: true, Opcode: 1, Mask: true, Key: &[4]byte{0x37, 0xfa, 0x21, 0x3d}, Payload: []byte("Hello")}, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"},
	{"first fragment", Frame{Opcode: 1, Payload: []byte("Hel")}, "\x01\x03Hel"},
	{"last fragment", Frame{Fin: true, Payload: []byte("lo")}, "\x80\x02lo"},
	{"ping", Frame{Fin: true, Opcode: 9, Payload: []byte("Hello")}, "\x89\x05Hello"},
	{"256 bytes", Frame{Fin: true, Opcode: 2, Payload: make([]byte, 256)}, "\x82\x7E\x01\x00" + strings.Repeat("\x00", 256)},
	{"64 KiB", Frame{Fin: true, Opcode: 2, Payload: make([]byte, 65536)}, "\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00" + strings.Repeat("\x00", 65536)},
	{"reserved bits and opcode", Frame{RSV: 5, Opcode: 0xF}, "\x5F\x00"},
	{"16 bits for 1", Frame{Fin: true, Opcode: 1, LengthForm: 16, Payload: []byte("x")}, "\x81\x7E\x00\x01x"},
	{"64 bits for 1", Frame{Fin: true, Opcode: 1, LengthForm: 64, Payload: []byte("x")}, "\x81\x7F\x00\x00\x00\x00\x00\x00\x00\x01x"},
	{"a length that lies", Frame{Fin: true, Opcode: 1, DeclaredLength: u64(1 << 63), Payload: []byte("x")}, "\x81\x7F\x80\x00\x00\x00\x00\x00\x00\x00x"},
}

func TestWriteFramePutsOnTheWireWhatItSays(t *testing.T) {
	for _, c := range wire {
		if got := string(c.frame.Append(nil)); got != c.bytes {
			t.Errorf("%s: % x\nwant % x", c.name, got, c.bytes)
		}
	}
}

func TestReadFrameReadsWhatRFC6455Section57Shows(t *testing.T) {
	for _, c := range wire[:7] {
		role := Client
		if c.frame.Mask {
			role = Server
		}
		if msg := failure(t, role, []byte(c.bytes), false, func(p *Peer) {
			f := p.ReadFrame()
			if f.Fin != c.frame.Fin || f.Opcode != c.frame.Opcode || f.Mask != c.frame.Mask || !bytes.Equal(f.Payload, c.frame.Payload) {
				t.Errorf("%s: %v", c.name, f)
			}
		}); msg != "" {
			t.Errorf("%s: %s", c.name, msg)
		}
	}
}

func TestReadFrameRefusesWhatRFC6455Section5Forbids(t *testing.T) {
	for _, c := range []struct {
		role Role
		f    Frame
		says string
	}{
		{Client, Frame{Fin: true, Opcode: 1, Mask: true}, "server must not mask"},
		{Server, Frame{Fin: true, Opcode: 1}, "client must mask"},
		{Client, Frame{Fin: true, Opcode: 1, RSV: 4}, "reserved bits"},
		{Client, Frame{Fin: true, Opcode: 3}, "opcode is reserved"},
		{Client, Frame{Fin: true, Opcode: 11}, "opcode is reserved"},
		{Client, Frame{Opcode: 9}, "fragmented"},
		{Client, Frame{Fin: true, Opcode: 9, Payload: make([]byte, 126)}, "125 bytes"},
		{Client, Frame{Fin: true, Opcode: 8, Payload: []byte{3}}, "at least two"},
		{Client, Frame{Fin: true, Opcode: 8, Payload: []byte("\x03\xe8\xff")}, "UTF-8"},
		{Client, Frame{Fin: true, Opcode: 1, LengthForm: 16, Payload: []byte("x")}, "not minimal"},
		{Client, Frame{Fin: true, Opcode: 1, LengthForm: 64, Payload: []byte("x")}, "not minimal"},
		{Client, Frame{Fin: true, Opcode: 2, DeclaredLength: u64(1 << 63)}, "most significant bit"},
		{Client, Frame{Fin: true, Opcode: 2, DeclaredLength: u64(1<<63 - 1)}, "more than this test peer takes"},
	} {
		msg := failure(t, c.role, c.f.Append(nil), false, func(p *Peer) { p.ReadFrame() })
		if !strings.Contains(msg, c.says) {
			t.Errorf("%v: %q lacks %q", c.f, msg, c.says)
		}
	}
}

func TestAllowRSVLetsAnExtensionThrough(t *testing.T) {
	if msg := failure(t, Client, []byte("\xC1\x00"), false, func(p *Peer) {
		p.AllowRSV = 4
		if f := p.ReadFrame(); f.RSV != 4 {
			t.Errorf("got %v", f)
		}
	}); msg != "" {
		t.Error(msg)
	}
}

// TestWants lists what each wish takes and how it fails.
func TestWants(t *testing.T) {
	const keep, end = false, true
	for _, c := range []struct {
		name, input string
		closed      bool
		f           func(p *Peer)
		says        string // "": no failure
	}{
		{"frame", "\x82\x01x", keep, func(p *Peer) { p.WantFrame("WHY", 2, []byte("x")) }, ""},
		{"frame, other payload", "\x82\x01y", keep, func(p *Peer) { p.WantFrame("WHY", 2, []byte("x")) }, "WHY:\n got frame{"},
		{"frame, other opcode", "\x81\x01x", keep, func(p *Peer) { p.WantFrame("WHY", 2, []byte("x")) }, "WHY:\n got frame{"},
		{"frame, a fragment", "\x02\x01x", keep, func(p *Peer) { p.WantFrame("WHY", 2, []byte("x")) }, "WHY:\n got frame{"},
		{"frame, silence", "", keep, func(p *Peer) { p.WantFrame("WHY", 2, nil) }, "WHY: wanted a frame, none came in 10s"},
		{"frame, half of one", "\x82\x05x", keep, func(p *Peer) { p.WantFrame("WHY", 2, nil) }, "none came in 10s"},
		{"frame, end", "", end, func(p *Peer) { p.WantFrame("WHY", 2, nil) }, "WHY: wanted a frame, the connection ended"},
		{"frame, end inside one", "\x82\x05x", end, func(p *Peer) { p.WantFrame("WHY", 2, nil) }, "the connection ended"},

		{"message in fragments", "\x01\x01a\x89\x00\x00\x01b\x8a\x00\x80\x01c", keep, func(p *Peer) { p.WantMessage("WHY", 1, []byte("abc")) }, ""},
		{"message, other payload", "\x01\x01a\x80\x01c", keep, func(p *Peer) { p.WantMessage("WHY", 1, []byte("abc")) }, "WHY:\n got frame{"},
		{"message, out of order", "\x80\x01c", keep, func(p *Peer) { p.WantMessage("WHY", 1, []byte("abc")) }, "out of order"},
		{"message, interleaved", "\x01\x01a\x81\x01c", keep, func(p *Peer) { p.WantMessage("WHY", 1, []byte("abc")) }, "out of order"},
		{"message, close", "\x01\x01a\x88\x00", keep, func(p *Peer) { p.WantMessage("WHY", 1, []byte("abc")) }, "got a close frame"},

		{"close", "\x88\x05\x03\xeabye", keep, func(p *Peer) {
			if r := p.WantClose("WHY", 1002); r != "bye" {
				t.Errorf("reason %q", r)
			}
		}, ""},
		{"close without a code", "\x88\x00", keep, func(p *Peer) { p.WantClose("WHY", 1005) }, ""},
		{"close, other code", "\x88\x02\x03\xe8", keep, func(p *Peer) { p.WantClose("WHY", 1002) }, "WHY: wanted a close frame with 1002, got 1000"},
		{"close, data", "\x81\x01x", keep, func(p *Peer) { p.WantClose("WHY", 1002) }, "WHY: wanted a close frame with 1002, got frame"},
		{"close, end", "", end, func(p *Peer) { p.WantClose("WHY", 1002) }, "WHY: wanted a frame, the connection ended"},

		{"end", "", end, func(p *Peer) { p.WantEOF("WHY") }, ""},
		{"end, bytes", "ab", end, func(p *Peer) { p.WantEOF("WHY") }, "got the bytes 61 62"},
		{"end, open", "", keep, func(p *Peer) { p.WantEOF("WHY") }, "still open after 10s"},

		{"silence", "", keep, func(p *Peer) { p.WantSilence("WHY", time.Second) }, ""},
		{"silence, bytes", "ab", keep, func(p *Peer) { p.WantSilence("WHY", time.Second) }, "got the bytes 61 62"},
		{"silence, end", "", end, func(p *Peer) { p.WantSilence("WHY", time.Second) }, "WHY: wanted silence"},

		{"status", "HTTP/1.1 403 Forbidden\r\nA: b\r\n\r\nbody", keep, func(p *Peer) {
			if res := p.WantStatus("WHY", 403); res.Header.Get("A") != "b" || p.ReadBody(4) != "body" {
				t.Errorf("got %v", res)
			}
		}, ""},
		{"other status", "HTTP/1.1 403 Forbidden\r\n\r\n", keep, func(p *Peer) { p.WantStatus("WHY", 101) }, "WHY: wanted status 101, got\nHTTP/1.1 403"},
		{"half a head", "HTTP/1.1 403", keep, func(p *Peer) { p.ReadHead() }, "no whole head in 10s"},
		{"head, end", "HTTP/1.1 403", end, func(p *Peer) { p.ReadHead() }, "ended inside a head"},
		{"handshake refused", "HTTP/1.1 403 Forbidden\r\n\r\n", keep, func(p *Peer) { p.Handshake() }, "not accepted"},
		{"handshake with a wrong key", ResponseHead("another"), keep, func(p *Peer) { p.Handshake() }, "not accepted"},
		{"body, end", "ab", end, func(p *Peer) { p.ReadBody(3) }, "wanted 3 bytes of body"},
		{"the other end does not read", "", keep, func(p *Peer) { p.WriteRaw(make([]byte, 2<<20)) }, "took only 1048576 of 2097152 bytes in 10s"},
	} {
		msg := failure(t, Client, []byte(c.input), c.closed, c.f)
		if c.says == "" && msg != "" || !strings.Contains(msg, c.says) {
			t.Errorf("%s: failed with %q, want %q", c.name, msg, c.says)
		}
	}
}

func TestHandshakeOverLoopback(t *testing.T) {
	l := Listen(t)
	client := make(chan string)
	c := Dial(t, l.Addr())
	go func() {
		client <- c.Handshake("Origin: http://localhost", "GET /chat HTTP/1.1")
	}()
	s := l.Accept()
	req := ParseRequest(s.Handshake("Sec-WebSocket-Protocol: chat"))
	if req.URL.Path != "/chat" || req.Header.Get("Origin") != "http://localhost" {
		t.Errorf("request %v", req)
	}
	if res := ParseResponse(<-client); res.Header.Get("Sec-WebSocket-Protocol") != "chat" {
		t.Errorf("response %v", res)
	}
	c.Send(2, []byte("to the server"))
	s.WantFrame("masked by role", 2, []byte("to the server"))
	s.Send(1, []byte("to the client"))
	c.WantMessage("not masked by role", 1, []byte("to the client"))
	s.WriteChopped(Frame{Fin: true, Opcode: 1, Payload: []byte("in pieces")}.Append(nil), 2)
	c.WantFrame("the pieces join", 1, []byte("in pieces"))
	c.SendClose(1000, "done")
	if r := s.WantClose("the client closes", 1000); r != "done" {
		t.Errorf("reason %q", r)
	}
	s.SendClose(1005, "")
	c.WantClose("an empty close frame", 1005)
	s.Close()
	c.WantEOF("the server closes first")
}

func TestResetIsAnEnd(t *testing.T) {
	l := Listen(t)
	c := Dial(t, l.Addr())
	l.Accept().Reset()
	c.WantEOF("a reset")
	if _, ok := c.NetConn().(*net.TCPConn); !ok {
		t.Errorf("NetConn is a %T", c.NetConn())
	}
}

func TestHeadTakesExtraLines(t *testing.T) {
	for _, c := range []struct {
		extra []string
		want  string
	}{
		{nil, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + Key + "\r\nSec-WebSocket-Version: 13\r\n\r\n"},
		{[]string{"-upgrade", "POST http://x:1/ HTTP/1.1", "Host: a", "Host: b"}, "POST http://x:1/ HTTP/1.1\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + Key + "\r\nSec-WebSocket-Version: 13\r\nHost: a\r\nHost: b\r\n\r\n"},
	} {
		if got := RequestHead(c.extra...); got != c.want {
			t.Errorf("%q:\n%s", c.extra, got)
		}
	}
}

// RFC 6455, 1.3, works the accept key out for this key.
func TestAcceptKeyMatchesRFC6455Example(t *testing.T) {
	if got := AcceptKey(Key); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("AcceptKey = %q", got)
	}
}
