package topic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
)

// ended is a context that makes Read look without waiting.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// texts is what Read gives at once after a cursor.
func texts(t *testing.T, s Source, after Cursor) string {
	t.Helper()
	items, err := s.Read(ended, after, nil)
	if errors.Is(err, context.Canceled) {
		return ""
	}
	if err != nil {
		t.Fatalf("Read after %q: %v", after, err)
	}
	all := make([]string, len(items))
	for i, it := range items {
		all[i] = string(it.Data)
	}
	return strings.Join(all, " ")
}

func wantGone(t *testing.T, s Source, after Cursor) *GoneError {
	t.Helper()
	items, err := s.Read(ended, after, nil)
	var gone *GoneError
	if !errors.As(err, &gone) || len(items) > 0 {
		t.Fatalf("Read after %q: %v, %v; want a GoneError", after, items, err)
	}
	if gone.After != after {
		t.Errorf("the error names %q, asked for was %q", gone.After, after)
	}
	return gone
}

func fill(l *Log, n int) (all []Cursor) {
	for i := range n {
		all = append(all, l.Append("", fmt.Append(nil, i)))
	}
	return all
}

func TestReadAfterEachCursor(t *testing.T) {
	var l Log
	const n = 200 // more than three segments
	all := fill(&l, n)
	for i, c := range all {
		epoch, seq, err := c.Split()
		if err != nil || epoch != l.epoch || seq != uint64(i+1) {
			t.Fatalf("cursor %d is %q", i, c)
		}
	}
	for i := range n + 1 {
		after := At(l.epoch, uint64(i))
		if i > 0 && after != all[i-1] {
			t.Fatalf("At(%d) is %q, Append gave %q", i, after, all[i-1])
		}
		items, err := l.Read(ended, after, make([]Item, 0, n))
		if i == n {
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("at the end: %v, %v", items, err)
			}
			break
		}
		if err != nil || len(items) != n-i {
			t.Fatalf("after %d: %d items, %v", i, len(items), err)
		}
		for j, it := range items {
			if it.Cursor != all[i+j] || string(it.Data) != fmt.Sprint(i+j) || it.Type != DefaultType || it.Binary || it.Time.IsZero() {
				t.Fatalf("item %d after %d is %+v", j, i, it)
			}
		}
	}
}

func TestReadFillsTheCapacityOfTheBuffer(t *testing.T) {
	var l Log
	fill(&l, 100)
	buf := make([]Item, 3, 7)
	items, err := l.Read(ended, "", buf)
	if err != nil || len(items) != 7 || &items[0] != &buf[0] {
		t.Errorf("%d items, %v", len(items), err)
	}
	if items, err = l.Read(ended, "", nil); err != nil || len(items) != defaultRead {
		t.Errorf("into no buffer: %d items, %v", len(items), err)
	}
}

func TestLimitsOfNumberAndBytes(t *testing.T) {
	l := Log{MaxItems: 3, MaxBytes: 24} // of 8 bytes each
	all := fill(&l, 5)
	if got := texts(t, &l, ""); got != "2 3 4" {
		t.Errorf("of five items, three are %q", got)
	}
	gone := wantGone(t, &l, all[0])
	if gone.Oldest != all[1] || gone.Head != all[4] {
		t.Errorf("%+v; the place before the oldest is %q", gone, all[1])
	}
	if got := texts(t, &l, gone.Oldest); got != "2 3 4" {
		t.Errorf("after Oldest: %q", got)
	}
	l.Append("t", []byte("123456789012345")) // 16 bytes, so one more fits
	if got := texts(t, &l, ""); got != "4 123456789012345" {
		t.Errorf("with a large one: %q", got)
	}
	var e *ItemError
	if _, _, err := l.Publish(ended, Publication{Type: "type", Data: make([]byte, 21)}); !errors.As(err, &e) || e.Size != 25 || e.Limit != 24 {
		t.Errorf("an item above the limit: %v", err)
	}
	b, err := l.Bounds(ended)
	if err != nil || b.Items != 2 || b.Bytes != 24 || b.Oldest != At(l.epoch, 4) || b.Head != At(l.epoch, 6) {
		t.Errorf("bounds %+v, %v", b, err)
	}
}

func TestCursorsThatWereNeverGiven(t *testing.T) {
	var l, other Log
	all := fill(&l, 3)
	fill(&other, 3)
	for _, c := range []Cursor{At(l.epoch, 4), At(l.epoch, 1<<64-1), At(other.epoch, 1), At("0", 0), At(strings.Repeat("z", MaxEpoch), 1<<64-1)} {
		gone := wantGone(t, &l, c)
		if gone.Oldest != At(l.epoch, 0) || gone.Head != all[2] {
			t.Errorf("%+v", gone)
		}
	}
	for _, c := range garbage {
		var e *CursorError
		if _, err := l.Read(ended, c, nil); !errors.As(err, &e) || e.Cursor != c {
			t.Errorf("%q: %v", c, err)
		}
	}
}

