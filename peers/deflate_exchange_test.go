package peers

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/frame"
)

// frames are the data frames of a connection since the last call of take, as
// Trace tells of them.
type frames struct {
	mu            sync.Mutex
	read, written []frame.Header
}

func (f *frames) trace() *pushwire.Trace {
	note := func(to *[]frame.Header) func(*pushwire.Conn, frame.Header) {
		return func(_ *pushwire.Conn, h frame.Header) {
			if h.Opcode >= frame.Close {
				return
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			*to = append(*to, h)
		}
	}
	return &pushwire.Trace{FrameRead: note(&f.read), FrameWritten: note(&f.written)}
}

func (f *frames) take() (read, written []frame.Header) {
	f.mu.Lock()
	defer f.mu.Unlock()
	read, written = f.read, f.written
	f.read, f.written = nil, nil
	return read, written
}

// talk is a connection between us and a peer that sends back what comes. So
// each message is compressed by us and inflated by the peer, and the other way
// round, and it is compared where it was made.
type talk struct {
	us     *ourEnd
	frames *frames
	want   deflate.Params

	// back has the peer send a message in fragments with pings between them;
	// nil where it can't.
	back func(t *testing.T, typ string, parts ...string)

	wholeCharacters bool // the peer can't cut a text within a character
}

// incompressible is as good as random, and the same in every run.
func incompressible(n int) string {
	b := make([]byte, n)
	var seed [32]byte
	rand.NewChaCha8(seed).Read(b)
	return string(b)
}

// letters is like incompressible, but text: 6 bits of a byte are random. Each
// letter comes as often as any other, or a code made for the text would need
// less than 6 bits for one.
func letters(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	r := rand.New(rand.NewPCG(3, 4))
	var b []byte
	for len(b) < n {
		for _, i := range r.Perm(len(alphabet)) {
			b = append(b, alphabet[i])
		}
	}
	return string(b[:n])
}

// records returns n bytes that look like JSON.
func records(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"id":%d,"user":"user%d","active":%v,"price":%d.%02d},`, i, r.IntN(1000), r.IntN(2) == 0, r.IntN(500), r.IntN(100))
	}
	return b.String()[:n]
}

// prose returns n bytes of words in several scripts, most of whose characters
// take two to four bytes.
func prose(n int) string {
	words := strings.Fields("Grüße κόσμε привет мир 世界 你好 こんにちは 안녕하세요 👋🌍 नमस्ते שלום مرحبا naïve façade Ωμέγα вода")
	r := rand.New(rand.NewPCG(3, 4))
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(words[r.IntN(len(words))])
		b.WriteByte(' ')
	}
	s := b.String()[:n]
	for !utf8.ValidString(s) { // the cut is in a character
		s = s[:len(s)-1]
	}
	return s + strings.Repeat("x", n-len(s))
}

// mebibyte is a text of as many bytes as a message may have, half of it
// records and half of it prose.
var mebibyte = sync.OnceValue(func() string { return records(maxMessage/2) + prose(maxMessage/2) })

// run has the whole conversation, with a mebibyte in it if that is asked for.
func (k *talk) run(t *testing.T, long bool) {
	t.Helper()
	got, ok := k.us.c.Deflate()
	if diff := cmp.Diff(k.want, got); !ok || diff != "" {
		t.Fatalf("Deflate() is %v (-want +got):\n%s", ok, diff)
	}
	messages := []message{
		{"text", ""}, {"text", "x"}, {"binary", ""}, {"binary", "\xff"},
		{"text", records(1 << 10)}, {"text", prose(1 << 10)}, {"binary", records(20_000)},
	}
	if long {
		messages = append(messages, message{"text", mebibyte()})
	}
	for _, m := range messages {
		k.there(t, m)
	}
	k.random(t)
	k.context(t)
	k.fragments(t)
	k.there(t, message{"text", records(1 << 10)})
}

// traffic returns what f costs on the wire, and the data frames.
func (k *talk) traffic(t *testing.T, f func()) (received, sent int, read, written []frame.Header) {
	t.Helper()
	k.frames.take()
	before := k.us.c.Stats()
	f()
	// The peer may have answered what our writer has not yet counted. A ping goes
	// through the same hands after it.
	if _, err := k.us.c.Ping(t.Context()); err != nil {
		t.Fatalf("ping: %v", err)
	}
	after := k.us.c.Stats()
	ping, pong := 2+8, 2+4+8 // its payload is of 8 bytes, and the client's is masked
	if k.us.c.Role() == frame.Client {
		ping, pong = pong, ping
	}
	read, written = k.frames.take()
	return int(after.BytesRead-before.BytesRead) - pong, int(after.BytesWritten-before.BytesWritten) - ping, read, written
}

// there sends m, which has to come back, compressed both ways if it is long
// enough to gain by it.
func (k *talk) there(t *testing.T, m message) {
	t.Helper()
	received, sent, read, written := k.traffic(t, func() {
		k.us.send(t, m.typ, m.data)
		wantMessage(t, k.us, m)
	})
	if len(m.data) < 1<<10 {
		return
	}
	if most := len(m.data) * 3 / 5; received > most || sent > most {
		t.Errorf("%s of %d bytes: sent as %d bytes, came back as %d, want at most %d", m.typ, len(m.data), sent, received, most)
	}
	// Safari needs it so, and RFC 7692, 6, has RSV1 for such messages.
	if len(written) != 1 || !written[0].Fin || written[0].RSV != frame.RSV1 {
		t.Errorf("%s of %d bytes: went out as %+v, want one frame with FIN and RSV1", m.typ, len(m.data), written)
	}
	if len(read) == 0 || read[0].RSV != frame.RSV1 {
		t.Errorf("%s of %d bytes: came back as %+v, want RSV1", m.typ, len(m.data), read)
	}
}

// random sends what can't get smaller: ours goes out plain, the peers compress
// it nevertheless.
func (k *talk) random(t *testing.T) {
	t.Helper()
	m := message{"binary", incompressible(20_000)}
	received, sent, _, written := k.traffic(t, func() {
		k.us.send(t, m.typ, m.data)
		wantMessage(t, k.us, m)
	})
	if len(written) != 1 || written[0].RSV != 0 || sent > len(m.data)+14 {
		t.Errorf("random bytes went out as %+v, %d bytes", written, sent)
	}
	if received > len(m.data)+100 {
		t.Errorf("%d random bytes came back as %d", len(m.data), received)
	}
}

// context sends 100 messages that are nearly the same, none of which holds
// anything twice: what they cost tells whether the context is taken over.
func (k *talk) context(t *testing.T) {
	t.Helper()
	const (
		n    = 100
		same = 200          // fits into a window of 8 bits, with what follows
		kept = 60           // bytes at most of a message that is in the window
		lost = 6 * same / 8 // and at least of one that is not
	)
	base := letters(same)
	received, sent, _, written := k.traffic(t, func() {
		for i := range n {
			k.us.send(t, "text", fmt.Sprintf("%s %d", base, i))
		}
		for i := range n {
			wantMessage(t, k.us, message{"text", fmt.Sprintf("%s %d", base, i)})
		}
	})
	if len(written) != n {
		t.Errorf("%d messages took %d frames", n, len(written))
	}
	check := func(what string, bytes int, noContext bool) {
		t.Helper()
		switch per := bytes / n; {
		case noContext && per < lost:
			t.Errorf("without context takeover %s took %d bytes a message, want at least %d", what, per, lost)
		case !noContext && per > kept:
			t.Errorf("with context takeover %s took %d bytes a message, want at most %d", what, per, kept)
		}
	}
	ours, theirs := k.want.ServerNoContext, k.want.ClientNoContext
	if k.us.c.Role() == frame.Client {
		ours, theirs = theirs, ours
	}
	check("ours", sent, ours)
	check("the peer's", received, theirs)
}

// fragments sends and receives messages in parts, with pings between these.
func (k *talk) fragments(t *testing.T) {
	t.Helper()
	for _, parts := range [][]string{
		{"one ", "two ", "three"},
		{"", "after an empty one", ""},
		{"cut \xe4", "\xb8", "\x96 in a character"},
		{records(3000), prose(5000), ""},
	} {
		whole := message{"text", strings.Join(parts, "")}
		received, sent, _, written := k.traffic(t, func() {
			k.flush(t, parts...)
			wantMessage(t, k.us, whole)
		})
		checkFragments(t, "ours", written, 2)
		if k.back != nil {
			if k.wholeCharacters && slices.ContainsFunc(parts, func(p string) bool { return !utf8.ValidString(p) }) {
				whole.typ = "binary"
			}
			_, _, read, _ := k.traffic(t, func() {
				k.back(t, whole.typ, parts...)
				wantMessage(t, k.us, whole)
			})
			checkFragments(t, "the peer's", read, len(parts))
		}
		if most := len(whole.data) * 3 / 5; len(whole.data) > 1<<10 && (received > most || sent > most) {
			t.Errorf("%d bytes in parts: sent as %d bytes, came back as %d, want at most %d", len(whole.data), sent, received, most)
		}
	}
}

// flush sends a text in parts, all but empty ones in a frame of their own, with
// pings between them.
func (k *talk) flush(t *testing.T, parts ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventTime)
	defer cancel()
	w, err := k.us.c.Writer(ctx, frame.Text)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range parts {
		if i > 0 {
			if err := w.(interface{ Flush() error }).Flush(); err != nil {
				t.Fatal(err)
			}
			k.us.ping(t, "")
		}
		if _, err := io.WriteString(w, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkFragments: a message in parts has RSV1 on the first of its frames only.
//
// RFC 7692, 6: "An endpoint MUST NOT set the "Per-Message Compressed" bit of
// control frames and non-first fragments of a data message."
func checkFragments(t *testing.T, whose string, got []frame.Header, least int) {
	t.Helper()
	if len(got) < least {
		t.Errorf("%s: %d frames, want at least %d", whose, len(got), least)
	}
	for i, h := range got {
		if (h.RSV == frame.RSV1) != (i == 0) || h.Fin != (i == len(got)-1) {
			t.Errorf("%s: frame %d of %d is %+v", whose, i+1, len(got), h)
		}
	}
}

// plain sends a message both ways on a connection without compression.
func (k *talk) plain(t *testing.T) {
	t.Helper()
	if p, ok := k.us.c.Deflate(); ok {
		t.Fatalf("compression is on: %+v", p)
	}
	m := message{"text", records(1 << 10)}
	received, sent, _, _ := k.traffic(t, func() {
		k.us.send(t, m.typ, m.data)
		wantMessage(t, k.us, m)
	})
	if received < len(m.data) || sent < len(m.data) {
		t.Errorf("%d bytes went out as %d and came back as %d", len(m.data), sent, received)
	}
}
