package httpstream

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/pushwire/pushwire/topic"
)

// pump moves the items of a source to one client that stays, for as long as it
// stays: a socket, or an event stream. It has no queue. It remembers the cursor
// of the last item that it handed to the connection, and reads on from there.
//
//	         a call of the Waker         not all was taken, or there is more
//	waiting ────────────────────> woken ────────────────────────────────────> behind
//	   ^                            │                                            │
//	   └──── all was taken ─────────┘                                            │
//	   └──── nothing is left ────────────────────────────────────────────────────┘
//
// A pump that waits has no goroutine and no buffer. One that is woken runs on a
// goroutine of the source for the time of one Read and one write that do not
// wait. Only a client that does not keep up, and one that begins, gets a
// goroutine of its own, which writes with deadlines and ends when nothing is
// left to write. A source that is no [topic.Waker] has it wait in Read instead.
//
// Any state leads to ended when the connection ends, or the source does.
type pump struct {
	src    topic.Source
	out    outlet
	logger *slog.Logger

	// after is where to read on. It belongs to the goroutine that runs the pump
	// and goes from one to the next with state.
	after topic.Cursor

	state atomic.Uint32 // a pumpState, and above it how often it has changed

	// A source that is a [topic.Rewaker] has the pump wait with wakeup; from
	// any other Waker comes stop.
	again  topic.Rewaker // nil for any other
	wakeup topic.Wakeup
	mu     sync.Mutex // of stop
	stop   func()     // takes the call of the Waker back; nil before the first

	member member // of the Group
}

// pumpState says who runs a pump.
type pumpState uint32

const (
	pumpBehind  pumpState = iota // a goroutine of its own; also at the beginning
	pumpWaiting                  // nobody
	pumpWoken                    // a goroutine of the source
	pumpEnded                    // nobody any more

	pumpStates = 4
)

// outlet is the connection that a pump writes to. One goroutine at a time calls
// its methods.
type outlet interface {
	// try hands over as many of the items as the connection takes without
	// waiting. What it has taken goes out.
	try(items []topic.Item) (n int, err error)
	// write hands over all of them, and waits for as long as a write may take.
	write(items []topic.Item) (n int, err error)
	// position tells the client where it is; reset, that items are lost and
	// that it goes on after gone.Oldest.
	position(c topic.Cursor) error
	reset(gone *topic.GoneError) error
	// finish ends the connection because there is nothing more to come. It is
	// called once, and may wait.
	finish(err error)
	// context ends with the connection.
	context() context.Context
	// touch is Touch of the connection, for try.
	touch()
}

func (p *pump) init(src topic.Source, out outlet, logger *slog.Logger) {
	p.src, p.out, p.logger = src, out, logger
	if p.again, _ = src.(topic.Rewaker); p.again != nil {
		p.wakeup.Init(p)
	}
}

// begin tells the client where it begins, or what it has missed, sends what is
// there, and leaves the rest to the Waker.
func (p *pump) begin(after topic.Cursor, gone *topic.GoneError) {
	p.after = after
	var err error
	switch {
	case gone != nil:
		err = p.out.reset(gone)
	case after != "" && after != topic.Now:
		err = p.out.position(after)
	}
	if err != nil {
		return // the connection has ended
	}
	p.follow()
}

// Touch is for the Rewaker: see [topic.Sleeper].
func (p *pump) Touch() {
	p.state.Load()
	p.out.touch()
}

// Wake is what the Waker calls. It must not wait.
func (p *pump) Wake() {
	if _, ok := p.enter(pumpWoken); !ok {
		return
	}
	buf := borrowItems()
	used := len(buf)
	items, err := p.src.Read(ended, p.after, buf[:0])
	n := 0
	if err == nil {
		used = len(items)
	}
	if err == nil && len(items) > 0 {
		if n, err = p.out.try(items); n > 0 {
			p.after = items[n-1].Cursor
		}
	}
	caughtUp := err == nil && n == len(items) && n < len(buf) || isContext(err)
	returnItems(buf, used)
	if caughtUp {
		p.wait()
	} else if _, ok := p.enter(pumpBehind); ok {
		go p.catchUp() // an error comes again there
	}
}

