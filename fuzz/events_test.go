package fuzz

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/pushwire/pushwire/eventstream"
)

// event is one that was dispatched, with the last event ID of that moment.
type event struct{ id, typ, data string }

// interpret is section 9.2.6 of the HTML standard, "Interpreting an event
// stream", state by state and one character at a time.
func interpret(in []byte) (events []event) {
	// "Streams must be decoded using the UTF-8 decode algorithm", which takes
	// one byte order mark away.
	text := []rune(strings.TrimPrefix(replaced(in), "\uFEFF"))
	var typ, data, lastID, idBuffer strings.Builder
	dispatch := func() {
		// "Set the last event ID string of the event source to the value of the
		// last event ID buffer. The buffer does not get reset".
		lastID.Reset()
		lastID.WriteString(idBuffer.String())
		if data.Len() > 0 {
			name := typ.String()
			if name == "" {
				name = "message"
			}
			events = append(events, event{lastID.String(), name, strings.TrimSuffix(data.String(), "\n")})
		}
		data.Reset()
		typ.Reset()
	}
	process := func(field, value string) {
		switch field {
		case "event":
			typ.Reset()
			typ.WriteString(value)
		case "data":
			data.WriteString(value)
			data.WriteByte('\n')
		case "id":
			if !strings.ContainsRune(value, 0) {
				idBuffer.Reset()
				idBuffer.WriteString(value)
			}
		}
	}
	for i := 0; i < len(text); {
		line := i
		for i < len(text) && text[i] != '\r' && text[i] != '\n' {
			i++
		}
		if i == len(text) {
			return events // "Once the end of the file is reached, any pending data must be discarded."
		}
		got := string(text[line:i])
		if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
			i++
		}
		i++
		switch at := strings.IndexByte(got, ':'); {
		case got == "":
			dispatch()
		case at == 0: // a comment
		case at > 0:
			process(got[:at], strings.TrimPrefix(got[at+1:], " "))
		default:
			process(got, "")
		}
	}
	return events
}

// replaced is in as text, each ill-formed piece of it as one U+FFFD: the
// Encoding standard's decoder replaces the longest beginning of a sequence
// that could have become one ("maximal subpart").
func replaced(in []byte) string {
	var out strings.Builder
	for len(in) > 0 {
		r, n := utf8.DecodeRune(in)
		if r == utf8.RuneError && n <= 1 {
			for n = 1; n < min(3, len(in)) && completes(in[:n+1]); n++ {
			}
		}
		out.WriteRune(r)
		in = in[n:]
	}
	return out.String()
}

// inPieces gives a byte string in reads of the sizes of a plan.
type inPieces struct {
	b, plan []byte
	i       int
}

func (r *inPieces) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := len(p)
	if len(r.plan) > 0 {
		n = min(n, 1+int(r.plan[r.i%len(r.plan)]))
		r.i++
	}
	n = copy(p[:n], r.b)
	r.b = r.b[n:]
	return n, nil
}

func (r *inPieces) Close() error { return nil }

// FuzzEventStream: a body of any bytes that comes in any pieces gives, to the
// client's function for one answer and to the decoder, the events of the
// standard; and events written again, by our encoder, come back.
func FuzzEventStream(f *testing.F) {
	for _, s := range []string{
		"data: YHOO\ndata: +2\ndata: 10\n\n", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
		"data\n\ndata\ndata\n\ndata:", "data:test\n\ndata: test\n\n", "\xef\xbb\xbfdata: a\r\rdata: b\r\n\r\n", "\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n",
		"event: x\nid: a\x00b\ndata: \xff\xf0\x9f\x98\n\n", "retry: 10\nid: 7\n\ndata: a\n\n", "data: \xe2\x80\n\n:\xed\xa0\x80\ndata:\xf4\x90\x80\x80\n\n",
	} {
		f.Add([]byte(s), []byte{})
		f.Add([]byte(s), []byte{0, 1, 5})
	}
	f.Fuzz(func(t *testing.T, in, plan []byte) {
		want := interpret(in)
		var got []event
		res := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}}, Body: &inPieces{b: in, plan: plan}}
		for ev, err := range eventstream.Events(res, nil) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, event{ev.ID, ev.Type, string(ev.Data)})
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(event{})); d != "" {
			t.Fatalf("Events, %q (-standard +ours):\n%s", in, d)
		}
		got = nil
		var again []byte
		var written []event
		for ev, err := range eventstream.NewDecoder(&inPieces{b: in, plan: plan}).All() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, event{ev.ID, ev.Type, string(ev.Data)})
			if ev.Retry > 0 && ev.Retry < time.Millisecond {
				t.Fatalf("a reconnection time of %v", ev.Retry)
			}
			if strings.ContainsRune(ev.Type, 0) {
				continue // a type that can be read and, on purpose, not written
			}
			written = append(written, got[len(got)-1])
			if again, err = eventstream.Append(again, ev); err != nil {
				t.Fatalf("%+v was read and can't be written: %v", ev, err)
			}
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(event{})); d != "" {
			t.Fatalf("Decoder, %q (-standard +ours):\n%s", in, d)
		}
		if d := cmp.Diff(written, unset(interpret(again), written), cmp.AllowUnexported(event{})); d != "" {
			t.Fatalf("written again as %q (-before +after):\n%s", again, d)
		}
		if !bytes.HasSuffix(again, []byte("\n\n")) && len(again) > 0 {
			t.Fatalf("%q does not end an event", again)
		}
	})
}

// unset allows for the one thing that an event can't say: that the last event
// ID became empty again. Append leaves the field out.
func unset(got, want []event) []event {
	for i := range got {
		if i < len(want) && want[i].id == "" {
			got[i].id = ""
		}
	}
	return got
}
