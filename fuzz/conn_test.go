package fuzz

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

const (
	serverHead = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"

	// The client's answer has the accept value of its key where it says so.
	acceptMark = "@ACCEPT@"
	clientHead = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + acceptMark + "\r\n"
	deflateLine = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
)

// options are the bits of the number that chooses how a conversation goes.
const (
	optDeflate = 1 << iota
	optOwnHead // the handshake is the fuzzer's too
	optSmall   // small limits, else those by default
	optSkipWindow
	optEnd   = 3 << 4 // two bits of end
	optBuilt = 1 << 6 // the bytes are made into frames first
	// from 1<<8 on: the size of one read
)

// settings are what options mean.
func settings(opts uint16) (cfg pushwire.Config, r rules) {
	r = rules{message: pushwire.DefaultMaxMessage, fragments: pushwire.DefaultMaxFragments, takeover: true}
	if opts&optSmall != 0 {
		r.message, r.fragments = 64, 4
		cfg.MaxMessage, cfg.MaxFragments = 64, 4
	}
	if opts&optDeflate != 0 {
		cfg.Deflate = &pushwire.Deflate{Threshold: -1, ServerBits: 15, ClientBits: 15}
		if opts&optSkipWindow != 0 {
			cfg.Deflate.ServerNoContext, cfg.Deflate.ClientNoContext = true, true
		}
	}
	return cfg, r
}

// FuzzServerConn: any bytes in any pieces to AcceptConn and what it returns.
// See check for what has to hold.
func FuzzServerConn(f *testing.F) {
	for _, s := range talks(true) {
		f.Add([]byte(s.wire), []byte(s.plan), s.opts)
		f.Add([]byte(serverHead+s.wire), []byte(s.plan), s.opts|optOwnHead)
	}
	f.Add([]byte(unbuilt), []byte{1, 2, 3}, uint16(optBuilt))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), []byte{3}, uint16(optOwnHead))
	f.Add([]byte("\x16\x03\x01\x00\x05hello"), []byte{}, uint16(optOwnHead))
	f.Fuzz(func(t *testing.T, wire, plan []byte, opts uint16) {
		cfg, r := settings(opts)
		r.masked = true
		v := conversation{wire: wire, plan: plan, chunk: int(opts >> 8 & 15), end: end(opts & optEnd >> 4)}
		if opts&optOwnHead == 0 {
			v.wire = append([]byte(serverHead), built(opts, true, wire)...)
		}
		v.open = func(nc net.Conn) (*pushwire.Conn, error) {
			c, _, err := pushwire.AcceptConn(context.Background(), nc, &pushwire.AcceptOptions{Config: cfg, Origins: handshake.Origins{Any: true}})
			return c, err
		}
		var out outcome
		synctest.Test(t, func(t *testing.T) { out = v.run(t) })
		if out.err != nil {
			if opts&optOwnHead == 0 && v.end != endReset {
				t.Fatalf("a good handshake was refused: %v", out.err)
			}
			checkRefused(t, &v, &out)
			return
		}
		i := bytes.Index(v.wire, []byte("\r\n\r\n")) + 4
		if err := literalRequest(v.wire[:i]); err != nil {
			t.Fatalf("%q was accepted: %v", v.wire[:i], err)
		}
		var extensions string
		if v.end != endReset { // else nobody has read it
			res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(out.answers)), nil)
			if err != nil || res.StatusCode != 101 {
				t.Fatalf("the answer %q: %v", out.answers, err)
			}
			extensions = res.Header.Get("Sec-WebSocket-Extensions")
		} else if opts&optDeflate != 0 && opts&optOwnHead != 0 {
			return // what was agreed on can't be told
		} else if opts&optDeflate != 0 {
			extensions = "permessage-deflate"
		}
		if i := bytes.Index(out.answers, []byte("\r\n\r\n")); i >= 0 {
			out.answers = out.answers[i+4:]
		}
		back := negotiated(&r, extensions, "client", "server")
		check(t, &v, &out, v.wire[i:], r, back)
	})
}

