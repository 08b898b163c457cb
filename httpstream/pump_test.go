package httpstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// fakeOutlet is a connection that takes what it is told to, and checks that
// one goroutine at a time uses it.
type fakeOutlet struct {
	t      *testing.T
	ctx    context.Context
	cancel context.CancelFunc

	busy sync.Mutex // of the one that uses it

	mu       sync.Mutex
	got      []uint64 // seqs; a reset is 0
	room     int      // items that try takes before it is full
	pause    time.Duration
	tries    int
	writes   int
	finished error
}

func newFakeOutlet(t *testing.T) *fakeOutlet {
	o := &fakeOutlet{t: t, room: 1 << 30}
	o.ctx, o.cancel = context.WithCancel(t.Context())
	return o
}

func (o *fakeOutlet) use() func() {
	if !o.busy.TryLock() {
		o.t.Error("two goroutines write to one connection")
		o.busy.Lock()
	}
	return o.busy.Unlock
}

func (o *fakeOutlet) take(items []topic.Item) {
	for i := range items {
		_, seq, err := items[i].Cursor.Split()
		if err != nil {
			o.t.Error(err)
		}
		o.got = append(o.got, seq)
	}
}

func (o *fakeOutlet) try(items []topic.Item) (n int, err error) {
	defer o.use()()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tries++
	if o.ctx.Err() != nil {
		return 0, o.ctx.Err()
	}
	n = min(len(items), o.room)
	o.room -= n
	o.take(items[:n])
	return n, nil
}

func (o *fakeOutlet) write(items []topic.Item) (n int, err error) {
	defer o.use()()
	o.mu.Lock()
	pause := o.pause
	o.writes++
	o.mu.Unlock()
	select {
	case <-time.After(pause):
	case <-o.ctx.Done():
		return 0, o.ctx.Err()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.take(items)
	return len(items), nil
}

func (o *fakeOutlet) position(topic.Cursor) error { defer o.use()(); return o.ctx.Err() }

func (o *fakeOutlet) reset(*topic.GoneError) error {
	defer o.use()()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.got = append(o.got, 0)
	return o.ctx.Err()
}

func (o *fakeOutlet) finish(err error) { o.mu.Lock(); o.finished = err; o.mu.Unlock(); o.cancel() }
func (o *fakeOutlet) touch()           {}

func (o *fakeOutlet) context() context.Context { return o.ctx }

// want compares what came so far.
func (o *fakeOutlet) want(why string, want ...uint64) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if fmt.Sprint(o.got) != fmt.Sprint(want) {
		o.t.Errorf("%s: got %v, want %v", why, o.got, want)
	}
	o.got = nil
}

// watchedSource tells how many calls it owes to those who wait.
type watchedSource interface {
	topic.Topic
	Append(typ string, data []byte) topic.Cursor
	owes() int
}

// watcher makes a source of a log.
type watcher func(*topic.Log) watchedSource

// overWatched runs a test with each kind of source that wakes.
func overWatched(t *testing.T, test func(t *testing.T, watch watcher)) {
	t.Run("Rewaker", func(t *testing.T) {
		test(t, func(l *topic.Log) watchedSource { return rewatched{l} })
	})
	t.Run("Waker", func(t *testing.T) {
		test(t, func(l *topic.Log) watchedSource { return &watched{plainTopic: plainTopic{l}} })
	})
}

// rewatched is a log that its readers wait for with their own Wakeups.
type rewatched struct{ *topic.Log }

func (w rewatched) owes() int { return w.Waiting() }

// plainTopic is a log without what only a log has.
type plainTopic struct{ topic.Topic }

func (p plainTopic) Append(typ string, data []byte) topic.Cursor {
	return p.Topic.(*topic.Log).Append(typ, data)
}

// watched counts the calls that a plain Waker owes.
type watched struct {
	plainTopic
	mu   sync.Mutex
	owed int
}

