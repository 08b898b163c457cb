package pushwire_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// A frameRow is a conversation of which the peer's part is given. It ends
// with a close frame of the end under test.
type frameRow struct {
	name      string
	send      []testpeer.Frame // masked by the runner, as the peer's role demands
	wrongMask bool             // the last of them has the other role's masking
	raw       []byte           // sent behind them as it is
	cfg       pushwire.Config

	code  int      // of the close frame that must come back; 1005: an empty one
	token string   // of the breach that the application is told; "" for a clean end
	got   []string // messages that the application must get before
	pong  string   // payload of the last pong before the close frame

	// decides is the byte of the last frame, from 1 on, that must bring the
	// close frame: not one byte later, not one earlier. untilEnd is the last
	// of all that is sent, 0 leaves it open.
	decides int
}

const untilEnd = -1

// maskToken stands for the token that fits the role.
const maskToken = "the role's"

// bytes returns what goes on the wire when the peer sends to role, and how
// many bytes of it bring the close frame (0: open).
func (r *frameRow) bytes(role frame.Role) (b []byte, at int) {
	for i, f := range r.send {
		f.Mask = role == frame.Server
		if i == len(r.send)-1 {
			f.Mask = f.Mask != r.wrongMask
			at = len(b) + r.decides
		}
		b = f.Append(b)
	}
	b = append(b, r.raw...)
	switch r.decides {
	case 0:
		at = 0
	case untilEnd:
		at = len(b)
	}
	return b, at
}

// check holds the answer and the application's view against the row.
func (r *frameRow) check(t *testing.T, role frame.Role, p *testpeer.Peer, got <-chan seen) {
	t.Helper()
	pong := ""
	f := p.ReadFrame()
	for ; f.Opcode == 10; f = p.ReadFrame() {
		pong = string(f.Payload)
	}
	if f.Opcode != 8 {
		t.Fatalf("wanted a close frame, got %v", f)
	}
	code, reason := 1005, ""
	if len(f.Payload) >= 2 {
		code, reason = int(f.Payload[0])<<8|int(f.Payload[1]), string(f.Payload[2:])
	}
	if code != r.code {
		t.Fatalf("the close frame has %d %q, want %d", code, reason, r.code)
	}
	if r.pong != "" && pong != r.pong {
		t.Errorf("the last pong has %q, want %q", pong, r.pong)
	}
	clean := r.token == ""
	if role == frame.Server || !clean {
		// A reset could have overtaken the close frame: bytes of ours that lie
		// unread in the other end's socket when it closes make one.
		if n, err := p.NetConn().Read(make([]byte, 1)); n > 0 || err != io.EOF {
			t.Errorf("behind the close frame came %d bytes and %v, want the plain end", n, err)
		}
		p.WantEOF("nothing follows a close frame")
	}
	ce := wait(t, got).wantEnd(t, frame.Code(r.code), r.got)
	if ce.Sent == nil || ce.Sent.Code != frame.Code(r.code) {
		t.Errorf("CloseError.Sent is %v", ce.Sent)
	}
	if clean {
		if ce.Err != nil || !ce.Remote || ce.Received == nil {
			t.Errorf("no clean end: %v", ce)
		}
		return
	}
	token := r.token
	if token == maskToken {
		token = map[frame.Role]string{frame.Server: "frame_mask_missing", frame.Client: "frame_mask_unexpected"}[role]
	}
	var fe *frame.Error
	if !errors.As(ce, &fe) || fe.Token != token {
		t.Errorf("the application was told %v, want a frame.Error with token %s", ce, token)
	}
	if reason == "" || ce.Remote || ce.Received != nil {
		t.Errorf("the close frame's reason is %q, the CloseError %+v", reason, ce)
	}
}

func TestHostileFramesGetTheRightCloseOnEveryPath(t *testing.T) {
	for _, v := range victims {
		t.Run(v.name, func(t *testing.T) {
			for i, r := range frameRows() {
				if v.sample && i%4 != 0 {
					continue
				}
				t.Run(r.name, func(t *testing.T) {
					p, got := v.open(t, &r.cfg)
					b, _ := r.bytes(v.role)
					p.WriteRaw(b) // an error would be the answer coming early
					r.check(t, v.role, p, got)
				})
			}
		})
	}
}

// The same, each byte alone. After each the end under test is given all the
// time that it wants, so that the byte which brings the close frame is known.
func TestHostileFramesByteByByteEndOnTheByteThatDecides(t *testing.T) {
	for _, role := range bothRoles {
		for _, r := range frameRows() {
			t.Run(fmt.Sprintf("%v/%s", role, r.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p, nc, got := memVictim(t, role, &r.cfg)
					b, at := r.bytes(role)
					sendSlowly(p, b, func(n int) {
						if at == 0 {
							return
						}
						if answered := nc.Buffered() > 0; answered != (n >= at) {
							t.Fatalf("after %d bytes: answered %v; byte %d of %d decides", n, answered, at, len(b))
						}
					})
					r.check(t, role, p, got)
				})
			})
		}
	}
}

// sendSlowly sends byte by byte and calls each after every one; the middle of
// something long goes in one piece.
func sendSlowly(p *testpeer.Peer, b []byte, each func(n int)) {
	const edge = 600 // more than a header and a control frame, and than one small read
	for i := 0; i < len(b); {
		n := 1
		if i == edge && len(b) > 3*edge {
			n = len(b) - 2*edge
		}
		p.WriteRaw(b[i : i+n])
		i += n
		synctest.Wait()
		each(i)
	}
}

// Every way to cut the bytes of a conversation in two gives the same result,
// headers with both extended lengths included.
func TestFramesSplitAtEveryByteAreTheSame(t *testing.T) {
	medium := all65536[:300]
	for _, r := range []frameRow{
		{name: "lengths in 7 and 16 bits", code: 1000, got: []string{"κόσμε", medium + "é"}, send: frames(
			textFrame("κόσμε"), pingFrame("p"), textStart(medium), pingFrame(""), lastFrame("é"), closeFrame(1000, "bye"))},
		{name: "a length in 64 bits", code: 1000, got: []string{all65536}, send: frames(textFrame(all65536), closeFrame(1000, ""))},
	} {
		for _, role := range bothRoles {
			t.Run(fmt.Sprintf("%s/%v", r.name, role), func(t *testing.T) {
				b, _ := r.bytes(role)
				for at := range b {
					if at > 350 && at < len(b)-20 && at%16411 != 0 {
						continue // the inside of the long payload, by samples
					}
					synctest.Test(t, func(t *testing.T) {
						p, _, got := memVictim(t, role, &r.cfg)
						p.WriteRaw(b[:at])
						synctest.Wait()
						p.WriteRaw(b[at:])
						r.check(t, role, p, got)
					})
					if t.Failed() {
						t.Fatalf("split before byte %d of %d", at, len(b))
					}
				}
			})
		}
	}
}

// frameRows is the table of frames.
func frameRows() []frameRow {
	var rows []frameRow
	for _, part := range [][]frameRow{
		validRows(), rsvRows(), opcodeRows(), maskRows(), lengthRows(), controlRows(),
		sequenceRows(), closeRows(), textRows(), limitRows(), afterCloseRows(), deflateRows(),
	} {
		rows = append(rows, part...)
	}
	return rows
}