// FuzzClientConn: the same for Dial, with the peer as the server.
func FuzzClientConn(f *testing.F) {
	for _, s := range talks(false) {
		f.Add([]byte(s.wire), []byte(s.plan), s.opts)
		head := clientHead + "\r\n"
		if s.opts&optDeflate != 0 {
			head = clientHead + deflateLine + "\r\n"
		}
		f.Add([]byte(head+s.wire), []byte(s.plan), s.opts|optOwnHead)
	}
	f.Add([]byte(unbuilt), []byte{1, 2, 3}, uint16(optBuilt))
	f.Add([]byte("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n"), []byte{3}, uint16(optOwnHead))
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\n"+clientHead+"\r\n\x81\x02hi"), []byte{0xa5}, uint16(optOwnHead))
	f.Add([]byte("HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n"), []byte{}, uint16(optOwnHead))
	f.Fuzz(func(t *testing.T, wire, plan []byte, opts uint16) {
		cfg, r := settings(opts)
		v := conversation{wire: wire, plan: plan, chunk: int(opts >> 8 & 15), end: end(opts & optEnd >> 4)}
		if opts&optOwnHead == 0 {
			head := clientHead
			if opts&optDeflate != 0 {
				head += deflateLine
				if opts&optSkipWindow != 0 {
					head = strings.TrimSuffix(head, "\r\n") + "; server_no_context_takeover; client_no_context_takeover\r\n"
				}
			}
			v.wire = append([]byte(head+"\r\n"), built(opts, false, wire)...)
		}
		v.prepare = func(first []byte) []byte {
			req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(first)))
			if err != nil {
				t.Errorf("the request %q: %v", first, err)
				return nil
			}
			accept := handshake.AppendAccept(nil, req.Header.Get("Sec-WebSocket-Key"))
			return bytes.ReplaceAll(v.wire, []byte(acceptMark), accept)
		}
		v.open = func(nc net.Conn) (*pushwire.Conn, error) {
			c, _, err := pushwire.Dial(context.Background(), "ws://server.example.com/chat", &pushwire.DialOptions{
				Config:  cfg,
				NetDial: func(context.Context, string, string) (net.Conn, error) { return nc, nil },
			})
			return c, err
		}
		var out outcome
		synctest.Test(t, func(t *testing.T) { out = v.run(t) })
		if out.err != nil {
			if opts&optOwnHead == 0 && v.end != endReset {
				t.Fatalf("a good handshake was refused: %v", out.err)
			}
			var de *pushwire.DialError
			if !errors.As(out.err, &de) || out.c != nil {
				t.Fatalf("%T %v beside %v", out.err, out.err, out.c)
			}
			return
		}
		rest := out.sent
		var res *http.Response
		for { // interim answers come before the one that counts
			i := bytes.Index(rest, []byte("\r\n\r\n")) + 4
			var err error
			if res, err = http.ReadResponse(bufio.NewReader(bytes.NewReader(rest[:i])), nil); err != nil {
				t.Fatalf("%q was taken: %v", rest[:i], err)
			}
			if rest = rest[i:]; res.StatusCode == 101 {
				break
			}
			if res.StatusCode/100 != 1 {
				t.Fatalf("status %d was taken", res.StatusCode)
			}
		}
		if !hasToken(res.Header, "Upgrade", "websocket") || !hasToken(res.Header, "Connection", "upgrade") {
			t.Fatalf("%v was taken", res.Header)
		}
		if i := bytes.Index(out.answers, []byte("\r\n\r\n")); i >= 0 {
			out.answers = out.answers[i+4:]
		}
		back := negotiated(&r, strings.Join(res.Header.Values("Sec-WebSocket-Extensions"), ","), "server", "client")
		back.masked = true
		check(t, &v, &out, rest, r, back)
	})
}

