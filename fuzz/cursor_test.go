package fuzz

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pushwire/pushwire/eventstream"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// ended is a context that has, with which a Read does not wait.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// shown is an item as a client sees it.
type shown struct{ Cursor, Type, Data string }

func show(items []topic.Item) (all []shown) {
	for _, it := range items {
		s := shown{string(it.Cursor), it.Type, string(it.Data)}
		if s.Type == "" {
			s.Type = topic.DefaultType
		}
		all = append(all, s)
	}
	return all
}

// FuzzTopicCursor: whatever was appended to a log with whatever limits, and
// whatever cursor is asked after, the log gives what a list of all items says;
// and a short poll, a stream of lines and an event stream give the same, or
// say in their ways that it is gone, or no cursor. EPOCH in a cursor stands
// for the log's, so that the fuzzer needs no luck to name a place.
func FuzzTopicCursor(f *testing.F) {
	for _, c := range []string{"", "now", "EPOCH-0", "EPOCH-1", "EPOCH-5", "EPOCH-6", "EPOCH-01", "EPOCH-", "-1", "0000000000000-3", "EPOCH-18446744073709551616", "a b", "EPOCH-3 "} {
		f.Add(c, []byte("abc\x00\xffz"), uint8(0), uint16(0))
		f.Add(c, []byte("abcde"), uint8(2), uint16(0))
		f.Add(c, []byte("abcde"), uint8(0), uint16(2))
	}
	f.Fuzz(func(t *testing.T, cursor string, data []byte, maxItems uint8, maxBytes uint16) {
		log := &topic.Log{MaxItems: int(maxItems), MaxBytes: int(maxBytes)}
		if maxBytes > 0 { // room for the longest of them
			log.MaxBytes += 512
		}
		defer log.Close()
		if len(data) > 64 {
			data = data[:64]
		}
		b, err := log.Bounds(ended)
		if err != nil {
			t.Fatal(err)
		}
		epoch, _, err := b.Head.Split()
		if err != nil {
			t.Fatal(err)
		}
		var all []shown
		for _, c := range data {
			p := topic.Publication{Data: bytes.Repeat([]byte{c}, int(c)), Binary: c >= 0x80 || c == '\r' || c == '\n'}
			if c%3 == 0 {
				p.Type = "t"
			}
			got, stored, err := log.Publish(ended, p)
			if err != nil || !stored {
				t.Fatal(got, stored, err)
			}
			all = append(all, show([]topic.Item{{Cursor: got, Type: p.Type, Data: p.Data}})...)
			if want := topic.At(epoch, uint64(len(all))); got != want {
				t.Fatalf("item %d has the cursor %q", len(all), got)
			}
		}
		cursor = strings.ReplaceAll(cursor, "EPOCH", epoch)
		if b, err = log.Bounds(ended); err != nil {
			t.Fatal(err)
		}
		_, oldest, _ := b.Oldest.Split()
		_, head, _ := b.Head.Split()
		if head != uint64(len(all)) || oldest > head || int(head-oldest) != b.Items || maxItems > 0 && b.Items > int(maxItems) {
			t.Fatalf("%+v of %d items", b, len(all))
		}

		// What the list says.
		c := topic.Cursor(cursor)
		var want []shown
		status := http.StatusOK
		named, seq, cerr := c.Split()
		switch {
		case c == "":
			want = all[oldest:]
		case c == topic.Now:
		case cerr != nil:
			status = http.StatusBadRequest
		case named != epoch || seq < oldest || seq > head:
			status = http.StatusGone
		default:
			want = all[seq:]
		}
		if status == http.StatusOK && len(want) == 0 {
			status = http.StatusNoContent
		}

		items, err := log.Read(ended, c, make([]topic.Item, 0, 64))
		var gone *topic.GoneError
		var bad *topic.CursorError
		switch {
		case status == http.StatusGone && (!errors.As(err, &gone) || gone.After != c || gone.Oldest != b.Oldest || gone.Head != b.Head),
			status == http.StatusBadRequest && !errors.As(err, &bad),
			status == http.StatusNoContent && !errors.Is(err, context.Canceled),
			status == http.StatusOK && err != nil:
			t.Fatalf("%q: %v, want %d", cursor, err, status)
		}
		if d := cmp.Diff(want, show(items), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("Read after %q (-list +log):\n%s", cursor, d)
		}
		if len(url.QueryEscape(cursor)) > 4<<10-len("after=") {
			return // the handler refuses the whole query
		}
		samePoll(t, log, cursor, status, want, b)
		sameStreams(t, log, cursor, status, want, b)
	})
}

// get asks the handler of a log for what follows a cursor.
func get(log *topic.Log, ctx context.Context, cursor, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, "GET", "/?after="+url.QueryEscape(cursor), nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	httpstream.Handler(log, &httpstream.Options{WriteTimeout: -1}).ServeHTTP(w, r)
	return w
}