func TestNowIsAfterTheNewest(t *testing.T) {
	var l Log
	if _, err := l.Read(ended, Now, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("of an empty log: %v", err)
	}
	fill(&l, 3)
	if got := texts(t, &l, Now); got != "" {
		t.Errorf("%q", got)
	}
}

func TestCloseComesAfterTheItems(t *testing.T) {
	var l Log
	c := l.Append("", []byte("a"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := texts(t, &l, ""); got != "a" {
		t.Errorf("after Close: %q", got)
	}
	for _, after := range []Cursor{c, Now} {
		if _, err := l.Read(context.Background(), after, nil); err != ErrClosed || !errors.Is(err, net.ErrClosed) {
			t.Errorf("after %q: %v", after, err)
		}
	}
	if c := l.Append("", nil); c != "" {
		t.Errorf("Append gave %q", c)
	}
	if _, stored, err := l.Publish(context.Background(), Publication{}); err != ErrClosed || stored {
		t.Errorf("Publish: %v, %v", stored, err)
	}
}

func TestWhatIsNoItem(t *testing.T) {
	l := Log{MaxBytes: 1000}
	for _, p := range []struct {
		Publication
		field, token string
	}{
		{Publication{Type: "a\rb"}, "type", "bad_item"},
		{Publication{Type: "a\nb"}, "type", "bad_item"},
		{Publication{Type: "a\x00b"}, "type", "bad_item"},
		{Publication{Type: "\xff"}, "type", "bad_item"},
		{Publication{Type: "pushwire:reset"}, "type", "bad_item"},
		{Publication{Type: "image;base64"}, "type", "bad_item"},
		{Publication{Type: strings.Repeat("t", MaxType+1)}, "type", "bad_item"},
		{Publication{Key: strings.Repeat("k", MaxKey+1)}, "key", "bad_item"},
		{Publication{Data: []byte("\xc3")}, "data", "bad_item"},
		{Publication{Data: make([]byte, 1001)}, "data", "too_large"},
	} {
		c, stored, err := l.Publish(ended, p.Publication)
		var e *ItemError
		if !errors.As(err, &e) || e.Field != p.field || e.Token() != p.token || c != "" || stored {
			t.Errorf("%+v: %q, %v, %v", p.Publication, c, stored, err)
		}
	}
	for _, p := range []Publication{
		{Type: strings.Repeat("t", MaxType), Key: strings.Repeat("k", MaxKey)},
		{Type: "pushwire", Data: []byte("\xc3"), Binary: true},
		{Type: "base64", Data: make([]byte, 994)},
		{Type: "größe; base64 "},
	} {
		if _, stored, err := l.Publish(ended, p); err != nil || !stored {
			t.Errorf("%+v: %v, %v", p, stored, err)
		}
	}
}

func TestDataIsCopied(t *testing.T) {
	var l Log
	data := []byte("abc")
	l.Append("", data)
	data[0] = 'x'
	if got := texts(t, &l, ""); got != "abc" {
		t.Errorf("%q", got)
	}
}

func TestTheSameKeyIsStoredOnce(t *testing.T) {
	l := Log{MaxItems: 1, DedupItems: 2}
	publish := func(key, data string) (Cursor, bool) {
		t.Helper()
		c, stored, err := l.Publish(ended, Publication{Key: key, Data: []byte(data)})
		if err != nil {
			t.Fatal(err)
		}
		return c, stored
	}
	first, stored := publish("a", "1")
	if !stored {
		t.Fatal("the first is not stored")
	}
	if c, stored := publish("a", "2"); c != first || stored {
		t.Errorf("again: %q, %v", c, stored)
	}
	publish("b", "3") // the item of a has left the log, its key has not
	if c, stored := publish("a", "4"); c != first || stored {
		t.Errorf("after its item has gone: %q, %v", c, stored)
	}
	publish("c", "5") // the third key
	if _, stored := publish("a", "6"); !stored {
		t.Error("more keys are remembered than DedupItems")
	}
	if _, stored := publish("", "7"); !stored {
		t.Error("no key was taken for one")
	}
	if _, stored := publish("", "8"); !stored {
		t.Error("no key was taken for one")
	}
	if got := texts(t, &l, ""); got != "8" {
		t.Errorf("%q", got)
	}
}
