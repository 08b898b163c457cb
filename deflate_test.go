package pushwire_test

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// waitShort is long enough for a call to begin to wait.
const waitShort = 10 * time.Millisecond

// rsv1 is the bit of compressed messages as testpeer counts it.
const rsv1 = 4

// packed returns p as compress/flate compresses it behind history, without the
// tail.
func packed(p, history string) string {
	var b bytes.Buffer
	w, err := flate.NewWriterDict(&b, flate.BestCompression, []byte(history))
	if err != nil {
		panic(err)
	}
	io.WriteString(w, p)
	w.Flush()
	return strings.TrimSuffix(b.String(), deflate.Tail)
}

// inflated undoes that.
func inflated(p []byte, history string) (string, error) {
	r := flate.NewReaderDict(io.MultiReader(bytes.NewReader(p), strings.NewReader(deflate.Tail+"\x01\x00\x00\xff\xff")), []byte(history))
	b, err := io.ReadAll(r)
	return string(b), err
}

// unpacked is inflated for what has to be right.
func unpacked(t *testing.T, p []byte, history string) string {
	t.Helper()
	m, err := inflated(p, history)
	if err != nil {
		t.Fatalf("compress/flate does not take %x: %v", p, err)
	}
	return m
}

// deflatePeer returns our server with its options, and a peer that has done no
// handshake because none is needed.
func deflatePeer(t *testing.T, d *pushwire.Deflate) (*pushwire.Conn, *testpeer.Peer) {
	t.Helper()
	client, server := netPair(t, tcp)
	c := pushwire.NewConn(server, frame.Server, &pushwire.Config{Deflate: d})
	t.Cleanup(func() { c.CloseNow() })
	p := testpeer.New(t, client, testpeer.Client)
	p.AllowRSV = rsv1
	return c, p
}

// text is worth compressing; each n gives another one.
func text(n int) string {
	return fmt.Sprintf(`{"type":"order","id":%d,"items":[%s]}`, n, strings.Repeat(fmt.Sprintf(`{"sku":"A-%d","price":12.50},`, n*7), 30))
}

// What is written as one message goes out as one frame (RFC 7692, 6.1), with
// RSV1 where it was compressed: Safari takes no other.
func TestDeflatedMessageIsOneFrame(t *testing.T) {
	c, peer := deflatePeer(t, &pushwire.Deflate{})
	history := ""
	long := strings.Repeat(text(1)+string(noise(300)), 500) // above what one flush takes
	for i, m := range []string{text(1), text(2), text(1), long, text(3), strings.Repeat("z", 1<<20), text(4)} {
		if err := c.Write(t.Context(), frame.Binary, []byte(m[:100]), nil, []byte(m[100:])); err != nil {
			t.Fatal(err)
		}
		f := peer.ReadFrame()
		if !f.Fin || f.Opcode != 2 || f.RSV != rsv1 {
			t.Fatalf("message %d: %v", i, f)
		}
		if got := unpacked(t, f.Payload, history); got != m {
			t.Fatalf("message %d is another one after inflating", i)
		}
		history += m
		history = history[max(0, len(history)-4096):]
	}
}

func TestDeflateLeavesPlainWhatIsNotWorthIt(t *testing.T) {
	for _, row := range []struct {
		name string
		d    pushwire.Deflate
		m    string
		rsv  byte
	}{
		{"below the threshold", pushwire.Deflate{}, strings.Repeat("x", 511), 0},
		{"at the threshold", pushwire.Deflate{}, strings.Repeat("x", 512), rsv1},
		{"below a threshold of one's own", pushwire.Deflate{Threshold: 2000}, strings.Repeat("x", 1999), 0},
		{"no threshold", pushwire.Deflate{Threshold: -1}, "aaaaaaaaaa", rsv1},
		{"empty", pushwire.Deflate{Threshold: -1}, "", 0}, // one byte would become of none
		{"noise", pushwire.Deflate{}, string(noise(5000)), 0},
		{"much noise", pushwire.Deflate{}, string(noise(500_000)), 0},
	} {
		for _, noContext := range []bool{false, true} {
			row.d.ServerNoContext = noContext
			t.Run(fmt.Sprintf("%s/%v", row.name, noContext), func(t *testing.T) {
				c, peer := deflatePeer(t, &row.d)
				history := ""
				for range 2 { // what went out plain is no part of the window (RFC 7692, 7.2.1)
					c.Write(t.Context(), frame.Binary, []byte(row.m))
					f := peer.ReadFrame()
					got := string(f.Payload)
					if f.RSV == rsv1 {
						got = unpacked(t, f.Payload, history)
						if !noContext {
							history += row.m
						}
					}
					if f.RSV != row.rsv || got != row.m {
						t.Fatalf("got %v", f)
					}
				}
			})
		}
	}
}

