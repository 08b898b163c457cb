package pushwire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// memoryMax is what a hostile peer may cost above what it delivered, in bytes.
const memoryMax = 1 << 20

// allocated returns how many bytes f allocates, by whichever goroutine: more
// than it ever holds at a time.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// live returns the bytes of the heap that are in use.
func live() int64 {
	runtime.GC()
	runtime.GC() // what the first one found in pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Every row of the table of frames, from the first byte to the end of the
// connection, allocates less than memoryMax above what it delivers, the test's
// own buffers included.
func TestHostileFramesCostBoundedMemory(t *testing.T) {
	for _, role := range bothRoles {
		most := int64(0)
		for _, r := range frameRows() {
			b, _ := r.bytes(role)
			n := allocated(func() {
				p, nc, got := memVictim(t, role, &r.cfg)
				p.WriteRaw(b)
				for f := p.ReadFrame(); f.Opcode != 8; f = p.ReadFrame() {
				}
				s := wait(t, got)
				nc.Close()
				if code := pushwire.CodeOf(s.err); code != frame.Code(r.code) {
					t.Errorf("%v/%s: %v, want %d", role, r.name, s.err, r.code)
				}
			})
			for _, m := range r.got {
				n -= int64(len(m))
			}
			most = max(most, n)
			if n > memoryMax {
				t.Errorf("%v/%s: %d bytes above what was delivered", role, r.name, n)
			}
		}
		t.Logf("%v: at most %d bytes above what was delivered", role, most)
	}
}

// The same for the table of handshakes, endless heads as a whole.
func TestHostileHandshakesCostBoundedMemory(t *testing.T) {
	most := int64(0)
	for _, r := range handshakeRows() {
		if r.secure {
			continue
		}
		b := r.bytes()
		o := policies[r.policy]
		n := allocated(func() {
			client, server := netPair(t, tcp)
			done := make(chan struct{})
			go func() {
				defer close(done)
				if c, _, err := pushwire.AcceptConn(context.Background(), server, &o); err == nil {
					echo(context.Background(), c)
				}
			}()
			p := testpeer.New(t, client, testpeer.Client)
			p.WriteRaw(b)
			p.WantStatus(r.name, r.status)
			p.Close()
			<-done
		})
		most = max(most, n)
		if n > memoryMax {
			t.Errorf("%s: %d bytes", r.name, n)
		}
	}
	t.Logf("at most %d bytes", most)
}

// Floods: a million of what costs the peer next to nothing. While it lasts the
// heap stays where it was, and what follows is still understood.
func TestMillionsOfSmallFramesCostBoundedMemory(t *testing.T) {
	million := 1_000_000
	if raceOn {
		million = 100_000 // the detector makes each ten times as slow, and counts no bytes
	}
	for _, k := range []struct {
		name  string
		first []testpeer.Frame
		f     testpeer.Frame // a million times
		last  []testpeer.Frame
		cfg   pushwire.Config
		code  int
		got   []string
		pong  string
	}{
		{name: "empty fragments", first: frames(textStart("")), f: moreFrame(""), code: 1009},
		{name: "empty fragments, no limit", cfg: pushwire.Config{MaxFragments: -1}, first: frames(textStart("a")), f: moreFrame(""),
			last: frames(lastFrame("b"), closeFrame(1000, "")), code: 1000, got: []string{"ab"}},
		{name: "pings", f: pingFrame("ping"), last: frames(pingFrame("the last"), closeFrame(1000, "")), code: 1000, pong: "the last"},
		{name: "empty pings inside a message", first: frames(textStart("a")), f: pingFrame(""),
			last: frames(lastFrame("b"), pingFrame("the last"), closeFrame(1000, "")), code: 1000, got: []string{"ab"}, pong: "the last"},
		{name: "pongs that nobody asked for", f: pongFrame("pong"), last: frames(textFrame("a"), closeFrame(1000, "")), code: 1000, got: []string{"a"}},
	} {
		for _, m := range []mode{tcp, mem} {
			if m == mem && k.pong == "" {
				continue // how they are read is the same; how pongs are written is not
			}
			for _, role := range bothRoles {
				unread := m == tcp && k.pong != "" // megabytes of pongs lie in the sockets
				if unread && role == frame.Client {
					continue // it masks them, so that they can't be compared in bulk
				}
				t.Run(fmt.Sprintf("%s/%s/%v", k.name, m, role), func(t *testing.T) {
					p, got := newConnVictim(m, role)(t, &k.cfg)
					r := frameRow{send: k.first, cfg: k.cfg, code: k.code, got: k.got, pong: k.pong}
					if k.code != 1000 {
						r.token = "message_too_many_fragments"
					}
					first, _ := r.bytes(role)
					k.f.Mask = role == frame.Server
					var chunk []byte
					const each = 2000
					for range each {
						chunk = k.f.Append(chunk)
					}
					p.WriteRaw(first)
					before := live()
					for i := 0; i < million; i += each {
						if p.WriteRaw(chunk) != nil {
							break // the answer came early
						}
						if i%(million/5) == million/10 {
							if n := live() - before; n > memoryMax {
								t.Fatalf("after %d of them the heap has grown by %d bytes", i, n)
							}
						}
					}
					if n := live() - before; n > memoryMax {
						t.Fatalf("after all of them the heap has grown by %d bytes", n)
					}
					r.send = k.last
					last, _ := r.bytes(role)
					p.WriteRaw(last)
					if !unread {
						r.check(t, role, p, got)
						return
					}
					want := controlFrame(10, k.pong).Append(nil)
					want = closeFrame(1000, "").Append(want)
					p.NetConn().SetReadDeadline(time.Now().Add(testpeer.Timeout))
					b, err := io.ReadAll(p.NetConn())
					if err != nil || !bytes.HasSuffix(b, want) {
						t.Errorf("%d bytes came and %v, the last of them %q, want %q", len(b), err, b[max(0, len(b)-len(want)):], want)
					}
					wait(t, got).wantEnd(t, 1000, k.got)
				})
			}
		}
	}
}

// A header that declares all there can be, with no limit in its way, reserves
// nothing: memory follows the bytes that come.
func TestDeclaredLengthsReserveNoMemory(t *testing.T) {
	for _, role := range bothRoles {
		for _, declared := range []uint64{1 << 31, 1<<32 + 5, 1 << 40, math.MaxInt64} {
			for _, sent := range []int{0, 1, 100_000} {
				t.Run(fmt.Sprintf("%v/%d of %d", role, sent, declared), func(t *testing.T) {
					p, nc, got := memVictim(t, role, &noLimits)
					r := frameRow{send: frames(withDeclared(declared, binaryFrame(string(noise(sent)))))}
					b, _ := r.bytes(role)
					n := allocated(func() {
						p.WriteRaw(b)
						nc.CloseWrite()
						p.WantEOF("the message never came")
					})
					if n > memoryMax+int64(sent) {
						t.Errorf("%d bytes were allocated", n)
					}
					wait(t, got).wantEnd(t, frame.CodeAbnormal, nil)
				})
			}
		}
	}
}

// A peer that answers our close frame with messages, and more messages, is
// listened to for CloseTimeout, and what Close keeps of them is bounded.
func TestMessagesInsteadOfACloseFrameCostBoundedMemory(t *testing.T) {
	a, b := memconn.Pipe()
	p := testpeer.New(t, a, testpeer.Client)
	c := pushwire.NewConn(b, frame.Server, &pushwire.Config{CloseTimeout: time.Minute})
	done := make(chan error, 1)
	go func() { done <- c.Close(1000, "") }()
	p.WantClose("the closing handshake begins", 1000)
	f := binaryFrame(string(noise(10_000)))
	f.Mask = true
	chunk := f.Append(nil)
	before := live()
	for range 3000 { // 30 MB
		p.WriteRaw(chunk)
	}
	if n := live() - before; n > memoryMax {
		t.Errorf("the heap has grown by %d bytes", n)
	}
	p.SendClose(1000, "")
	if err := <-done; err != nil {
		t.Errorf("Close: %v", err)
	}
	kept := 0
	for {
		_, m, err := c.Read(context.Background())
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
			break
		}
		kept += len(m)
	}
	if kept == 0 || kept > 64<<10 {
		t.Errorf("%d bytes of messages were kept for later calls of Read, want some and at most 64 KiB", kept)
	}
}

// While nobody reads, nothing is read: the peer is stopped by the transport.
func TestFloodThatNobodyReadsCostsNothing(t *testing.T) {
	for _, role := range bothRoles {
		a, b := memconn.Pipe()
		c := pushwire.NewConn(b, role, nil)
		f := textFrame(all125)
		f.Mask = role == frame.Server
		var chunk []byte
		for range 2000 {
			chunk = f.Append(chunk)
		}
		before := live()
		a.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		n, err := a.Write(chunk)
		if err == nil || n > memconn.DefaultSize {
			t.Errorf("%v: %d bytes were taken, %v", role, n, err)
		}
		if n := live() - before; n > memoryMax {
			t.Errorf("%v: the heap has grown by %d bytes", role, n)
		}
		c.CloseNow()
		a.Close()
	}
}
