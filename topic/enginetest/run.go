package enginetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// patience is how long a check waits for what has to happen.
const patience = 10 * time.Second

// Run runs all checks as subtests of t.
func Run(t *testing.T, open func(t *testing.T) topic.Engine) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			c.run(&suite{tb: t, engine: open(t), patience: patience})
		})
	}
}

var checks = []struct {
	name string
	run  func(*suite)
}{
	{"Items", checkItems},
	{"DataIsCopied", checkDataIsCopied},
	{"Buffer", checkBuffer},
	{"EndedContext", checkEndedContext},
	{"Start", checkStart},
	{"Now", checkNow},
	{"Wait", checkWait},
	{"WaitEndsWithContext", checkWaitEndsWithContext},
	{"Garbage", checkGarbage},
	{"NeverGiven", checkNeverGiven},
	{"Evicted", checkEvicted},
	{"SameForever", checkSameForever},
	{"Refused", checkRefused},
	{"Keys", checkKeys},
	{"KeysConcurrently", checkKeysConcurrently},
	{"Bounds", checkBounds},
	{"Wake", checkWake},
	{"WakeAtOnce", checkWakeAtOnce},
	{"WakeStop", checkWakeStop},
	{"WakeMany", checkWakeMany},
	{"WakeRace", checkWakeRace},
	{"PublisherIsNotHeldUp", checkPublisherIsNotHeldUp},
	{"Close", checkClose},
	{"CloseWakes", checkCloseWakes},
	{"Reopen", checkReopen},
	{"Names", checkNames},
	{"ExactlyOnce", checkExactlyOnce},
}

// tb is what checks need of a testing.TB, so that the tests of this package can
// see them fail.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Cleanup(func())
	Failed() bool
}

// suite is one run of one check.
type suite struct {
	tb
	engine   topic.Engine
	patience time.Duration
}

// open returns the topic of a name that nobody has used.
func (s *suite) open() topic.Topic {
	s.Helper()
	return s.openName("enginetest/" + topic.NewEpoch())
}

// openName returns the topic of a name, which is closed after the check.
func (s *suite) openName(name string) topic.Topic {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.patience)
	defer cancel()
	t, err := s.engine.Open(ctx, name)
	if err != nil {
		s.Fatalf("Open(%q): %v", name, err)
	}
	s.Cleanup(func() { t.Close() })
	return t
}

// ended is a context that makes Read look without waiting.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// within fails the check when f has not returned in time.
func (s *suite) within(what string, f func()) {
	s.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	s.wait(done, what)
}

// wait fails the check when c is not closed, or sent to, in time.
func (s *suite) wait(c <-chan struct{}, what string) {
	s.Helper()
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case <-c:
	case <-timer.C:
		s.Fatalf("%s: not within %v", what, s.patience)
	}
}

// publish publishes p, which has to be stored.
func (s *suite) publish(t topic.Topic, p topic.Publication) topic.Cursor {
	s.Helper()
	var c topic.Cursor
	var stored bool
	var err error
	s.within("Publish", func() { c, stored, err = t.Publish(context.Background(), p) })
	if err != nil || !stored {
		s.Fatalf("Publish: %q, stored is %v, %v", c, stored, err)
	}
	return c
}

// text publishes text.
func (s *suite) text(t topic.Topic, data string) topic.Cursor {
	s.Helper()
	return s.publish(t, topic.Publication{Data: []byte(data)})
}

// read is t.Read, which has to return in time.
func (s *suite) read(ctx context.Context, t topic.Topic, after topic.Cursor, buf []topic.Item) (items []topic.Item, err error) {
	s.Helper()
	s.within("Read", func() { items, err = t.Read(ctx, after, buf) })
	if err == nil && len(items) == 0 {
		s.Fatalf("Read after %q: nothing, and no error", after)
	}
	if err != nil && len(items) > 0 {
		s.Fatalf("Read after %q: %d items and an error: %v", after, len(items), err)
	}
	return items, err
}

// all returns all that follows a cursor now.
func (s *suite) all(t topic.Topic, after topic.Cursor) (all []topic.Item) {
	s.Helper()
	for {
		items, err := s.read(ended, t, after, nil)
		if errors.Is(err, context.Canceled) {
			return all
		}
		if err != nil {
			s.Fatalf("Read after %q: %v", after, err)
		}
		all = append(all, items...)
		after = items[len(items)-1].Cursor
	}
}

// wantTexts reads what follows a cursor now.
func (s *suite) wantTexts(why string, t topic.Topic, after topic.Cursor, want ...string) {
	s.Helper()
	got := s.all(t, after)
	if len(got) != len(want) {
		s.Fatalf("%s: %d items follow %q, want %d", why, len(got), after, len(want))
	}
	for i, it := range got {
		if string(it.Data) != want[i] {
			s.Fatalf("%s: item %d after %q is %q, want %q", why, i, after, it.Data, want[i])
		}
	}
}

// split takes the cursor of an item apart.
func (s *suite) split(c topic.Cursor) (epoch string, seq uint64) {
	s.Helper()
	epoch, seq, err := c.Split()
	if err != nil {
		s.Fatalf("the cursor of an item: %v", err)
	}
	return epoch, seq
}
