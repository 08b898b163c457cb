package pushwire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// deflateRows is the part of the table of frames that needs permessage-deflate.
func deflateRows() (rows []frameRow) {
	end := closeFrame(1000, "")
	hello := "\xf2\x48\xcd\xc9\xc9\x07\x00" // RFC 7692, 7.2.3.1
	zip := func(f testpeer.Frame) testpeer.Frame { return withRSV(rsv1, f) }
	packedText := func(s string) testpeer.Frame { return zip(textFrame(packed(s, ""))) }
	zeros := strings.Repeat("\x00", 4<<20)
	bomb := packed(zeros, "")
	cut := len(bomb) / 3

	rows = []frameRow{
		// What looks odd and is right.
		{name: "compressed", send: frames(zip(textFrame(hello)), end), code: 1000, got: []string{"Hello"}},
		{name: "compressed, empty", send: frames(zip(textFrame("\x00")), end), code: 1000, got: []string{""}},
		{name: "compressed, all in empty fragments", send: frames(zip(textStart("")), moreFrame(""), pingFrame("x"), moreFrame(hello), lastFrame(""), end), code: 1000, got: []string{"Hello"}, pong: "x"},
		{name: "compressed and binary", send: frames(zip(binaryFrame(packed("\xff\xfe", ""))), end), code: 1000, got: []string{"\xff\xfe"}},
		{name: "final block without the byte behind it", send: frames(zip(textFrame("\xf3\x48\xcd\xc9\xc9\x07\x00")), end), code: 1000, got: []string{"Hello"}},
		{name: "many empty blocks", send: frames(zip(textFrame(strings.Repeat("\x00\x00\x00\xff\xff", 2000)+hello)), end), code: 1000, got: []string{"Hello"}},
		{name: "a compressed message cut off by close", send: frames(zip(textStart(hello)), end), code: 1000},
		{name: "compressed text that is not UTF-8, unchecked", cfg: pushwire.Config{SkipUTF8: true}, send: frames(packedText("\xff\xc0"), end), code: 1000, got: []string{"\xff\xc0"}},
		{name: "longer compressed than the limit", cfg: pushwire.Config{MaxMessage: 1000},
			send: frames(zip(binaryFrame("\x00\xe8\x03\x17\xfc"+strings.Repeat("a", 1000)+"\x00")), end), code: 1000, got: []string{strings.Repeat("a", 1000)}},

		// RFC 7692, 6: "An endpoint MUST NOT set the 'Per-Message Compressed'
		// bit of control frames and non-first fragments of a data message."
		{name: "RSV1 on a ping", send: frames(zip(pingFrame("a"))), code: 1002, token: "frame_rsv_control", decides: 1},
		{name: "RSV1 on a close", send: frames(zip(closeFrame(1000, ""))), code: 1002, token: "frame_rsv_control", decides: 1},
		{name: "RSV1 on a continuation", send: frames(zip(textStart(hello[:2])), zip(lastFrame(hello[2:]))), code: 1002, token: "frame_rsv_continuation", decides: 1},
		{name: "RSV1 on a continuation of a plain message", send: frames(textStart("a"), zip(lastFrame(hello))), code: 1002, token: "frame_rsv_continuation", decides: 1},
		{name: "RSV1 and RSV2", send: frames(withRSV(6, textFrame(hello))), code: 1002, token: "frame_rsv_unexpected", decides: 1},
		{name: "RSV1 and RSV3", send: frames(withRSV(5, textFrame(hello))), code: 1002, token: "frame_rsv_unexpected", decides: 1},

		// Limits, which hold for what comes out.
		{name: "a bomb", cfg: pushwire.Config{MaxMessage: 100_000}, send: frames(zip(binaryFrame(bomb))), code: 1009, token: "message_inflated_too_big"},
		{name: "a bomb in fragments", cfg: pushwire.Config{MaxMessage: 100_000},
			send: frames(zip(binaryStart(bomb[:cut])), moreFrame(bomb[cut:2*cut]), lastFrame(bomb[2*cut:])), code: 1009, token: "message_inflated_too_big"},
		{name: "a bomb in a later message", cfg: pushwire.Config{MaxMessage: 100_000},
			send: frames(zip(textFrame(hello)), zip(binaryFrame(packed(zeros, "Hello")))), code: 1009, token: "message_inflated_too_big", got: []string{"Hello"}},
		{name: "one byte too many", cfg: pushwire.Config{MaxMessage: 1000}, send: frames(packedText(strings.Repeat("a", 1001))), code: 1009, token: "message_inflated_too_big"},
		{name: "nothing but flushes", cfg: pushwire.Config{MaxMessage: 1000},
			send: frames(zip(withDeclared(70_000, binaryFrame("\x00")))), code: 1009, token: "message_too_big"},
		{name: "too many fragments", cfg: pushwire.Config{MaxFragments: 3},
			send: frames(zip(textStart("")), moreFrame(""), moreFrame(""), moreFrame("")), code: 1009, token: "message_too_many_fragments"},
	}
	// Corrupt data: 1007, "inconsistent with the type of the message".
	for _, k := range []struct{ name, payload string }{
		{"a block of the reserved type", "\x07"},
		{"a stored length that its complement does not fit", "\x00\x05\x00\x00\x00Hello\x00"},
		{"a block that ends too early", hello[:4]},
		{"a stored block that ends too early", "\x00\x05\x00\xfa\xffHe"},
		{"a distance beyond all that was", "\xf2\x00\x11\x00\x00"},
		{"code lengths that fit together in no way", "\x04\xff\xff\xff\xff\xff\xff\xff"},
		{"bytes behind the end", hello + "\xff"},
		{"noise", string(noise(200))},
	} {
		rows = append(rows, frameRow{name: "compressed: " + k.name, send: frames(zip(binaryFrame(k.payload))), code: 1007, token: "message_inflate_corrupt"},
			frameRow{name: "compressed later: " + k.name, cfg: pushwire.Config{Deflate: &pushwire.Deflate{ServerNoContext: true, ClientNoContext: true}},
				send: frames(zip(textFrame(hello)), zip(textStart(k.payload)), lastFrame("")), code: 1007, token: "message_inflate_corrupt", got: []string{"Hello"}})
	}
	// RFC 6455, 8.1, as it streams: the text need not be whole.
	for _, k := range []struct {
		name string
		f    []testpeer.Frame
	}{
		{"one byte", frames(packedText("\xff"))},
		{"cut at the end", frames(packedText("a\xe2\x82"))},
		{"in the first of many bytes", frames(zip(textStart(packed("\xff"+strings.Repeat("a", 1000), ""))))},
		{"in a fragment that does not end the message", frames(zip(textStart("\x00\x03\x00\xfc\xffa\xc0\x80")))},
	} {
		rows = append(rows, frameRow{name: "compressed text that is not UTF-8, " + k.name, send: k.f, code: 1007, token: "message_inflated_not_utf8"})
	}
	for i := range rows {
		if rows[i].cfg.Deflate == nil {
			rows[i].cfg.Deflate = &pushwire.Deflate{}
		}
	}
	return rows
}

