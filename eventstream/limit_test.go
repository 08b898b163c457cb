package eventstream

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// limited are streams and the least MaxEvent that takes them: with one less
// they are refused.
var limited = []struct {
	why string
	in  string
	max int
}{
	{"one line", "data: 1234567890\n\n", 10},
	{"without the space", "data:1234567890\n\n", 10},
	{"the LF between lines counts", "data: 12345\ndata: 12345\n\n", 11},
	{"an empty line is its LF", "data: 12345\ndata\ndata\n\n", 7},
	{"empty lines before", "data\ndata\ndata: 12345\n\n", 7},
	{"the type counts", "event: 12345\ndata: 12345\n\n", 10},
	{"a type that is replaced does not", "event: 1234567\nevent: 1\ndata: 123456\n\n", 7},
	{"the id counts", "id: 12345\ndata: 12345\n\n", 10},
	{"an id that is replaced does not", "id: 1234567\nid: 1\ndata: 123456\n\n", 7},
	{"an id with NUL while it is there", "id: 1234567\x00\ndata: 1\n\n", 8},
	{"a retry does not count", "retry: 12345678\ndata: 12\n\n", 2},
	{"a retry behind data does not", "data: 1234\nretry: 12345678\n\n", 4},
	{"a long retry does not", "data: 1234\nretry: " + strings.Repeat("0", maxRetryDigits) + "\n\n", 4},
	{"an endless retry does, as a line", "retry: " + strings.Repeat("0", maxRetryDigits+1) + "\ndata: 12\n\n", maxRetryDigits + 1},
	{"all of it", "event: 123\nid: 123\ndata: 123\ndata: 123\n\n", 13},
	{"after repair", "data: \xff\xff\xff\n\n", 9},
	{"after repair, the second line", "data: 123\ndata: \xff\n\n", 7},
	{"after repair, the first line", "data: \xff\ndata: 123\n\n", 7},
	{"a type after repair", "event: \xff\ndata: 123\n\n", 6},
	{"an id after repair", "id: \xff\ndata: 123\n\n", 6},
	{"comments do not count", ": " + strings.Repeat("c", 100) + "\ndata: 1234567890\n:" + strings.Repeat("c", 100) + "\n\n", 10},
	{"unknown fields do not count", "foo: " + strings.Repeat("c", 100) + "\ndata: 1234567890\ndatabase" + strings.Repeat("c", 100) + "\n\n", 10},
	{"each event for itself", "data: 123456\n\nid: 123456\n\ndata: 123456\n\n", 6},
	{"with other line ends", "data: 12345\r\ndata: 12345\r\n\r\n", 11},
	{"behind a byte order mark", "\xEF\xBB\xBFdata: 1234567890\n\n", 10},
	{"an unfinished line", "data: 1234567890", 10},
	{"a short line that is too long for nothing", "data: 12\n\n", 2},
	{"larger than the first buffer", "data: " + strings.Repeat("x", 50_000) + "\n\n", 50_000},
	{"many lines", strings.Repeat("data: xy\n", 10_000) + "\n", 29_999},
}

func TestMaxEvent(t *testing.T) {
	for _, c := range limited {
		want := reference([]byte(c.in))
		readers := map[string]func() io.Reader{
			"whole":        func() io.Reader { return strings.NewReader(c.in) },
			"byte by byte": func() io.Reader { return iotest.OneByteReader(strings.NewReader(c.in)) },
			"half reads":   func() io.Reader { return iotest.HalfReader(strings.NewReader(c.in)) },
		}
		for i := 0; i < len(c.in) && len(c.in) < 1000; i++ {
			readers[fmt.Sprint("cut at ", i)] = func() io.Reader { return &chunks{c.in[:i], c.in[i:]} }
		}
		for how, reader := range readers {
			for _, limit := range []int{c.max, -1, 0} {
				d := NewDecoder(reader())
				d.MaxEvent = limit
				if got := run(t, d); !want.equal(got) {
					t.Errorf("%s, %s, at most %d:\n%s", c.why, how, limit, cmp.Diff(want, got, equal))
				}
			}
			d := NewDecoder(reader())
			d.MaxEvent = c.max - 1
			err := run(t, d).Err
			var large *TooLargeError
			if !errors.As(err, &large) || large.Limit != c.max-1 {
				t.Errorf("%s, %s, at most %d: %v", c.why, how, c.max-1, err)
			}
			if again := d.Decode(new(Event)); again != err {
				t.Errorf("%s: then %v", c.why, again)
			}
		}
	}
}

// What came before the event that is too large comes out.
func TestEventsBeforeOneTooLarge(t *testing.T) {
	d := NewDecoder(strings.NewReader("id: 1\ndata: a\n\nretry: 7\ndata: 123456\n\n"))
	d.MaxEvent = 5
	got := run(t, d)
	if !errors.As(got.Err, new(*TooLargeError)) {
		t.Error(got.Err)
	}
	got.Err = nil
	if diff := cmp.Diff(trace{Events: w("1", "a"), Last: "1", Retry: 7 * ms}, got); diff != "" {
		t.Error(diff)
	}
}

// repeat gives a piece n times, in reads as large as they get, and one at the
// end.
type repeat struct {
	piece string
	n     int
	end   string
	at    int
}

