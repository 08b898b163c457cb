package eventstream

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var appended = []struct {
	ev   Event
	want string
}{
	// The event that says nothing still fires: somebody wanted to send it.
	{Event{}, "data: \n\n"},
	{Event{Data: []byte{}}, "data: \n\n"},
	{Event{Type: "x"}, "event: x\ndata: \n\n"},
	{Event{Type: "message"}, "data: \n\n"},
	{Event{Data: []byte("a")}, "data: a\n\n"},
	{Event{ID: "1", Type: "x", Data: []byte("a"), Retry: 5 * ms}, "id: 1\nevent: x\nretry: 5\ndata: a\n\n"},

	// ID or Retry alone fire nothing; with Data that is empty and not nil they do.
	{Event{ID: "1"}, "id: 1\n\n"},
	{Event{Retry: 5 * ms}, "retry: 5\n\n"},
	{Event{ID: "1", Retry: 5 * ms}, "id: 1\nretry: 5\n\n"},
	{Event{ID: "1", Data: []byte{}}, "id: 1\ndata: \n\n"},
	{Event{ID: "1", Type: "x"}, "id: 1\nevent: x\ndata: \n\n"},
	{Event{ID: "1", Type: "message"}, "id: 1\ndata: \n\n"},

	{Event{Data: []byte("a\nb")}, "data: a\ndata: b\n\n"},
	{Event{Data: []byte("a\rb")}, "data: a\ndata: b\n\n"},
	{Event{Data: []byte("a\r\nb")}, "data: a\ndata: b\n\n"},
	{Event{Data: []byte("a\n\rb")}, "data: a\ndata: \ndata: b\n\n"},
	{Event{Data: []byte("a\r\r\n\nb")}, "data: a\ndata: \ndata: \ndata: b\n\n"},
	{Event{Data: []byte("\n")}, "data: \ndata: \n\n"},
	{Event{Data: []byte("\r")}, "data: \ndata: \n\n"},
	{Event{Data: []byte("\r\n")}, "data: \ndata: \n\n"},
	{Event{Data: []byte("a\n")}, "data: a\ndata: \n\n"},
	{Event{Data: []byte("a\n\n")}, "data: a\ndata: \ndata: \n\n"},
	{Event{Data: []byte("\na")}, "data: \ndata: a\n\n"},
	{Event{Data: []byte("  a ")}, "data:   a \n\n"},
	{Event{Data: []byte("a\u2028b\x00\xff")}, "data: a\u2028b\x00\xff\n\n"},
	{Event{Data: []byte("a\n\nid: 2")}, "data: a\ndata: \ndata: id: 2\n\n"},
	{Event{ID: " 1:", Type: " x:", Data: []byte{}}, "id:  1:\nevent:  x:\ndata: \n\n"},

	{Event{Retry: 1}, "retry: 1\n\n"},
	{Event{Retry: 1500*time.Microsecond + 1}, "retry: 2\n\n"},
	{Event{Retry: 3 * time.Second}, "retry: 3000\n\n"},
	{Event{Retry: math.MaxInt64}, "retry: 9223372036855\n\n"},
}

func TestAppend(t *testing.T) {
	for _, c := range appended {
		got, err := Append([]byte("before "), c.ev)
		if err != nil || string(got) != "before "+c.want {
			t.Errorf("%+v: %q, %v, want %q", c.ev, got, err, c.want)
		}
		// What is written means what was said, to a reader that is right.
		want := trace{Retry: -1}
		if c.ev.Retry > 0 {
			want.Retry = min((c.ev.Retry-1)/ms+1, time.Duration(maxRetry)) * ms
		}
		want.Last = c.ev.ID
		if c.ev.Data != nil || c.ev.Type != "" || c.want == "data: \n\n" {
			ev := Event{ID: c.ev.ID, Type: c.ev.Type, Data: []byte(normal(string(c.ev.Data))), Retry: max(want.Retry, 0)}
			if ev.Type == "" {
				ev.Type = "message"
			}
			want.Events = []Event{ev}
		}
		if got := reference([]byte(c.want)); !want.equal(got) {
			t.Errorf("%q: %s", c.want, cmp.Diff(want, got))
		}
	}
}

// normal is what a reader makes of data: all line ends are LF, and all of it
// is UTF-8.
func normal(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(decodeUTF8([]byte(s)), "\r\n", "\n"), "\r", "\n")
}

func TestAppendRefuses(t *testing.T) {
	for _, c := range []struct {
		ev   Event
		want FieldError
	}{
		{Event{ID: "a\nb"}, FieldError{Field: "id", At: 1, Byte: '\n'}},
		{Event{ID: "a\rb"}, FieldError{Field: "id", At: 1, Byte: '\r'}},
		{Event{ID: "ab\x00"}, FieldError{Field: "id", At: 2, Byte: 0}},
		{Event{ID: "\r\n"}, FieldError{Field: "id", At: 0, Byte: '\r'}},
		{Event{Type: "\n"}, FieldError{Field: "event", At: 0, Byte: '\n'}},
		{Event{Type: "x\rdata: y"}, FieldError{Field: "event", At: 1, Byte: '\r'}},
		{Event{Type: "x\x00"}, FieldError{Field: "event", At: 1, Byte: 0}},
		{Event{ID: "1", Retry: -1, Data: []byte("a")}, FieldError{Field: "retry", At: 0, Byte: '-'}},
	} {
		got, err := Append([]byte("before"), c.ev)
		var fe *FieldError
		if string(got) != "before" || !errors.As(err, &fe) || *fe != c.want {
			t.Errorf("%+v: %q, %v", c.ev, got, err)
		}
	}
	for c := range 256 {
		_, err := Append(nil, Event{ID: string(rune(c)), Type: string(rune(c))})
		if bad := c == 0 || c == '\r' || c == '\n'; bad != (err != nil) {
			t.Errorf("%q: %v", rune(c), err)
		}
	}
}

func TestAppendComment(t *testing.T) {
	for text, want := range map[string]string{
		"":         ": \n",
		"hello":    ": hello\n",
		"a\nb":     ": a\n: b\n",
		"a\r\nb\r": ": a\n: b\n: \n",
		"a\rid: 1": ": a\n: id: 1\n",
		"\n\n":     ": \n: \n: \n",
		"\x00\xff": ": \x00\xff\n",
	} {
		if got := AppendComment([]byte("id: 1\n"), text); string(got) != "id: 1\n"+want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if got := reference([]byte("data: a\n" + want + "data: b\n\n")).Events; len(got) != 1 || string(got[0].Data) != "a\nb" {
			t.Errorf("%q is more than a comment: %+v", want, got)
		}
	}
}