// A Writer's fragments are compressed as they are flushed, with RSV1 on the
// first one only, and their payloads together are one compressed message.
func TestDeflatedWriterSetsRSV1OnTheFirstFragmentOnly(t *testing.T) {
	for _, noContext := range []bool{false, true} {
		t.Run(fmt.Sprint(noContext), func(t *testing.T) {
			c, peer := deflatePeer(t, &pushwire.Deflate{ServerNoContext: noContext})
			history := ""
			for range 3 {
				w, err := c.Writer(t.Context(), frame.Text)
				if err != nil {
					t.Fatal(err)
				}
				want, payload := "", []byte(nil)
				for i := range 5 {
					io.WriteString(w, text(i))
					w.(interface{ Flush() error }).Flush()
					want += text(i)
					f := peer.ReadFrame()
					if f.Fin || (f.RSV == rsv1) != (i == 0) || (f.Opcode == 1) != (i == 0) {
						t.Fatalf("fragment %d: %v", i, f)
					}
					payload = append(payload, f.Payload...)
					// What is flushed can be read at once.
					if got := unpacked(t, bytes.TrimSuffix(payload, []byte(deflate.Tail)), history); got != want {
						t.Fatalf("after fragment %d %d bytes can be read, want %d", i, len(got), len(want))
					}
				}
				w.Close()
				f := peer.ReadFrame()
				payload = append(payload, f.Payload...)
				if !f.Fin || f.RSV != 0 || unpacked(t, payload, history) != want {
					t.Fatalf("last fragment: %v", f)
				}
				if !noContext {
					history = (history + want)[max(0, len(history+want)-4096):]
				}
			}
		})
	}
}

// The examples of RFC 7692, 7.2.3, as a peer sends them.
func TestDeflateReadsTheExamplesOfTheRFC(t *testing.T) {
	hello := []byte{0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}
	for _, row := range []struct {
		name   string
		frames []testpeer.Frame
		want   []string
	}{
		{"7.2.3.1, a block with a fixed code", []testpeer.Frame{{Fin: true, RSV: rsv1, Opcode: 1, Payload: hello}}, []string{"Hello"}},
		{"7.2.3.1, in two fragments", []testpeer.Frame{
			{RSV: rsv1, Opcode: 1, Payload: hello[:3]},
			{Fin: true, Opcode: 9, Payload: []byte("between")},
			{Fin: true, Opcode: 0, Payload: hello[3:]},
		}, []string{"Hello"}},
		{"7.2.3.2, a shared window", []testpeer.Frame{
			{Fin: true, RSV: rsv1, Opcode: 1, Payload: hello},
			{Fin: true, RSV: rsv1, Opcode: 1, Payload: []byte{0xf2, 0x00, 0x11, 0x00, 0x00}},
		}, []string{"Hello", "Hello"}},
		{"7.2.3.3, a stored block", []testpeer.Frame{
			{Fin: true, RSV: rsv1, Opcode: 1, Payload: []byte("\x00\x05\x00\xfa\xffHello\x00")},
		}, []string{"Hello"}},
		{"7.2.3.4, a final block", []testpeer.Frame{
			{Fin: true, RSV: rsv1, Opcode: 1, Payload: []byte{0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00}},
			{Fin: true, RSV: rsv1, Opcode: 1, Payload: []byte{0xf2, 0x00, 0x11, 0x00, 0x00}},
		}, []string{"Hello", "Hello"}},
		{"7.2.3.5, two blocks", []testpeer.Frame{
			{Fin: true, RSV: rsv1, Opcode: 1, Payload: []byte{0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00}},
		}, []string{"Hello"}},
		{"7.2.3.6, an empty message", []testpeer.Frame{{Fin: true, RSV: rsv1, Opcode: 1, Payload: []byte{0}}}, []string{""}},
		{"plain between compressed", []testpeer.Frame{
			{Fin: true, RSV: rsv1, Opcode: 1, Payload: hello},
			{Fin: true, Opcode: 1, Payload: []byte("plain")},
			{Fin: true, RSV: rsv1, Opcode: 1, Payload: []byte{0xf2, 0x00, 0x11, 0x00, 0x00}},
		}, []string{"Hello", "plain", "Hello"}},
	} {
		var b []byte
		for _, f := range row.frames {
			f.Mask = true
			b = f.Append(b)
		}
		for _, chop := range []int{len(b), 1} {
			t.Run(fmt.Sprintf("%s/%d", row.name, chop), func(t *testing.T) {
				c, peer := deflatePeer(t, &pushwire.Deflate{})
				go peer.WriteChopped(b, chop)
				for _, want := range row.want {
					if _, got, err := c.Read(t.Context()); err != nil || string(got) != want {
						t.Fatalf("got %q, %v, want %q", got, err, want)
					}
				}
			})
		}
	}
}

