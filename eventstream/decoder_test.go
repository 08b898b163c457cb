package eventstream

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var equal = cmp.Options{cmpopts.EquateErrors()}

func (v vector) trace() trace {
	out := trace{Events: v.want, Last: v.last, Retry: v.time}
	switch v.time {
	case 0:
		out.Retry = -1
	case zero:
		out.Retry = 0
	}
	return out
}

func TestVectors(t *testing.T) {
	if len(vectors) < 129 {
		t.Errorf("only %d vectors", len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.why, func(t *testing.T) {
			want := v.trace()
			same(t, want, v.in, strings.NewReader(v.in), "whole")
			if got := reference([]byte(v.in)); !want.equal(got) {
				t.Errorf("the reference, %.200q:\n%s", v.in, cmp.Diff(want, got, equal))
			}
		})
	}
}

// Each vector behind and before others, which is where state is left over.
func TestVectorsOneAfterAnother(t *testing.T) {
	for range 300 {
		var in strings.Builder
		for in.Len() < 200 {
			if v := vectors[rand.IntN(len(vectors))]; len(v.in) < 1000 {
				in.WriteString(v.in)
			}
		}
		agree(t, in.String(), strings.NewReader(in.String()), "whole")
	}
}

func agree(t testing.TB, in string, r io.Reader, how string) {
	t.Helper()
	same(t, reference([]byte(in)), in, r, how)
}

// same is agree for a trace that is known.
func same(t testing.TB, want trace, in string, r io.Reader, how string) {
	t.Helper()
	if got := run(t, NewDecoder(r)); !want.equal(got) {
		t.Fatalf("%s, %.300q:\n%s", how, in, cmp.Diff(want, got, equal))
	}
}

func TestTruncations(t *testing.T) {
	for _, v := range vectors {
		step := 1 + len(v.in)/50
		for n := 0; n < len(v.in); n += step {
			agree(t, v.in[:n], strings.NewReader(v.in[:n]), "truncated")
		}
	}
}

// chunks gives one chunk a read.
type chunks []string

func (c *chunks) Read(p []byte) (int, error) {
	if len(*c) == 0 {
		return 0, io.EOF
	}
	n := copy(p, (*c)[0])
	if (*c)[0] = (*c)[0][n:]; (*c)[0] == "" {
		*c = (*c)[1:]
	}
	return n, nil
}

// randomReader gives a random number of bytes, also none.
type randomReader struct {
	r   io.Reader
	rng *rand.Rand
}

func (r *randomReader) Read(p []byte) (int, error) { return r.r.Read(p[:min(len(p), r.rng.IntN(9))]) }

func TestEverySplit(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, v := range vectors {
		want := v.trace()
		same(t, want, v.in, iotest.OneByteReader(strings.NewReader(v.in)), "byte by byte")
		same(t, want, v.in, iotest.HalfReader(strings.NewReader(v.in)), "half reads")
		same(t, want, v.in, iotest.DataErrReader(strings.NewReader(v.in)), "EOF with the last bytes")
		same(t, want, v.in, iotest.DataErrReader(iotest.OneByteReader(strings.NewReader(v.in))), "EOF with the last byte")
		for range 5 {
			same(t, want, v.in, &randomReader{strings.NewReader(v.in), rng}, "random reads")
		}
		step := 1 + len(v.in)/200
		for n := 0; n <= len(v.in); n += step {
			same(t, want, v.in, &chunks{v.in[:n], v.in[n:]}, "cut in two")
		}
		if len(v.in) < 30 {
			for i := range v.in {
				for j := i; j < len(v.in); j++ {
					same(t, want, v.in, &chunks{v.in[:i], v.in[i:j], v.in[j:]}, "cut in three")
				}
			}
		}
	}
}

// countingReader gives a byte a read and knows how many were asked for.
type countingReader struct {
	in    string
	given int
}

func (r *countingReader) Read(p []byte) (int, error) {
	if r.given == len(r.in) {
		return 0, io.EOF
	}
	p[0] = r.in[r.given]
	r.given++
	return 1, nil
}

// TestPrompt: when an event comes out, not a byte more has been asked for than
// the one that ends it.
func TestPrompt(t *testing.T) {
	for _, v := range vectors {
		if len(v.in) < 1000 {
			prompt(t, v.in)
		}
	}
}