// negotiated completes r, the rules for what the Conn reads, by the answer's
// extensions, and returns those for what it writes.
func negotiated(r *rules, extensions, in, out string) (back rules) {
	back = rules{message: 16 << 20, fragments: 1 << 20, takeover: true}
	if !strings.Contains(extensions, "permessage-deflate") {
		return back
	}
	r.deflate, back.deflate = true, true
	r.takeover = !strings.Contains(extensions, in+"_no_context_takeover")
	back.takeover = !strings.Contains(extensions, out+"_no_context_takeover")
	if _, bits, ok := strings.Cut(extensions, in+"_max_window_bits="); ok && !strings.HasPrefix(strings.Trim(bits, `"`), "15") {
		r.narrow = true
	}
	return back
}

// checkRefused holds what has to be true of a handshake that was refused: the
// error has a token, and the peer got the answer with its status.
func checkRefused(t *testing.T, v *conversation, out *outcome) {
	if out.c != nil {
		t.Fatal("a Conn beside the error")
	}
	var he *handshake.Error
	if !errors.As(out.err, &he) {
		if !errors.Is(out.err, io.EOF) && !errors.Is(out.err, net.ErrClosed) && !errors.Is(out.err, io.ErrClosedPipe) {
			t.Fatalf("%T: %v", out.err, out.err)
		}
		return // the peer is gone
	}
	if he.Token == "" || he.Status < 400 || he.Status > 599 {
		t.Fatalf("%+v", he)
	}
	if v.end == endReset {
		return
	}
	method := "GET"
	if bytes.HasPrefix(v.wire, []byte("HEAD ")) {
		method = "HEAD"
	}
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(out.answers)), &http.Request{Method: method})
	if err != nil || res.StatusCode != he.Status {
		t.Fatalf("%v: %q, %v", he, out.answers, err)
	}
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
}

