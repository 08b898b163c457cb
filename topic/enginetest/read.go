package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// checkItems: what was published is read as it was, in order, after each
// cursor, and cursors count by one.
func checkItems(s *suite) {
	t := s.open()
	sizes := []int{0, 1, 30, 200, 1000, 10_000}
	var sent []topic.Publication
	var cursors []topic.Cursor
	for i := range 150 {
		p := topic.Publication{
			Type:   []string{"", "type", "größe", topic.DefaultType}[i%4],
			Data:   bytes.Repeat([]byte{byte('a' + i%26)}, sizes[i%len(sizes)]),
			Binary: i%3 == 1,
		}
		if p.Binary {
			p.Data = append(p.Data, 0xff, 0, '\r', '\n')
		} else {
			p.Data = fmt.Append(p.Data, "\r\n\x00ü", i)
		}
		sent = append(sent, p)
		cursors = append(cursors, s.publish(t, p))
	}
	epoch, first := s.split(cursors[0])
	for i, c := range cursors {
		if e, seq := s.split(c); e != epoch || seq != first+uint64(i) {
			s.Fatalf("the cursor of item %d is %q, that of the first was %q", i, c, cursors[0])
		}
	}
	for start := range len(sent) + 1 {
		after := topic.Cursor("")
		if start > 0 {
			after = cursors[start-1]
		}
		got := s.all(t, after)
		if len(got) != len(sent)-start {
			s.Fatalf("%d items follow %q, want %d", len(got), after, len(sent)-start)
		}
		for i, it := range got {
			want, c := sent[start+i], cursors[start+i]
			if want.Type == "" {
				want.Type = topic.DefaultType
			}
			if it.Cursor != c || it.Type != want.Type || it.Binary != want.Binary || !bytes.Equal(it.Data, want.Data) {
				s.Fatalf("item %d after %q is %q, type %q, binary %v, %d bytes; want %q, type %q, binary %v, %d bytes",
					i, after, it.Cursor, it.Type, it.Binary, len(it.Data), c, want.Type, want.Binary, len(want.Data))
			}
			if it.Time.IsZero() || i > 0 && it.Time.Before(got[i-1].Time) {
				s.Fatalf("item %d after %q was published at %v", i, after, it.Time)
			}
		}
	}
}

// checkDataIsCopied: the publisher may use its memory again.
func checkDataIsCopied(s *suite) {
	t := s.open()
	data := []byte("before")
	s.publish(t, topic.Publication{Data: data})
	copy(data, "after!")
	s.wantTexts("the publisher's slice has changed", t, "", "before")
}

// checkBuffer: Read fills the capacity that it gets.
func checkBuffer(s *suite) {
	t := s.open()
	for i := range 20 {
		s.text(t, fmt.Sprint(i))
	}
	old := s.all(t, "")[7:]
	buf := append(make([]topic.Item, 0, 3), old[:2]...) // its content does not count
	for _, b := range [][]topic.Item{buf, buf[:0], buf[:3], make([]topic.Item, 1)} {
		got, err := s.read(ended, t, "", b)
		if err != nil {
			s.Fatalf("Read: %v", err)
		}
		if len(got) > cap(b) {
			s.Errorf("%d items in a buffer for %d", len(got), cap(b))
		}
		if &got[0] != &b[:1][0] {
			s.Errorf("the items are not in the buffer")
		}
		if string(got[0].Data) != "0" {
			s.Errorf("the first item is %q", got[0].Data)
		}
	}
}

// checkEndedContext: a context that has ended hides nothing, and waits for
// nothing.
func checkEndedContext(s *suite) {
	t := s.open()
	late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	for _, ctx := range []context.Context{ended, late} {
		if _, err := s.read(ctx, t, "", nil); !errors.Is(err, ctx.Err()) {
			s.Errorf("Read of an empty topic: %v, want %v", err, ctx.Err())
		}
	}
	c := s.text(t, "there")
	for _, ctx := range []context.Context{ended, late} {
		if items, err := s.read(ctx, t, "", nil); err != nil || string(items[0].Data) != "there" {
			s.Errorf("what is there is hidden: %v", err)
		}
		if _, err := s.read(ctx, t, c, nil); !errors.Is(err, ctx.Err()) {
			s.Errorf("Read after the newest: %v, want %v", err, ctx.Err())
		}
	}
}