// negotiate is what a hostile peer sends in its handshake so that cfg gets what
// it wants.
func negotiate(cfg *pushwire.Config, role frame.Role) []string {
	if cfg.Deflate == nil {
		return nil
	}
	line := "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
	if role == frame.Client { // the victim's; an answer
		line = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12"
		if cfg.Deflate.ServerNoContext {
			line += "; server_no_context_takeover"
		}
	}
	return []string{line}
}

// A bomb costs no more than the limit and 64 KiB: in one piece, in many, behind
// other messages, on both ends and however it is read.
func TestBombCostsTheLimitAndNoMore(t *testing.T) {
	if raceOn {
		t.Log("the race detector makes pools forget: allocations are not counted")
		return
	}
	const limit = 1 << 20
	bomb := packed(strings.Repeat("\x00", 64<<20), "")
	for _, role := range bothRoles {
		for name, read := range map[string]func(c *pushwire.Conn) error{
			"Read":       func(c *pushwire.Conn) error { _, _, err := c.Read(context.Background()); return err },
			"ReadAppend": func(c *pushwire.Conn) error { _, _, err := c.ReadAppend(context.Background(), nil); return err },
			"Messages": func(c *pushwire.Conn) error {
				for _, err := range c.Messages(context.Background()) {
					return err
				}
				return nil
			},
			"Reader": func(c *pushwire.Conn) error {
				_, r, err := c.Reader(context.Background())
				if err == nil {
					_, err = io.Copy(io.Discard, r)
				}
				return err
			},
		} {
			t.Run(fmt.Sprintf("%v/%s", role, name), func(t *testing.T) {
				attack := func() int64 {
					client, server := netPair(t, tcp)
					ours, theirs, part := server, client, testpeer.Client
					if role == frame.Client {
						ours, theirs, part = client, server, testpeer.Server
					}
					c := pushwire.NewConn(ours, role, &pushwire.Config{MaxMessage: limit, Deflate: &pushwire.Deflate{}})
					defer c.CloseNow()
					p := testpeer.New(t, theirs, part)
					f := testpeer.Frame{Fin: true, RSV: rsv1, Opcode: 2, Mask: role == frame.Server, Payload: []byte(packed("hello", ""))}
					b := f.Append(nil)
					f.Payload = []byte(bomb)
					b = f.Append(b)
					go p.WriteRaw(b)
					if err := read(c); err != nil {
						t.Fatal(err)
					}
					var err error
					n := allocated(func() { err = read(c) })
					var fe *frame.Error
					if pushwire.CodeOf(err) != 1009 || !errors.As(err, &fe) || !strings.Contains(err.Error(), "raise Config.MaxMessage (1048576 bytes)") {
						t.Fatalf("the bomb gave %v", err)
					}
					if _, _, again := c.Read(t.Context()); !errors.Is(again, c.Err()) || pushwire.CodeOf(again) != 1009 {
						t.Errorf("afterwards: %v", again)
					}
					return n
				}
				if n := attack(); n > limit+64<<10 {
					t.Errorf("%d bytes were allocated, %d more than the limit", n, n-limit)
				}
			})
		}
	}
}