// Writes whose contexts end while the peer reads nothing are not sent, or are
// sent as a whole: what comes after them can be read in both cases.
func TestDeflateContextSurvivesWritesThatWereCancelled(t *testing.T) {
	run(t, []mode{mem, tcp}, &pushwire.Config{Deflate: &pushwire.Deflate{ClientBits: 15}}, &pushwire.Config{Deflate: &pushwire.Deflate{ClientBits: 15}}, func(t *testing.T, p pair) {
		for round := range 5 {
			// Fill the transport until a write waits.
			m := func(n int) []byte { return []byte(fmt.Sprintf("%d/%d:", round, n) + text(n) + string(noise(3000+n))) }
			sent := 0
			for ; ; sent++ {
				ctx, cancel := context.WithTimeout(t.Context(), waitShort)
				err := p.client.Write(ctx, frame.Binary, m(sent))
				cancel()
				if err != nil {
					break
				}
			}
			accepted := 0
			for range 3 { // too long to join what waits already
				ctx, cancel := context.WithTimeout(t.Context(), waitShort)
				if err := p.client.Write(ctx, frame.Binary, []byte("never "), noise(20_000)); err == nil {
					accepted++ // the kernel has found more room
				} else if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("a write to a peer that reads nothing: %v", err)
				}
				cancel()
			}
			last := make(chan error, 1)
			go func() { last <- p.client.Write(t.Context(), frame.Binary, []byte("last "+text(0))) }()
			next := 0
			for {
				_, got, err := p.server.Read(t.Context())
				if err != nil {
					t.Fatalf("round %d after %d of %d messages: %v", round, next, sent, err)
				}
				if strings.HasPrefix(string(got), "last ") {
					break
				}
				if bytes.HasPrefix(got, []byte("never ")) && bytes.Equal(got[6:], noise(20_000)) {
					accepted-- // more can come than Write has told: it was begun
					continue
				}
				if !bytes.Equal(got, m(next)) {
					t.Fatalf("round %d: message %d is another one", round, next)
				}
				next++
			}
			if err := <-last; err != nil || next < sent || accepted > 0 {
				t.Fatalf("%d of %d messages came, %d that were accepted late did not, %v", next, sent, accepted, err)
			}
		}
	})
}