// itemJSON is an item in JSON, and everything else that may stand in its place
// on a line.
type itemJSON struct {
	Cursor string
	Type   *string
	Data   *string
	Base64 *string
	Reset  *struct{ After, Oldest, Head string }
}

func (j itemJSON) show(t *testing.T) shown {
	s := shown{Cursor: j.Cursor, Type: "message"}
	if j.Type != nil {
		s.Type = *j.Type
	}
	switch {
	case (j.Data == nil) == (j.Base64 == nil):
		t.Fatalf("%+v is no item", j)
	case j.Data != nil:
		s.Data = *j.Data
	default:
		b, err := base64.StdEncoding.Strict().DecodeString(*j.Base64)
		if err != nil {
			t.Fatal(err)
		}
		s.Data = string(b)
	}
	return s
}

// strictly decodes with encoding/json all of b, with no field left over.
func strictly(t *testing.T, b []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil || d.More() {
		t.Fatalf("%q: %v", b, err)
	}
}

func samePoll(t *testing.T, log *topic.Log, cursor string, status int, want []shown, b topic.Bounds) {
	w := get(log, ended, cursor, "*/*")
	if w.Code != status {
		t.Fatalf("poll after %q: %d %s, want %d", cursor, w.Code, w.Body, status)
	}
	at := w.Header().Get("Pushwire-Cursor")
	switch status {
	case http.StatusOK:
		var a struct {
			Items  []itemJSON
			Cursor string
			More   bool
		}
		strictly(t, w.Body.Bytes(), &a)
		var got []shown
		for _, j := range a.Items {
			got = append(got, j.show(t))
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" || a.More || a.Cursor != string(b.Head) || at != a.Cursor {
			t.Fatalf("poll after %q: cursor %q and %q, more %v (-list +poll):\n%s", cursor, a.Cursor, at, a.More, d)
		}
	case http.StatusNoContent:
		if at != string(b.Head) {
			t.Fatalf("nothing after %q, and the cursor is %q", cursor, at)
		}
	case http.StatusGone:
		var a struct{ Error, Message, After, Oldest, Head string }
		strictly(t, w.Body.Bytes(), &a)
		if a.Error != "gone" || a.After != cursor || a.Oldest != string(b.Oldest) || a.Head != string(b.Head) || at != a.Oldest {
			t.Fatalf("%+v, cursor %q", a, at)
		}
	}
}

func sameStreams(t *testing.T, log *topic.Log, cursor string, status int, want []shown, b topic.Bounds) {
	reset := status == http.StatusGone
	if reset { // a stream goes on from the oldest
		items, err := log.Read(ended, "", make([]topic.Item, 0, 64))
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		want = show(items)
	}
	log.Close() // so that streams end behind what is there

	w := get(log, context.Background(), cursor, "application/x-ndjson")
	if status == http.StatusBadRequest {
		if w.Code != status {
			t.Fatalf("stream after %q: %d", cursor, w.Code)
		}
		return
	}
	if w.Code == http.StatusServiceUnavailable && len(want) == 0 { // it has ended, and there is nothing before that
		return
	}
	if w.Code != http.StatusOK {
		t.Fatalf("stream after %q: %d %s", cursor, w.Code, w.Body)
	}
	var got []shown
	first := true
	for s := bufio.NewScanner(w.Body); s.Scan(); first = false {
		var j itemJSON
		strictly(t, s.Bytes(), &j)
		switch {
		case (j.Reset != nil) != (first && reset):
			t.Fatalf("line %q after %q", s.Bytes(), cursor)
		case j.Reset != nil && (j.Reset.Oldest != string(b.Oldest) || j.Reset.After != cursor || j.Reset.Head != string(b.Head)):
			t.Fatalf("%+v", j.Reset)
		case j.Data != nil || j.Base64 != nil:
			got = append(got, j.show(t))
		}
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("stream after %q (-list +lines):\n%s", cursor, d)
	}

	e := get(log, context.Background(), cursor, "text/event-stream")
	if e.Code != w.Code {
		t.Fatalf("after %q: lines %d, events %d", cursor, w.Code, e.Code)
	}
	got = nil
	first = true
	for ev, err := range eventstream.Events(e.Result(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Type == "pushwire:reset" {
			if !first || !reset {
				t.Fatalf("%+v after %q", ev, cursor)
			}
			continue
		}
		s := shown{ev.ID, ev.Type, string(ev.Data)}
		if typ, ok := strings.CutSuffix(ev.Type, ";base64"); ok {
			b, err := base64.StdEncoding.DecodeString(s.Data)
			if err != nil {
				t.Fatal(err)
			}
			s.Type, s.Data = typ, string(b)
		}
		got = append(got, s)
		first = false
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("events after %q (-list +events):\n%s", cursor, d)
	}
}
