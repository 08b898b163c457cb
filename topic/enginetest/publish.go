package enginetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/pushwire/pushwire/topic"
)

var bg = context.Background()

// checkRefused: what can't be an item is refused and leaves nothing.
func checkRefused(s *suite) {
	t := s.open()
	for _, p := range []topic.Publication{
		{Type: "a\nb"}, {Type: "a\rb"}, {Type: "a\x00b"}, {Type: "\xff"}, {Type: strings.Repeat("t", topic.MaxType+1)},
		{Type: "pushwire:reset"}, {Type: "image;base64"}, {Type: "text;json"},
		{Data: []byte("\xff")}, {Data: []byte("half \xc3")},
		{Key: strings.Repeat("k", topic.MaxKey+1)},
	} {
		var e *topic.ItemError
		if c, stored, err := t.Publish(bg, p); !errors.As(err, &e) || stored || c != "" {
			s.Errorf("type %.40q, data %.40q, a key of %d bytes: %q, %v, %v; want a *topic.ItemError", p.Type, p.Data, len(p.Key), c, stored, err)
		}
	}
	s.publish(t, topic.Publication{Type: strings.Repeat("t", topic.MaxType), Data: []byte("a"), Key: strings.Repeat("k", topic.MaxKey)})
	s.wantTexts("one that is as large as it may be", t, "", "a")
}

// checkKeys: a publication is stored once for its key.
func checkKeys(s *suite) {
	t, other := s.open(), s.open()
	first := s.publish(t, topic.Publication{Data: []byte("1"), Key: "a"})
	again := func(why string, key string, want topic.Cursor) {
		s.Helper()
		c, stored, err := t.Publish(bg, topic.Publication{Data: []byte("again"), Type: "other", Key: key})
		if err != nil || stored || c != want {
			s.Errorf("%s: %q, stored is %v, %v; that of the first is %q", why, c, stored, err, want)
		}
	}
	again("the key of the newest", "a", first)
	second := s.publish(t, topic.Publication{Data: []byte("2"), Key: "A"})
	s.text(t, "3")
	s.text(t, "4")
	again("an older one", "a", first)
	again("another", "A", second)
	s.publish(other, topic.Publication{Data: []byte("of its own"), Key: "a"})
	s.wantTexts("once for each key", t, "", "1", "2", "3", "4")
	s.wantTexts("keys are a topic's own", other, "", "of its own")
}

// checkKeysConcurrently: that holds for those who publish at the same time.
func checkKeysConcurrently(s *suite) {
	t := s.open()
	const keys, publishers = 50, 8
	type result struct {
		c      topic.Cursor
		stored bool
		err    error
	}
	var results [publishers][keys]result
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for k := range keys {
				r := &results[p][k]
				r.c, r.stored, r.err = t.Publish(bg, topic.Publication{Data: fmt.Append(nil, k), Key: fmt.Sprint(k)})
			}
		})
	}
	s.within("Publish by many", wg.Wait)
	for k := range keys {
		stored := 0
		for p := range publishers {
			r := results[p][k]
			if r.err != nil || r.c != results[0][k].c {
				s.Errorf("key %d: %q and %q, %v", k, results[0][k].c, r.c, r.err)
			}
			if r.stored {
				stored++
			}
		}
		if stored != 1 {
			s.Errorf("key %d is said to be stored %d times", k, stored)
		}
	}
	for i, it := range s.all(t, "") {
		if i >= keys || results[0][i].c == "" {
			s.Fatalf("item %d, %q, is one too many", i, it.Data)
		}
	}
}