func (w *watched) Wake(after topic.Cursor, f func()) func() {
	w.mu.Lock()
	w.owed++
	w.mu.Unlock()
	var once sync.Once
	paid := func() { once.Do(func() { w.mu.Lock(); w.owed--; w.mu.Unlock() }) }
	stop := w.plainTopic.Wake(after, func() { paid(); f() })
	return func() { stop(); paid() }
}

func (w *watched) owes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.owed
}

// The states of a pump, in a conversation.
func TestPumpStates(t *testing.T) { overWatched(t, testPumpStates) }

func testPumpStates(t *testing.T, watch watcher) {
	synctest.Test(t, func(t *testing.T) {
		src := watch(new(topic.Log))
		defer src.Close()
		o := newFakeOutlet(t)
		p := new(pump)
		p.init(src, o, nil)
		state := func(why string, want pumpState, owed int) {
			t.Helper()
			synctest.Wait()
			if pumpState(p.state.Load()%pumpStates) != want || src.owes() != owed {
				t.Errorf("%s: state %d, %d calls owed; want %d, %d", why, p.state.Load()%pumpStates, src.owes(), want, owed)
			}
		}
		add := func(n int) {
			for range n {
				src.Append("", []byte("x"))
			}
			synctest.Wait()
		}
		add(3)
		p.begin("", nil)
		o.want("at the beginning", 1, 2, 3)
		state("nothing is left", pumpWaiting, 1)

		add(2)
		o.want("woken", 4, 5)
		state("all was taken", pumpWaiting, 1)
		if o.writes != 1 || o.tries == 0 {
			t.Errorf("%d writes, %d tries: only the beginning may wait", o.writes, o.tries)
		}

		o.room, o.pause = 1, time.Second
		add(3)
		o.want("the connection takes one", 6)
		state("a goroutine writes the rest", pumpBehind, 0)
		add(2)
		o.want("meanwhile nothing else is tried")
		time.Sleep(time.Second)
		synctest.Wait()
		o.want("the rest", 7, 8)
		time.Sleep(time.Second)
		synctest.Wait()
		o.want("and what came meanwhile", 9, 10)
		state("it has caught up", pumpWaiting, 1)

		o.pause = 0
		p.end()
		state("the connection has ended", pumpEnded, 0)
		add(1)
		o.want("nobody is woken")
		p.end()
	})
}

// More than a batch is not for the goroutine of the source.
func TestPumpHandsALongWayToAGoroutine(t *testing.T) {
	overWatched(t, testPumpHandsALongWayToAGoroutine)
}

func testPumpHandsALongWayToAGoroutine(t *testing.T, watch watcher) {
	synctest.Test(t, func(t *testing.T) {
		src := watch(new(topic.Log))
		defer src.Close()
		o := newFakeOutlet(t)
		p := new(pump)
		p.init(src, o, nil)
		p.begin("", nil)
		o.mu.Lock() // the first try waits until all are there
		for range 10 * readSize {
			src.Append("", nil)
		}
		o.mu.Unlock()
		synctest.Wait()
		if len(o.got) != 10*readSize || o.writes == 0 || o.tries > 2 {
			t.Errorf("%d items, %d writes, %d tries", len(o.got), o.writes, o.tries)
		}
		p.end()
	})
}

// What a slow client misses it is told, wherever it was, and it goes on from
// the oldest.
func TestPumpTellsOfAGap(t *testing.T) { overWatched(t, testPumpTellsOfAGap) }

func testPumpTellsOfAGap(t *testing.T, watch watcher) {
	synctest.Test(t, func(t *testing.T) {
		src := watch(&topic.Log{MaxItems: 3})
		defer src.Close()
		o := newFakeOutlet(t)
		p := new(pump)
		p.init(src, o, nil)
		p.begin("", nil)
		o.room, o.pause = 0, time.Minute
		src.Append("", nil)
		synctest.Wait()
		o.mu.Lock()
		o.pause = 0
		o.mu.Unlock()
		for range 9 {
			src.Append("", nil)
		}
		o.want("it is stuck")
		time.Sleep(2 * time.Minute)
		o.want("after the gap", 1, 0, 8, 9, 10)
		p.end()
	})
}

