package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// fence returns when the engine has had its chance to call who was woken
// before: another waker, that is due, has been called, and some time has gone
// by for engines that call in no order. That something does not happen can't be
// waited for.
func (s *suite) fence(t topic.Topic) {
	s.Helper()
	done := make(chan struct{}, 1)
	t.Wake("?", func() { signal(done) }) // Read returns an error
	s.wait(done, "the call of a waker that is due")
	time.Sleep(time.Millisecond)
}

// signal says that something has happened, once or more often.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// checkWake: f is called once, when there is something, and not before.
func checkWake(s *suite) {
	t := s.open()
	s.text(t, "old")
	for _, now := range []bool{true, false} {
		after := topic.Now
		if !now {
			after = s.bounds(t).Head
		}
		var calls atomic.Int32
		called := make(chan struct{}, 1)
		t.Wake(after, func() { calls.Add(1); signal(called) })
		s.fence(t)
		if n := calls.Load(); n != 0 {
			s.Fatalf("Wake after %q: called with nothing there", after)
		}
		s.text(t, "new")
		s.wait(called, fmt.Sprintf("the call of Wake after %q", after))
		s.text(t, "newer")
		s.fence(t)
		if n := calls.Load(); n != 1 {
			s.Errorf("Wake after %q: called %d times", after, n)
		}
	}
	empty := s.open()
	called := make(chan struct{}, 1)
	empty.Wake("", func() { signal(called) })
	s.text(empty, "first")
	s.wait(called, "the call of Wake from the start of an empty topic")
}

// checkWakeAtOnce: when Read would not wait f is called, but not inside of
// Wake.
func checkWakeAtOnce(s *suite) {
	t := s.open()
	first := s.text(t, "a")
	s.text(t, "b")
	epoch, seq := s.split(first)
	for why, after := range map[string]topic.Cursor{
		"from the start": "",
		"an old cursor":  first,
		"of the future":  topic.At(epoch, seq+100),
		"another epoch":  topic.At(topic.NewEpoch(), 1),
		"garbage":        "?",
	} {
		returned, called := make(chan struct{}), make(chan struct{}, 1)
		inside := false
		s.within("Wake, "+why+" (f waits for it to return)", func() {
			t.Wake(after, func() {
				select {
				case <-returned:
				default: // called before Wake has returned: by another goroutine, or inside?
					s.hold(returned, &inside)
				}
				signal(called)
			})
			close(returned)
		})
		s.wait(called, "the call of Wake, "+why)
		if inside {
			s.Errorf("%s: f is called inside of Wake", why)
		}
	}
}

// hold waits for returned, which does not come if f is called inside of Wake.
func (s *suite) hold(returned <-chan struct{}, inside *bool) {
	ctx, cancel := context.WithTimeout(bg, s.patience/2)
	defer cancel()
	select {
	case <-returned:
	case <-ctx.Done():
		*inside = true
	}
}

// checkWakeStop: what was stopped is not called, and stop may be called often.
func checkWakeStop(s *suite) {
	t := s.open()
	var stopped atomic.Int32
	var stops []func()
	for range 10 {
		stops = append(stops, t.Wake("", func() { stopped.Add(1) }))
	}
	called := make(chan struct{}, 1)
	stop := t.Wake("", func() { signal(called) }) // not stopped
	for _, stop := range stops {
		stop()
		stop()
	}
	s.text(t, "a")
	s.wait(called, "the call of who was not stopped")
	s.fence(t)
	if n := stopped.Load(); n != 0 {
		s.Errorf("%d that were stopped are called", n)
	}
	s.within("stop, after the call", func() { stop(); stop() })

	// From f itself, and at the moment of the call.
	done := make(chan struct{}, 1)
	var self func()
	ready := make(chan struct{})
	self = t.Wake("", func() { <-ready; self(); signal(done) })
	close(ready)
	s.wait(done, "stop, from f")
	for range 20 {
		var calls atomic.Int32
		stop := t.Wake("", func() { calls.Add(1) })
		stop()
		s.fence(t)
		if n := calls.Load(); n > 1 { // once is right, if it began before stop
			s.Fatalf("called %d times", n)
		}
	}
}

// checkWakeMany: many who wait are all called, once.
func checkWakeMany(s *suite) {
	t := s.open()
	const n = 1000
	var calls [n]atomic.Int32
	var called atomic.Int32
	all := make(chan struct{}, 1)
	for i := range n {
		t.Wake("", func() {
			if calls[i].Add(1) == 1 && called.Add(1) == n {
				signal(all)
			}
		})
	}
	s.text(t, "a")
	s.wait(all, "the calls of many")
	s.text(t, "b")
	s.fence(t)
	for i := range calls {
		if c := calls[i].Load(); c != 1 {
			s.Fatalf("called %d times", c)
		}
	}
}