func prompt(t testing.TB, in string) {
	t.Helper()
	r := &countingReader{in: in}
	d := NewDecoder(r)
	seen := 0
	for n := 1; n <= len(in); n++ {
		if events := len(reference([]byte(in[:n])).Events); events == seen {
			continue
		}
		seen++ // a byte ends at most one event
		var ev Event
		if err := d.Decode(&ev); err != nil || r.given != n {
			t.Fatalf("%q: event %d (%v) after %d bytes, it was complete after %d", in, seen, err, r.given, n)
		}
	}
}

// lateReader gives its chunks, and fails the test when it is asked for more.
type lateReader struct {
	t *testing.T
	chunks
}

func (r *lateReader) Read(p []byte) (int, error) {
	if len(r.chunks) == 0 {
		r.t.Error("a read where the event was already complete")
		return 0, io.EOF
	}
	return r.chunks.Read(p)
}

// TestNoReadPastTheEnd is prompt with larger reads: whoever waits for a byte
// behind the event would wait for ever on a connection that stays silent.
func TestNoReadPastTheEnd(t *testing.T) {
	for _, in := range []chunks{
		{"data: a\n\n"},
		{"data: a\r\r"},
		{"data: a\r\n\r"}, // the LF of the second line end is not waited for
		{"data: a\n\r"},
		{"data: a\r\n\n"},
		{"data: a\r", "\n\r"},
		{"data: a\r\n", "\r"},
		{"data: a", "\r\r"},
		{"data", ": a\n", "\n"},
		{"\xEF", "\xBB\xBFdata: a\n\n"},
		{": x\r\ndata: a\r\n\r"},
		{"data: a\n\n", "data: b\n\n"},
		{"data: a\r\n\r", "\ndata: b\r\n\r", "\ndata: c\r\r"},
		{"data: a\r\r", "\n\ndata: b\n\n"},
	} {
		want := reference([]byte(strings.Join(in, ""))).Events
		d := NewDecoder(&lateReader{t, in})
		for i := range want {
			var ev Event
			if err := d.Decode(&ev); err != nil {
				t.Fatalf("%q: %v", in, err)
			}
			if diff := cmp.Diff(want[i], ev); diff != "" {
				t.Errorf("%q: %s", in, diff)
			}
		}
	}
}

// Retry and LastEventID are right whenever Decode has returned, with an error
// too.
func TestStateAtAnError(t *testing.T) {
	lost := errors.New("lost")
	for _, c := range []struct {
		in    string
		last  string
		retry time.Duration
	}{
		{"id: 1\nretry: 5\n\n", "1", 5 * ms},
		{"id: 1\n\nid: 2\nretry: 5\n", "1", 5 * ms},
		{"id: 1\r\rretry: 5\r", "1", 5 * ms},
		{"id: 1\n\nid: 2\n\r", "2", 0},
	} {
		d := NewDecoder(io.MultiReader(strings.NewReader(c.in), iotest.ErrReader(lost)))
		var ev Event
		if err := d.Decode(&ev); err != lost {
			t.Errorf("%q: %v", c.in, err)
		}
		retry, ok := d.Retry()
		if d.LastEventID() != c.last || retry != c.retry || ok != (c.retry > 0) {
			t.Errorf("%q: last event ID %q, retry %v, %v", c.in, d.LastEventID(), retry, ok)
		}
	}
}

// timeouts gives an error before each chunk, and one with each.
type timeouts struct {
	chunks
	odd bool
}

func (r *timeouts) Read(p []byte) (int, error) {
	if r.odd = !r.odd; r.odd {
		return 0, iotest.ErrTimeout
	}
	n, err := r.chunks.Read(p)
	if err == nil {
		err = iotest.ErrTimeout
	}
	return n, err
}

// A deadline that fires between two bytes loses nothing.
func TestReadsOnAfterAnError(t *testing.T) {
	in := "id: 1\r\ndata: a\r\ndata: b\r\n\r\ndata: \xE2\x82\xAC\n\n"
	d := NewDecoder(&timeouts{chunks: strings.Split(in, "")})
	var got []string
	for {
		var ev Event
		err := d.Decode(&ev)
		if err == io.EOF {
			break
		}
		if err == nil {
			got = append(got, ev.ID+" "+string(ev.Data))
		} else if err != iotest.ErrTimeout {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"1 a\nb", "1 €"}, got); diff != "" {
		t.Error(diff)
	}
}