// The source ends, or fails, or can't be read by its own rules.
func TestPumpAtTheEndOfTheSource(t *testing.T) { overWatched(t, testPumpAtTheEndOfTheSource) }

func testPumpAtTheEndOfTheSource(t *testing.T, watch watcher) {
	synctest.Test(t, func(t *testing.T) {
		src := watch(new(topic.Log))
		o := newFakeOutlet(t)
		p := new(pump)
		p.init(src, o, nil)
		p.begin("", nil)
		src.Append("", nil)
		src.Close()
		synctest.Wait()
		o.want("the last", 1)
		if !errors.Is(o.finished, topic.ErrClosed) || src.owes() != 0 {
			t.Errorf("finished with %v, %d calls owed", o.finished, src.owes())
		}
		p.end()
	})
}

// plainSource has Read and nothing else.
type plainSource struct{ s topic.Source }

func (p plainSource) Read(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
	return p.s.Read(ctx, after, buf)
}

// A source that can't wake anybody is waited for in Read. One that can, but can't
// tell where Now is, until its first item.
func TestPumpWithoutAWaker(t *testing.T) {
	type wakerOnly struct {
		plainSource
		topic.Waker
	}
	for _, v := range []struct {
		name  string
		src   func(*topic.Log) topic.Source
		after topic.Cursor
	}{
		{"plain", func(l *topic.Log) topic.Source { return plainSource{l} }, ""},
		{"plain, now", func(l *topic.Log) topic.Source { return plainSource{l} }, topic.Now},
		{"Waker, now", func(l *topic.Log) topic.Source { return wakerOnly{plainSource{l}, l} }, topic.Now},
	} {
		t.Run(v.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := new(topic.Log)
				log.Append("", nil)
				o := newFakeOutlet(t)
				p := new(pump)
				p.init(v.src(log), o, nil)
				go p.begin(v.after, nil)
				synctest.Wait()
				if v.after == "" {
					o.want("at the beginning", 1)
				} else {
					o.want("at the beginning")
				}
				for i := range uint64(3) {
					log.Append("", nil)
					log.Append("", nil)
					synctest.Wait()
					o.want("while it waits", 2*i+2, 2*i+3)
				}
				o.cancel() // the connection ends
				p.end()
				synctest.Wait()
				log.Close()
			})
		})
	}
}

// Pumps that end at any moment, while they are woken, while they wait, while
// they write, leave no call behind and write from one goroutine at a time.
func TestPumpsThatEndAtAnyMoment(t *testing.T) { overWatched(t, testPumpsThatEndAtAnyMoment) }

func testPumpsThatEndAtAnyMoment(t *testing.T, watch watcher) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			src := watch(&topic.Log{MaxItems: 200})
			defer src.Close()
			var pumps []*pump
			var outs []*fakeOutlet
			for range 50 {
				o := newFakeOutlet(t)
				o.room = r.IntN(100)
				o.pause = time.Duration(r.IntN(50)) * time.Millisecond
				p := new(pump)
				p.init(src, o, nil)
				pumps, outs = append(pumps, p), append(outs, o)
				go p.begin("", nil)
			}
			var wg sync.WaitGroup
			for i, p := range pumps {
				after := time.Duration(r.IntN(200)) * time.Millisecond
				wg.Go(func() {
					time.Sleep(after)
					outs[i].cancel()
					p.end()
				})
			}
			for range 300 {
				src.Append("", nil)
				if r.IntN(3) == 0 {
					time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
				}
			}
			wg.Wait()
			synctest.Wait()
			if n := src.owes(); n != 0 {
				t.Errorf("seed %d: %d calls are still owed", seed, n)
			}
			for i, o := range outs {
				for k := 1; k < len(o.got); k++ {
					if o.got[k] != o.got[k-1]+1 && o.got[k] != 0 && o.got[k-1] != 0 {
						t.Fatalf("seed %d, pump %d: %v", seed, i, o.got)
					}
				}
			}
		})
	}
}