func (r *repeat) Read(p []byte) (n int, err error) {
	for n < len(p) {
		s := r.piece
		if r.n == 0 {
			s = r.end
		}
		if r.at == len(s) {
			if r.n == 0 {
				break
			}
			r.n--
			r.at = 0
			continue
		}
		k := copy(p[n:], s[r.at:])
		n += k
		r.at += k
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// watched notes the most memory that its Decoder has at a read.
type watched struct {
	r    io.Reader
	d    *Decoder
	most int
}

func (r *watched) Read(p []byte) (int, error) {
	r.most = max(r.most, len(r.d.in.buf), cap(r.d.block.own))
	return r.r.Read(p)
}

// TestBufferIsBounded: with an event at the limit the buffer is as large as
// that and slack; what is ignored takes no memory at all.
func TestBufferIsBounded(t *testing.T) {
	const limit = 100_000
	for _, c := range []struct {
		why  string
		in   repeat
		most int
	}{
		{"an event at the limit, in one line", repeat{"", 0, "data: " + strings.Repeat("x", limit) + "\n\n", 0}, limit + slack},
		{"an event at the limit, of short lines", repeat{"data: x\n", limit / 2, "\n", 0}, limit + slack},
		{"an event over the limit", repeat{"", 0, "data: " + strings.Repeat("x", 10*limit) + "\n\n", 0}, limit + slack},
		{"an event over the limit, of short lines", repeat{"data: x\n", limit, "\n", 0}, limit + slack},
		{"bad bytes at the limit", repeat{"", 0, "data: " + strings.Repeat("\xff", limit/3) + "\n\n", 0}, limit + slack},
		{"lines of bad bytes at the limit", repeat{"data: \xff\n", limit / 4, "\n", 0}, limit + slack},
		{"bad bytes over the limit", repeat{"", 0, "data: " + strings.Repeat("\xff", limit) + "\n\n", 0}, limit + slack},
		{"a comment without end", repeat{":comment ", limit, "\ndata: x\n\n", 0}, keepBuffer},
		{"a field without end", repeat{"datum: 1 ", limit, "\ndata: x\n\n", 0}, keepBuffer},
		{"comments in a block", repeat{":comment\n", limit, "data: x\n\n", 0}, keepBuffer},
		{"comments behind data", repeat{"data: x\n" + strings.Repeat(":comment\n", 1000), 10, "\n", 0}, keepBuffer},
		{"comments behind much data", repeat{"data: " + strings.Repeat("x", limit-100) + "\n" + strings.Repeat(":comment\n", limit), 1, "\n", 0}, limit + slack},
		{"IDs", repeat{"id: 12345\n", limit, "\n", 0}, keepBuffer},
		{"empty lines", repeat{"\r\n\n", limit, "\n", 0}, keepBuffer},
		{"small events", repeat{"data: 1\n\n", limit, "\n", 0}, keepBuffer},
	} {
		for _, small := range []bool{false, true} {
			in := c.in
			var r io.Reader = &in
			if small {
				r = &atMost{r, 100}
			}
			watch := &watched{r: r}
			d := NewDecoder(watch)
			d.MaxEvent, watch.d = limit, d
			for _, err := range d.All() {
				if err != nil && !errors.As(err, new(*TooLargeError)) {
					t.Fatal(err)
				}
			}
			if watch.most > c.most {
				t.Errorf("%s: a buffer of %d, at most %d is due", c.why, watch.most, c.most)
			}
		}
	}
}

// atMost gives at most n bytes a read.
type atMost struct {
	r io.Reader
	n int
}

func (r *atMost) Read(p []byte) (int, error) { return r.r.Read(p[:min(len(p), r.n)]) }

func TestBufferShrinks(t *testing.T) {
	for _, c := range []struct {
		why         string
		large       int
		small, most int
	}{
		{"much more than may stay: with the next read", 3 << 20, 1, keepBuffer},
		{"what may stay does", 500_000, 1, 1 << 20},
		{"and goes after small events", 500_000, holdEvents + 1, keepBuffer},
	} {
		for _, x := range []string{"x", "\xff"} { // in the buffer and in memory of its own
			d := NewDecoder(&atMost{io.MultiReader(
				strings.NewReader("data: "+strings.Repeat(x, c.large)+"\n\n"),
				&repeat{"data: x\n\n", c.small, "", 0},
			), 4 << 10})
			var ev Event
			for range 1 + c.small {
				if err := d.Decode(&ev); err != nil {
					t.Fatal(err)
				}
			}
			// A Decoder that waits has begun its next read.
			lost := errors.New("lost")
			d.in.r = iotest.ErrReader(lost)
			if err := d.Decode(&ev); err != lost {
				t.Fatal(err)
			}
			if got := cap(d.in.buf); got > c.most {
				t.Errorf("%s: %d bytes, at most %d are due", c.why, got, c.most)
			}
			if got := cap(d.block.own); got > keepBuffer {
				t.Errorf("%s: %d bytes for repaired data", c.why, got)
			}
		}
	}
}

func TestResetDropsALargeBuffer(t *testing.T) {
	d := NewDecoder(strings.NewReader("data: " + strings.Repeat("x", 500_000) + "\n\n"))
	if err := d.Decode(new(Event)); err != nil {
		t.Fatal(err)
	}
	d.Reset(strings.NewReader(""))
	if n := cap(d.in.buf); n > keepBuffer {
		t.Errorf("%d bytes", n)
	}
}
