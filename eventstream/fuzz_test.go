package eventstream

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecoder: whole, byte by byte and in random reads a Decoder agrees with
// the reference, and each event comes on the byte that ends it. With a limit,
// all of them give the same events and the same error, in bounded memory.
func FuzzDecoder(f *testing.F) {
	for _, v := range vectors {
		if len(v.in) < 1000 {
			f.Add([]byte(v.in), 10, uint64(1))
		}
	}
	for _, c := range limited {
		if len(c.in) < 1000 {
			f.Add([]byte(c.in), c.max, uint64(1))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, limit int, seed uint64) {
		in := string(b)
		want := reference(b)
		same(t, want, in, strings.NewReader(in), "whole")
		same(t, want, in, iotest.OneByteReader(strings.NewReader(in)), "byte by byte")
		rng := rand.New(rand.NewPCG(seed, 0))
		same(t, want, in, &randomReader{strings.NewReader(in), rng}, "random reads")
		if len(in) < 1000 {
			prompt(t, in)
		}

		limit = 1 + int(uint(limit)%1000)
		d := NewDecoder(strings.NewReader(in))
		d.MaxEvent = limit
		whole := run(t, d)
		if whole.Err == nil {
			if !want.equal(whole) {
				t.Fatalf("at most %d:\n%s", limit, cmp.Diff(want, whole, equal))
			}
		} else if !errors.As(whole.Err, new(*TooLargeError)) {
			t.Fatal(whole.Err)
		}
		r := &watched{r: &randomReader{strings.NewReader(in), rng}}
		d = NewDecoder(r)
		d.MaxEvent, r.d = limit, d
		pieces := run(t, d)
		if (pieces.Err == nil) != (whole.Err == nil) {
			t.Fatalf("at most %d: whole %v, in pieces %v", limit, whole.Err, pieces.Err)
		}
		whole.Err, pieces.Err = nil, nil
		if !whole.equal(pieces) {
			t.Fatalf("at most %d:\n%s", limit, cmp.Diff(whole, pieces, equal))
		}
		if r.most > max(firstBuffer, limit+slack) {
			t.Fatalf("at most %d: a buffer of %d", limit, r.most)
		}
		for i, ev := range whole.Events {
			if i >= len(want.Events) || want.Events[i].ID != ev.ID || string(want.Events[i].Data) != string(ev.Data) || len(ev.Data) > limit {
				t.Fatalf("at most %d: event %d is %+v", limit, i, ev)
			}
		}
	})
}

// FuzzAppend: what Append writes, a decoder that is right reads as the same
// event, up to line ends and bytes that are not UTF-8; ours and the reference.
// What it refuses would not have come through.
func FuzzAppend(f *testing.F) {
	for _, c := range appended {
		f.Add(c.ev.ID, c.ev.Type, c.ev.Data, c.ev.Data == nil, int64(c.ev.Retry), "comment\r\n")
	}
	f.Add("a\nb", "", []byte("a"), false, int64(0), "")
	f.Add("", "a\rb", []byte("a"), false, int64(-1), "\n")
	f.Fuzz(func(t *testing.T, id, typ string, data []byte, none bool, retry int64, comment string) {
		ev := Event{ID: id, Type: typ, Data: data, Retry: time.Duration(retry)}
		if none {
			ev.Data = nil
		} else if data == nil {
			ev.Data = []byte{}
		}
		const before = "data: before\nid: 0\n\n"
		out, err := Append([]byte(before), ev)
		if bad := strings.ContainsAny(id+typ, "\r\n\x00") || retry < 0; bad != (err != nil) {
			t.Fatalf("%+v: %v", ev, err)
		}
		if err != nil {
			if string(out) != before || !errors.As(err, new(*FieldError)) {
				t.Fatalf("%q, %v", out, err)
			}
			return
		}
		out = AppendComment(out, comment)
		out, _ = Append(out, Event{Data: []byte("behind")})

		want := trace{Events: w("0", "before"), Last: "0", Retry: -1}
		if id != "" {
			want.Last = decodeUTF8([]byte(id))
		}
		if retry > 0 {
			want.Retry = min((ev.Retry-1)/ms+1, time.Duration(maxRetry)) * ms
		}
		if ev.Data != nil || typ != "" || id == "" && retry == 0 {
			got := Event{ID: want.Last, Type: decodeUTF8([]byte(typ)), Data: []byte(normal(string(ev.Data))), Retry: max(0, want.Retry)}
			if typ == "" {
				got.Type = "message"
			}
			want.Events = append(want.Events, got)
		}
		want.Events = append(want.Events, w(want.Last, "behind")...)
		same(t, want, string(out), strings.NewReader(string(out)), "ours")
		if got := reference(out); !want.equal(got) {
			t.Fatalf("the reference, %q:\n%s", out, cmp.Diff(want, got, equal))
		}
	})
}
