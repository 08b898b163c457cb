package enginetest

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/pushwire/pushwire/topic"
)

// checkGarbage: what is no cursor is refused as such.
func checkGarbage(s *suite) {
	t := s.open()
	c := s.text(t, "a")
	for _, bad := range []topic.Cursor{
		"x", "-", "1", "-1", "a-", "a-b", "a--1", "a-+1", "a-01", "a-1_0", "A-1", "ä-1", " ", "now ", "NOW", "*", "$", "0", "\x00", "\xff",
		c + " ", " " + c, c + "\n", c + "-1", c + "\x00", "-" + c,
		topic.Cursor(strings.Repeat("a", 100) + "-1"), topic.Cursor(strings.Repeat("1", 1<<16)),
		"a-18446744073709551616",
	} {
		items, err := s.read(ended, t, bad, nil)
		var e *topic.CursorError
		if !errors.As(err, &e) {
			s.Errorf("Read after %.70q: %d items, %v; want a *topic.CursorError", string(bad), len(items), err)
		} else if e.Cursor != bad {
			s.Errorf("Read after %.70q: the error is about %.70q", string(bad), string(e.Cursor))
		}
	}
	s.wantTexts("after all that", t, "", "a")
}

// wantGone reads after a cursor that the topic can't go on after, and goes on
// with what the error tells.
func (s *suite) wantGone(why string, t topic.Topic, after topic.Cursor) *topic.GoneError {
	s.Helper()
	items, err := s.read(ended, t, after, nil)
	var gone *topic.GoneError
	if !errors.As(err, &gone) {
		s.Fatalf("%s: Read after %q: %d items, %v; want a *topic.GoneError", why, after, len(items), err)
	}
	if gone.After != after {
		s.Errorf("%s: After is %q, asked for was %q", why, gone.After, after)
	}
	epoch, oldest := s.split(gone.Oldest)
	headEpoch, head := s.split(gone.Head)
	if epoch != headEpoch || oldest > head {
		s.Errorf("%s: Oldest is %q and Head is %q", why, gone.Oldest, gone.Head)
	}
	if b := s.bounds(t); gone.Oldest != b.Oldest || gone.Head != b.Head {
		s.Errorf("%s: Oldest is %q and Head is %q, the bounds are %+v", why, gone.Oldest, gone.Head, b)
	}
	kept := s.all(t, gone.Oldest)
	if uint64(len(kept)) != head-oldest || len(kept) > 0 && kept[0].Cursor != topic.At(epoch, oldest+1) {
		s.Errorf("%s: %d items follow Oldest, %q; Head is %q", why, len(kept), gone.Oldest, gone.Head)
	}
	if rest := s.all(t, gone.Head); len(rest) > 0 {
		s.Errorf("%s: %d items follow Head", why, len(rest))
	}
	return gone
}

// checkNeverGiven: cursors of the future and of other topics are gone.
func checkNeverGiven(s *suite) {
	t, other := s.open(), s.open()
	for range 5 {
		s.text(other, "other")
	}
	theirs := s.all(other, "")
	empty := s.bounds(t)
	s.wantGone("of another topic, of an empty one", t, theirs[0].Cursor)
	epoch, seq := s.split(empty.Head)
	s.wantGone("of the future of an empty topic", t, topic.At(epoch, seq+1))
	for i := range 3 {
		s.text(t, fmt.Sprint(i))
	}
	for _, ahead := range []uint64{4, 5, 100} {
		s.wantGone("of the future", t, topic.At(epoch, seq+ahead))
	}
	s.wantGone("of the end of time", t, topic.At(epoch, math.MaxUint64))
	s.wantGone("of the end of time but one", t, topic.At(epoch, math.MaxUint64-1))
	for _, it := range theirs {
		s.wantGone("of another topic", t, it.Cursor)
	}
	s.wantGone("of an epoch that never was", t, topic.At(topic.NewEpoch(), 1))
	s.wantGone("of another epoch, before its first", t, topic.At("0", 0))
	s.text(t, "3")
	s.wantTexts("a cursor of the future has come", t, topic.At(epoch, seq+4))
}

// evictedAfter is how many items are published to see the first evicted.
const evictedAfter = 20_000

// checkEvicted: after an item that is not kept comes an error, never a later
// item.
func checkEvicted(s *suite) {
	t := s.open()
	first := s.text(t, "0")
	epoch, seq := s.split(first)
	n := uint64(1)
	for kept := true; kept; {
		for range 100 {
			s.text(t, fmt.Sprint(n))
			n++
		}
		items, err := s.read(ended, t, first, nil)
		if kept = err == nil; kept && items[0].Cursor != topic.At(epoch, seq+1) {
			s.Fatalf("%q follows %q", items[0].Cursor, first)
		}
		if n > evictedAfter {
			s.Skipf("the engine keeps %d items: what is evicted is not checked", n)
		}
	}
	gone := s.wantGone("evicted", t, first)
	_, oldest := s.split(gone.Oldest)
	if oldest <= seq {
		s.Errorf("Oldest is %q, but what follows %q is gone", gone.Oldest, first)
	}
	if head := topic.At(epoch, seq+n-1); gone.Head != head {
		s.Errorf("Head is %q, the newest item is %q", gone.Head, head)
	}
	for i := range n {
		after := topic.At(epoch, seq+i)
		items, err := s.read(ended, t, after, make([]topic.Item, 0, 1))
		switch {
		case seq+i < oldest:
			if gone := (*topic.GoneError)(nil); !errors.As(err, &gone) {
				s.Fatalf("Read after %q, which is before the oldest: %d items, %v", after, len(items), err)
			}
		case i == n-1:
			if err == nil {
				s.Fatalf("%q follows the newest", items[0].Cursor)
			}
		case err != nil || items[0].Cursor != topic.At(epoch, seq+i+1) || string(items[0].Data) != fmt.Sprint(i+1):
			s.Fatalf("Read after %q: %d items, %v", after, len(items), err)
		}
	}
	items, err := s.read(ended, t, "", nil)
	if err != nil || items[0].Cursor != topic.At(epoch, oldest+1) {
		s.Errorf("Read from the start: %d items, %v; the oldest follows %q", len(items), err, gone.Oldest)
	}
}

// bounds is t.Bounds, which has to work.
func (s *suite) bounds(t topic.Topic) (b topic.Bounds) {
	s.Helper()
	var err error
	s.within("Bounds", func() { b, err = t.Bounds(bg) })
	if err != nil {
		s.Fatalf("Bounds: %v", err)
	}
	return b
}

// checkBounds: the bounds are those of what is read.
func checkBounds(s *suite) {
	t := s.open()
	b := s.bounds(t)
	if b.Oldest != b.Head || b.Items != 0 || b.Bytes != 0 {
		s.Errorf("of an empty topic: %+v", b)
	}
	s.wantTexts("after the oldest of an empty topic", t, b.Oldest)
	before := b.Head
	for i := range 10 {
		c := s.text(t, "1234567890")
		b := s.bounds(t)
		if b.Oldest != before || b.Head != c || b.Items != i+1 || b.Bytes < int64(10*(i+1)) {
			s.Errorf("after %d items, the newest of which is %q and the first of which follows %q: %+v", i+1, c, before, b)
		}
		if got := s.all(t, b.Oldest); len(got) != b.Items {
			s.Errorf("%d items follow the oldest of %+v", len(got), b)
		}
	}
}