// check holds what has to be true of a connection that has ended. rest are the
// bytes behind the handshake.
//
//   - What was delivered is what the reference reads in them.
//   - It ended with the code that the reference wants, and says it to the peer.
//   - What went out is lawful: every message comes back once and in order, pings
//     are answered, latest at least; the reference has no objection.
//   - It has cost no more memory than what came and the limits explain.
func check(t *testing.T, v *conversation, out *outcome, rest []byte, r, back rules) {
	want := judge(r, rest)
	got := out.delivered
	switch n := len(want.messages); {
	case v.end == endReset && len(got) < n && slices.Equal(got, want.messages[:len(got)]):
		// An answer could not be written before all was read.
	case want.vague && len(got) >= n && slices.Equal(got[:n], want.messages), want.vague && len(got) == n-1 && slices.Equal(got, want.messages[:n-1]):
	case !slices.Equal(got, want.messages):
		t.Fatalf("delivered %+v, want %+v", got, want.messages)
	}

	var ce *pushwire.CloseError
	if !errors.As(out.c.Err(), &ce) || !errors.Is(ce, net.ErrClosed) || out.cause != error(ce) {
		t.Fatalf("ended with %v, cause %v", out.c.Err(), out.cause)
	}
	code := int(ce.Code)
	switch {
	case v.end == endReset && code == 1006:
	case want.vague:
		if code != want.fail && !slices.Contains([]int{1000, 1002, 1006, 1007, 1009}, code) {
			t.Fatalf("%v; the reference is not sure of %d", ce, want.fail)
		}
	case want.fail != 0:
		var fe *frame.Error
		if code != want.fail && code != want.or || !errors.As(ce, &fe) || fe.Token == "" {
			t.Fatalf("%v, want %d", ce, want.fail)
		}
	case want.closed != nil:
		if code != want.closed.code || ce.Reason != want.closed.reason || !ce.Remote {
			t.Fatalf("%+v, want %+v", ce, want.closed)
		}
	case v.end == endClose:
		if code != 1006 || ce.Remote || ce.Sent == nil || ce.Sent.Code != frame.CodeNormal || !ce.Timeout() {
			t.Fatalf("%+v after our Close", ce)
		}
	case code != 1006:
		t.Fatalf("%v, want 1006", ce)
	}

	answers := judge(back, out.answers)
	if answers.fail != 0 || answers.vague {
		t.Fatalf("the answers end with %d: %q", answers.fail, out.answers)
	}
	if n := len(answers.messages); n > len(got) || !slices.Equal(answers.messages, got[:n]) || n < len(got) && v.end != endReset {
		t.Fatalf("delivered %+v, sent back %+v", got, answers.messages)
	}
	if !subsequence(answers.pongs, want.pings) && !want.vague {
		t.Fatalf("pings %q, pongs %q", want.pings, answers.pongs)
	}
	if n := len(want.pings); n > 0 && v.end != endReset && want.fail == 0 && !want.vague &&
		(len(answers.pongs) == 0 || answers.pongs[len(answers.pongs)-1] != want.pings[n-1]) && want.closed == nil && v.end != endClose {
		t.Fatalf("pings %q, pongs %q", want.pings, answers.pongs)
	}
	if v.end != endReset && (want.fail != 0 || want.closed != nil) && !want.vague {
		said := 1000
		if want.fail != 0 {
			said = want.fail
		} else {
			said = want.closed.code
		}
		if answers.closed == nil || answers.closed.code != said && answers.closed.code != want.or {
			t.Fatalf("%v, and the peer was told %+v", ce, answers.closed)
		}
	}

	most := uint64(memoryFor(out, r))
	for tries := 0; out.allocated > most && !raceOn; tries++ {
		if tries == 5 { // it was not the fuzzing engine, which allocates beside us
			t.Fatalf("%d bytes allocated, %d at most, for %d bytes", out.allocated, most, len(out.sent))
		}
		synctest.Test(t, func(t *testing.T) { out.allocated = v.run(t).allocated })
	}
}

// memoryFor bounds the allocations of a conversation: three quarters of a MiB,
// so that a MiB that was only announced shows, for the two ends, the pipe between them and this test's notes; then what has come and
// was delivered, with its echo; and where messages are compressed the tables
// of both directions, and one message that turned out too long, of which a
// Reader's user has made a slice that grows.
func memoryFor(out *outcome, r rules) int {
	n := 768<<10 + 32*len(out.sent)
	for _, m := range out.delivered {
		n += 16 * len(m.data)
	}
	if r.deflate {
		n += 1<<20 + 8*r.message
	}
	return n
}

// subsequence reports whether got is want with some left out.
func subsequence(got, want []string) bool {
	for _, w := range want {
		if len(got) > 0 && got[0] == w {
			got = got[1:]
		}
	}
	return len(got) == 0
}

// literalRequest is RFC 6455, 4.2.1, over net/http's reading of a head.
func literalRequest(head []byte) error {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return err
	}
	key, err := base64.StdEncoding.Strict().DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case r.Method != "GET" || r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return errors.New("not a GET of HTTP/1.1")
	case r.Host == "":
		return errors.New("no host")
	case !hasToken(r.Header, "Upgrade", "websocket"):
		return errors.New("no upgrade to websocket")
	case !hasToken(r.Header, "Connection", "upgrade"):
		return errors.New("no option upgrade")
	case err != nil || len(key) != 16 || len(r.Header.Values("Sec-WebSocket-Key")) != 1:
		return errors.New("not a key")
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return errors.New("not version 13")
	case r.ContentLength > 0 || len(r.TransferEncoding) > 0:
		return errors.New("a body")
	}
	return nil
}

// hasToken reports whether a list field has the token, in any case.
func hasToken(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for s := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.Trim(s, " \t"), token) {
				return true
			}
		}
	}
	return false
}