// An error that comes with bytes waits until their events are out, and comes
// once.
func TestErrorAfterEvents(t *testing.T) {
	d := NewDecoder(&timeouts{chunks: chunks{"data: a\n\ndata: b\n\ndata: c"}, odd: true})
	var got []string
	for range 5 {
		var ev Event
		if err := d.Decode(&ev); err != nil {
			got = append(got, err.Error())
		} else {
			got = append(got, string(ev.Data))
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "timeout", "timeout", "EOF"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestEOFIsFinal(t *testing.T) {
	r := chunks{"data: a"}
	d := NewDecoder(&r)
	var ev Event
	if err := d.Decode(&ev); err != io.EOF {
		t.Fatal(err)
	}
	r = chunks{"\n\n"}
	if err := d.Decode(&ev); err != io.EOF {
		t.Errorf("%v, %+v", err, ev)
	}
}

type emptyReader struct{ reads int }

func (r *emptyReader) Read([]byte) (int, error) { r.reads++; return 0, nil }

func TestEmptyReads(t *testing.T) {
	r := &emptyReader{}
	var ev Event
	if err := NewDecoder(r).Decode(&ev); err != io.ErrNoProgress || r.reads != maxEmptyReads {
		t.Errorf("%v after %d reads", err, r.reads)
	}
}

type lyingReader int

func (r lyingReader) Read(p []byte) (int, error) { return int(r), nil }

func TestImpossibleCountPanics(t *testing.T) {
	for _, n := range []int{-1, 1 << 20} {
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.HasPrefix(s, "eventstream: ") {
					t.Errorf("%d: panic %q", n, s)
				}
			}()
			NewDecoder(lyingReader(n)).Decode(new(Event))
		}()
	}
}

func TestReset(t *testing.T) {
	d := NewDecoder(strings.NewReader("id: 1\nretry: 5\nevent: x\ndata: a\r\r"))
	d.MaxEvent = 1000
	var ev Event
	if err := d.Decode(&ev); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		if len(v.in) > 1000 {
			continue
		}
		d.Reset(strings.NewReader(v.in))
		if want, got := v.trace(), run(t, d); !want.equal(got) {
			t.Errorf("%q:\n%s", v.in, cmp.Diff(want, got, equal))
		}
		// And in the middle of a block, behind a CR, with a type and an ID.
		d.Reset(strings.NewReader("\xEF\xBB\xBFdata: a\n\nid: 7\nevent: y\nretry: 9\ndata: \xff\ndata: z\r"))
		if err := d.Decode(&ev); err != nil {
			t.Fatal(err)
		}
	}
	if d.MaxEvent != 1000 {
		t.Error("MaxEvent was not kept")
	}
	d.Reset(strings.NewReader("data: " + strings.Repeat("x", 1001)))
	if err := d.Decode(&ev); !errors.As(err, new(*TooLargeError)) {
		t.Fatal(err)
	}
	d.Reset(strings.NewReader("data: b\n\n"))
	if err := d.Decode(&ev); err != nil || string(ev.Data) != "b" {
		t.Errorf("after an error: %v, %+v", err, ev)
	}
}

func TestSetLastEventID(t *testing.T) {
	d := NewDecoder(strings.NewReader("data: a\n\nid: 2\ndata: b\n\nid\n\n"))
	d.SetLastEventID("1")
	if d.LastEventID() != "1" {
		t.Error("not set")
	}
	want := trace{Events: w("1", "a", "2", "b"), Retry: -1}
	if diff := cmp.Diff(want, run(t, d), equal); diff != "" {
		t.Error(diff)
	}
}

func TestAll(t *testing.T) {
	var got []string
	lost := errors.New("lost")
	r := io.MultiReader(strings.NewReader("data: a\n\ndata: b\n\ndata: c\n"), iotest.ErrReader(lost))
	for ev, err := range NewDecoder(r).All() {
		if err != nil {
			got = append(got, err.Error()+string(ev.Data))
			continue
		}
		got = append(got, string(ev.Data))
	}
	if diff := cmp.Diff([]string{"a", "b", "lost"}, got); diff != "" {
		t.Error(diff)
	}

	// Whoever stops can go on, and the end is no error.
	d := NewDecoder(strings.NewReader("data: a\n\ndata: b\n\n"))
	for ev := range d.All() {
		if string(ev.Data) != "a" {
			t.Errorf("%q", ev.Data)
		}
		break
	}
	for ev, err := range d.All() {
		if err != nil || string(ev.Data) != "b" {
			t.Errorf("%v, %q", err, ev.Data)
		}
	}
}