// catchUp sends what is there, however slowly the client takes it, and goes
// back to waiting.
func (p *pump) catchUp() {
	if p.drain() {
		p.wait()
	}
}

// follow waits in Read: for a source that can't wake anybody, and after Now,
// which is another place each time one asks. It returns when the connection or
// the source has ended, or a Waker can do the rest.
func (p *pump) follow() {
	ctx := p.out.context()
	_, wakes := p.src.(topic.Waker)
	var one [1]topic.Item
	for p.drain() {
		if wakes && p.after != topic.Now {
			p.wait()
			return
		}
		items, err := p.src.Read(ctx, p.after, one[:0])
		if ctx.Err() != nil || !p.pass(items, err) {
			return
		}
		one[0] = topic.Item{} // not kept while waiting
	}
}

// drain sends until nothing is left. It reports false at the end of the
// connection or of the source.
func (p *pump) drain() bool {
	buf := borrowItems()
	defer returnItems(buf, len(buf))
	for !p.over() {
		if p.after == topic.Now {
			return true // nothing comes after it
		}
		items, err := p.src.Read(ended, p.after, buf[:0])
		if isContext(err) || err == nil && len(items) == 0 {
			return true
		}
		if !p.pass(items, err) {
			return false
		}
	}
	return false
}

// pass sends what Read returned. It reports false at the end of the connection
// or of the source.
func (p *pump) pass(items []topic.Item, err error) bool {
	var gone *topic.GoneError
	switch {
	case errors.As(err, &gone):
		// "Never skipped in silence": also one that was overtaken while it
		// read is told.
		if p.out.reset(gone) != nil {
			return false
		}
		p.after = gone.Oldest
		return true
	case err != nil:
		p.finish(err)
		return false
	}
	n, err := p.out.write(items)
	if n > 0 {
		p.after = items[n-1].Cursor
	}
	var bad *encodeError
	if errors.As(err, &bad) {
		p.finish(err)
	}
	return err == nil
}

// finish ends the connection because the source has nothing more to say.
func (p *pump) finish(err error) {
	if p.logger != nil && !errors.Is(err, topic.ErrClosed) && !p.over() {
		p.logger.Error("httpstream: stream ended", "cause", err)
	}
	p.out.finish(err)
}

// wait has the pump woken when there is something to read.
func (p *pump) wait() {
	mark, ok := p.enter(pumpWaiting)
	if !ok {
		return
	}
	if p.again != nil {
		p.again.WakeBy(&p.wakeup, p.after) // nothing, after end
		return
	}
	stop := p.src.(topic.Waker).Wake(p.after, p.Wake)
	p.mu.Lock()
	if p.state.Load() == mark { // else it was woken already, and may wait again
		p.stop = stop
	}
	p.mu.Unlock()
	if p.over() {
		stop()
	}
}

// enter makes s the state, unless the pump has ended. The mark is that of no
// other time.
func (p *pump) enter(s pumpState) (mark uint32, ok bool) {
	for {
		old := p.state.Load()
		if pumpState(old%pumpStates) == pumpEnded {
			return 0, false
		}
		mark = old - old%pumpStates + pumpStates + uint32(s)
		if p.state.CompareAndSwap(old, mark) {
			return mark, true
		}
	}
}

func (p *pump) over() bool { return pumpState(p.state.Load()%pumpStates) == pumpEnded }

// end is the end of the connection. It may be called from any goroutine, also
// from below out, and does not wait.
func (p *pump) end() {
	p.state.Store(uint32(pumpEnded))
	p.wakeup.Stop()
	p.mu.Lock()
	stop := p.stop
	p.stop = nil
	p.mu.Unlock()
	if stop != nil {
		stop()
	}
	p.member.leave()
}

// encodeError is an item that can't be sent: its source breaks the rules.
type encodeError struct {
	cursor topic.Cursor
	err    error
}

func (e *encodeError) Error() string {
	return "httpstream: the item " + string(e.cursor) + " can't be encoded: " + e.err.Error()
}

func (e *encodeError) Unwrap() error { return e.err }