// checkWakeRace: nobody is forgotten who comes while something is published.
func checkWakeRace(s *suite) {
	t := s.open()
	var after topic.Cursor
	for n := range 200 {
		var published sync.WaitGroup
		published.Go(func() { t.Publish(bg, topic.Publication{}) })
		called := make(chan struct{}, 1)
		t.Wake(after, func() { signal(called) })
		s.wait(called, fmt.Sprintf("the call of Wake after %q, at item %d", after, n))
		items, err := s.read(ended, t, after, nil)
		if err != nil || len(items) != 1 {
			s.Fatalf("Read after %q, which Wake called for: %d items, %v", after, len(items), err)
		}
		after = items[0].Cursor
		s.within("Publish", published.Wait)
	}
}

// checkPublisherIsNotHeldUp: who publishes waits for nobody who was woken.
func checkPublisherIsNotHeldUp(s *suite) {
	t := s.open()
	release := make(chan struct{})
	defer close(release)
	begun := make(chan struct{}, 1)
	t.Wake("", func() { signal(begun); <-release })
	for i := range 100 {
		s.text(t, fmt.Sprint(i))
	}
	s.wait(begun, "the call of Wake")
	s.text(t, "while f runs")
	if got := s.all(t, ""); len(got) != 101 {
		s.Errorf("%d items", len(got))
	}
}

// checkClose: a topic that is closed says so.
func checkClose(s *suite) {
	t := s.open()
	s.text(t, "a")
	if err := t.Close(); err != nil {
		s.Errorf("Close: %v", err)
	}
	s.within("Close, again", func() { t.Close() })
	if c, stored, err := t.Publish(bg, topic.Publication{}); !errors.Is(err, topic.ErrClosed) || stored {
		s.Errorf("Publish: %q, %v, %v", c, stored, err)
	}
	ctx, cancel := context.WithTimeout(bg, s.patience/2)
	defer cancel()
	var after topic.Cursor
	for range 3 { // what was kept may still be read
		items, err := s.read(ctx, t, after, nil)
		if errors.Is(err, topic.ErrClosed) {
			return
		}
		if err != nil {
			s.Fatalf("Read: %v", err)
		}
		after = items[len(items)-1].Cursor
	}
	s.Errorf("there is no end to what is read")
}

// checkCloseWakes: who waits hears of the end.
func checkCloseWakes(s *suite) {
	t := s.open()
	called := make(chan struct{}, 1)
	t.Wake("", func() { signal(called) })
	errs := make(chan error, 1)
	ctx, cancel := context.WithTimeout(bg, s.patience)
	defer cancel()
	go func() {
		_, err := t.Read(ctx, "", nil)
		errs <- err
	}()
	if err := t.Close(); err != nil {
		s.Errorf("Close: %v", err)
	}
	s.wait(called, "the call of Wake")
	if err := <-errs; !errors.Is(err, topic.ErrClosed) {
		s.Errorf("Read, which waited: %v", err)
	}
	t.Wake("", func() { signal(called) })
	s.wait(called, "the call of Wake after Close")
}

// checkReopen: after a topic was opened anew a cursor stands for the same items
// or for an error.
func checkReopen(s *suite) {
	name := "enginetest/" + topic.NewEpoch()
	t := s.openName(name)
	for i := range 5 {
		s.text(t, fmt.Sprint(i))
	}
	old := s.all(t, "")
	if err := t.Close(); err != nil {
		s.Errorf("Close: %v", err)
	}
	t = s.openName(name)
	for i := range 10 {
		s.text(t, fmt.Sprint("new ", i))
	}
	for i, it := range old {
		items, err := s.read(ended, t, it.Cursor, nil)
		var gone *topic.GoneError
		if errors.As(err, &gone) {
			continue
		}
		if err != nil {
			s.Fatalf("Read after %q: %v", it.Cursor, err)
		}
		want := "new 0"
		if i+1 < len(old) {
			want = string(old[i+1].Data)
		}
		if string(items[0].Data) != want {
			s.Fatalf("%q follows %q, after which %q came before", items[0].Data, it.Cursor, want)
		}
	}
}

// checkNames: any string is a name, and different ones are different topics.
func checkNames(s *suite) {
	unique := topic.NewEpoch()
	var topics []topic.Topic
	names := []string{"", "a", "A", "a/b", "a.b", "a b", "..", "ü", "\x00", "\xff", "*", ">", "a-1", "\n"}
	for _, n := range names {
		t := s.openName(unique + n)
		s.text(t, fmt.Sprintf("%q", n))
		topics = append(topics, t)
	}
	for i, t := range topics {
		s.wantTexts("under its name", t, "", fmt.Sprintf("%q", names[i]))
	}
}