// checkStart: the empty cursor is before the oldest item.
func checkStart(s *suite) {
	t := s.open()
	s.wantTexts("nothing was published", t, "")
	s.text(t, "a")
	s.wantTexts("the first", t, "", "a")
	s.text(t, "b")
	s.wantTexts("all", t, "", "a", "b")
}

// checkNow: Now is behind what was there when it was asked, and before what
// comes.
func checkNow(s *suite) {
	t := s.open()
	s.text(t, "old")
	s.wantTexts("what is old", t, topic.Now)
	s.waitFor(t, topic.Now, "new")
}

// waitFor has a reader wait, then publishes data, which it has to get.
func (s *suite) waitFor(t topic.Topic, after topic.Cursor, data string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.patience)
	defer cancel()
	type result struct {
		items []topic.Item
		err   error
	}
	got := make(chan result, 1)
	go func() {
		items, err := t.Read(ctx, after, nil)
		got <- result{items, err}
	}()
	// Whether it waits can't be seen. It gets some time for that, and must not
	// return in it. Who comes late finds the item there, but not after Now.
	begin := 10 * time.Millisecond
	if after == topic.Now {
		begin = 500 * time.Millisecond
	}
	select {
	case r := <-got:
		s.Fatalf("Read after %q did not wait: %d items, %v", after, len(r.items), r.err)
	case <-time.After(begin):
	}
	s.text(t, data)
	timer := time.NewTimer(2 * s.patience)
	defer timer.Stop()
	select {
	case r := <-got:
		if r.err != nil || len(r.items) != 1 || string(r.items[0].Data) != data {
			s.Fatalf("Read after %q, which waited for %q: %d items, %v", after, data, len(r.items), r.err)
		}
	case <-timer.C:
		s.Fatalf("Read after %q waits though its context has ended", after)
	}
}

// checkWait: a reader that waits gets what is published.
func checkWait(s *suite) {
	t := s.open()
	s.waitFor(t, "", "0")
	for i := range 3 {
		items := s.all(t, "")
		s.waitFor(t, items[len(items)-1].Cursor, fmt.Sprint("after the newest, ", i))
	}
	b := s.bounds(t)
	s.waitFor(t, b.Head, "after the head")
	empty := s.open()
	s.waitFor(empty, s.bounds(empty).Head, "after the head of an empty topic")
}

// checkWaitEndsWithContext: a wait ends with its context, and disturbs nobody.
func checkWaitEndsWithContext(s *suite) {
	t := s.open()
	for _, after := range []topic.Cursor{"", topic.Now} {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		if _, err := s.read(ctx, t, after, nil); !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("Read after %q: %v", after, err)
		}
		cancel()
		ctx, cancel = context.WithCancel(context.Background())
		time.AfterFunc(5*time.Millisecond, cancel)
		if _, err := s.read(ctx, t, after, nil); !errors.Is(err, context.Canceled) {
			s.Errorf("Read after %q: %v", after, err)
		}
	}
	s.waitFor(t, "", "a")
}

// checkSameForever: an item does not change, whatever comes after it.
func checkSameForever(s *suite) {
	t := s.open()
	for i := range 50 {
		s.text(t, fmt.Sprint("text ", i))
	}
	held := s.all(t, "")
	var copies []string
	for _, it := range held {
		copies = append(copies, string(it.Data))
	}
	for i := range 200 {
		s.text(t, fmt.Sprint("more ", i))
	}
	for i, it := range held {
		if string(it.Data) != copies[i] {
			s.Fatalf("item %q was %q and has become %q", it.Cursor, copies[i], it.Data)
		}
	}
	for i, it := range s.all(t, "")[:len(held)] {
		if it.Cursor != held[i].Cursor || it.Type != held[i].Type || string(it.Data) != copies[i] || !it.Time.Equal(held[i].Time) {
			s.Fatalf("item %q of %v is read as %q of %v", held[i].Cursor, held[i].Time, it.Cursor, it.Time)
		}
	}
}