// A message that was compressed and then not sent is no part of the peer's
// window; one whose first byte was sent is.
func TestDeflateWindowHoldsWhatWasBegunOnly(t *testing.T) {
	const room = 2000
	for _, free := range []int{0, 1, 10} {
		synctest.Test(t, func(t *testing.T) {
			a, b := memconn.PipeSize(room)
			c := pushwire.NewConn(a, frame.Server, &pushwire.Config{Ping: -1, Deflate: &pushwire.Deflate{Threshold: room}})
			defer c.CloseNow()
			peer := testpeer.New(t, b, testpeer.Client)
			peer.AllowRSV = rsv1
			if err := c.Write(t.Context(), frame.Binary, noise(room-4-free)); err != nil { // the frame's header has 4
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			cut, next := strings.Repeat(text(1), 5), strings.Repeat(text(1)+"?", 5)
			if err := c.Write(ctx, frame.Text, []byte(cut)); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("the pipe is full, and Write returned %v", err)
			}
			peer.ReadFrame()
			history := ""
			if free > 0 {
				if got := unpacked(t, peer.ReadFrame().Payload, ""); got != cut {
					t.Fatalf("%d bytes came of the message that was begun", len(got))
				}
				history = cut
			}
			if err := c.Write(t.Context(), frame.Text, []byte(next)); err != nil {
				t.Fatal(err)
			}
			if f := peer.ReadFrame(); f.RSV != rsv1 || unpacked(t, f.Payload, history) != next {
				t.Errorf("%d bytes free: %v", free, f)
			}
		})
	}
}

func TestDeflateWithoutALimitTakesLongMessages(t *testing.T) {
	client, server := pushwire.Pipe(&pushwire.Config{MaxMessage: -1, Deflate: &pushwire.Deflate{}})
	defer client.CloseNow()
	defer server.CloseNow()
	want := make([]byte, 3<<20)
	copy(want[1<<20:], noise(2<<20)) // more than the default on the wire as well
	go client.Write(t.Context(), frame.Binary, want)
	if _, got, err := server.Read(t.Context()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A Reader takes over where a Read was interrupted, in a compressed message
// too.
func TestReaderGoesOnInACompressedMessageThatReadBegan(t *testing.T) {
	c, peer := deflatePeer(t, &pushwire.Deflate{})
	want := strings.Repeat(text(1)+string(noise(1000)), 100)
	f := testpeer.Frame{Fin: true, RSV: rsv1, Opcode: 2, Mask: true, Payload: []byte(packed(want, ""))}
	b := f.Append(nil)
	third := len(b) / 3
	var got []byte
	for i, part := range [][]byte{b[:third], b[third : 2*third]} {
		peer.WriteRaw(part)
		ctx, cancel := context.WithTimeout(t.Context(), waitShort)
		if _, _, err := c.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("part %d: %v", i, err)
		}
		cancel()
	}
	peer.WriteRaw(b[2*third:])
	_, r, err := c.Reader(t.Context())
	if err == nil {
		got, err = io.ReadAll(r)
	}
	if err != nil || string(got) != want {
		t.Fatalf("%v; %s", err, cmp.Diff(len(want), len(got)))
	}
}

// Broadcast and Prepared: one encoding for all with the same parameters.
func TestPreparedReachesConnsOfEveryKind(t *testing.T) {
	var g pushwire.Group
	var clients []*pushwire.Conn
	for _, d := range []*pushwire.Deflate{nil, {}, {}, {ServerNoContext: true}, {ServerBits: 9}, {Level: 6}, {Threshold: 1 << 20}} {
		client, server := pushwire.Pipe(&pushwire.Config{Deflate: d})
		defer client.CloseNow()
		defer server.CloseNow()
		if err := g.Add(server); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, client)
	}
	for n := range 20 {
		want := text(n % 3)
		switch n % 4 {
		case 3: // between them messages of each connection's own
			for c := range g.All() {
				if err := c.Write(t.Context(), frame.Text, []byte(want)); err != nil {
					t.Fatal(err)
				}
			}
		default:
			if sent, dropped := g.Broadcast(pushwire.Prepare(frame.Text, []byte(want))); sent != len(clients) || dropped != 0 {
				t.Fatalf("sent to %d, dropped %d", sent, dropped)
			}
		}
		for i, c := range clients {
			if _, got, err := c.Read(t.Context()); err != nil || string(got) != want {
				t.Fatalf("message %d, connection %d: %d bytes, %v", n, i, len(got), err)
			}
		}
	}
	plain := clients[0].Stats().BytesRead
	for i, c := range clients[1:6] {
		if n := c.Stats().BytesRead; n > plain/2 {
			t.Errorf("connection %d has read %d bytes, the plain one %d", i+1, n, plain)
		}
	}
}
