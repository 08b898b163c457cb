package httpstream

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/topic"
)

// Defaults of [FollowOptions].
const (
	DefaultInterval   = 5 * time.Second  // between two short polls
	DefaultWait       = 30 * time.Second // that a long poll may be held
	DefaultIdle       = 45 * time.Second // three heartbeats of a server
	DefaultSetup      = 5 * time.Second  // until a transport has proved itself
	DefaultClimbAfter = time.Minute      // until a better transport is tried again
	DefaultMaxMessage = 16 << 20         // bytes of one message, line, event or answer
)

const (
	backoffFirst = 500 * time.Millisecond // longest pause before the first new attempt
	backoffMost  = 30 * time.Second       // to which the longest pause doubles
	settled      = 10 * time.Second       // a connection that lived this long was a success
	maxHoles     = 3                      // times that missing items are asked for
	longestSetup = 4                      // times Setup, once all transports were too slow
)

// FollowOptions say how to follow. nil and the zero value are the defaults. A
// FollowOptions must not be changed while a loop uses it.
type FollowOptions struct {
	// After is where to begin: after the cursor of the last item of an earlier
	// run; "" is before the oldest item that the server keeps, [topic.Now]
	// after the newest.
	After topic.Cursor

	// Transports are those that may be used, best first. nil is
	// [Transports].
	Transports []Transport

	// HTTP sends all requests but the WebSocket handshake; nil is
	// http.DefaultClient. Its Timeout, which would end a stream in the middle,
	// is not obeyed.
	HTTP *http.Client

	// Dial is for WebSocket. nil takes over the Jar of HTTP, and of its
	// Transport, if that is an *http.Transport, Proxy, DialContext and
	// TLSClientConfig, and follows ten redirects.
	Dial *pushwire.DialOptions

	// Header is sent with every request, on all transports. It is not
	// modified.
	Header http.Header

	// Wait is how long a long poll asks the server to wait. It becomes shorter
	// by itself where something on the way cuts requests that take as long.
	Wait time.Duration

	// Interval is the time between two short polls.
	Interval time.Duration

	// Idle is how long a connection may be silent before it counts as lost. It
	// should be a few heartbeats of the server. Time that the loop body takes
	// does not count.
	Idle time.Duration

	// Setup is how long a transport has to prove itself: to connect, and to
	// get the first byte of its content through. Something that buffers
	// answers is known by that. Polls, with nothing to fall back on, get twice
	// this time; all get more when none of them made it.
	Setup time.Duration

	// Backoff chooses the wait before an attempt. attempt is 1 for the first
	// one after a success and grows by one with each that fails; hint is what
	// the server has asked for by Retry-After, or by retry in an event stream,
	// 5 minutes at most. A negative wait ends the loop with the error of the
	// last attempt. nil waits for hint and on top of it for a random time of at
	// most 500 ms, which doubles with each attempt, up to 30 s.
	Backoff func(attempt int, hint time.Duration) time.Duration

	// ClimbAfter is the time after which a better transport, which had failed,
	// is tried again, beside the one in use. It doubles with each time in
	// vain, up to an hour. Negative is never.
	ClimbAfter time.Duration

	// MaxMessage bounds the bytes of one message, line, event or answer that
	// is received. A longer one ends the loop, since all that follows is
	// behind it.
	MaxMessage int

	// OnState, if set, is told of each transport that comes into use, and of
	// each attempt that failed and each connection that was lost. It is called
	// by the loop.
	OnState func(State)
}

// State is what [FollowOptions.OnState] is told.
type State struct {
	// Transport is the one in use or, if Connected is false, the one that
	// failed or was lost.
	Transport Transport

	// Connected says that the transport has proved itself. For polls that is
	// the first answer.
	Connected bool

	// Cursor is how far the loop has come.
	Cursor topic.Cursor

	// Err is why Connected is false. Where it is true it is what made a better
	// transport fail, so that this one is in use; nil if this one is what the
	// application prefers.
	Err error

	// Wait is the time until the next attempt.
	Wait time.Duration
}

// Follow returns the items of the source at a URL as they come, each one once
// and in order, whatever happens to the connections. The URL is that of a
// [Handler]: http, https, ws and wss may be written for one another.
//
//	for it, err := range httpstream.Follow(ctx, url, nil) {
//		var gone *topic.GoneError
//		switch {
//		case errors.As(err, &gone):
//			// items were lost, load the whole state anew; the loop goes on
//		case err != nil:
//			return err
//		default:
//			fmt.Printf("%s\n", it.Data)
//		}
//	}
//
// It uses the best transport that gets through: WebSocket, an event stream, a
// stream of lines, long polling, short polling. A transport is left when it
// can't be set up, when nothing comes through it or the end is held back (a
// proxy that buffers), or when it was cut again and again when it was young; better ones are tried
// again later, beside the one in use. One cursor goes through all of them, so
// that nothing is lost or seen twice on the way. A lost connection is made
// anew, after a pause that grows. When nothing gets through at all, the network
// is to blame and no transport.
//
// Items that the server does not have any more are told by an error
// [*topic.GoneError] with an empty item; the loop then goes on with the oldest
// that there are, unless its body leaves. Every other error is the last that
// the loop yields: a [*StatusError] for a request that will never be right, of
// which 401 is an example, but never one of the kind of 503; a message over
// MaxMessage; a certificate that can't be trusted; a URL or options that are
// wrong; the end of ctx.
//
// The loop waits, connects and reads in the goroutine that runs it. While a
// transport is in use that is not the best, one more goroutine waits to try a
// better one, and a stream that is new has one until it is known to hold
// nothing back; both have ended when the loop has. Data of an item belongs to the
// loop body and may be kept. Follow can be ranged over more than once, and
// begins at After each time.
func Follow(ctx context.Context, url string, o *FollowOptions) iter.Seq2[topic.Item, error] {
	return func(yield func(topic.Item, error) bool) {
		f, err := newFollower(url, o)
		if err == nil {
			f.yield = yield
			err = f.run(ctx)
		}
		if err != nil && !f.left {
			yield(topic.Item{}, err)
		}
	}
}

// follower is one run of a loop over Follow. Its goroutine owns all fields, but
// the ladder while something goes on beside it.
type follower struct {
	o       FollowOptions // with the defaults filled in
	target  target
	client  *http.Client
	dial    *pushwire.DialOptions
	yield   func(topic.Item, error) bool
	left    bool // the loop body has left
	ladder  *ladder
	place   place
	attempt int   // since the last success
	holes   int   // in a row, without a new item
	garbled int   // attempts in a row that were answered as one that was cut off (garbledMost)
	why     error // the last failure, for State
	wait    pollWait
	sure    [len(transportNames)]bool // streams that are known to hold nothing back
}

func newFollower(rawURL string, o *FollowOptions) (*follower, error) {
	f := &follower{}
	if o != nil {
		f.o = *o
	}
	var err error
	if f.target, err = parseTarget(rawURL); err != nil {
		return f, err
	}
	if err := f.o.After.Check(); err != nil {
		return f, fmt.Errorf("httpstream: follow: %w", err)
	}
	if f.o.Transports == nil {
		f.o.Transports = Transports()
	}
	if len(f.o.Transports) == 0 {
		return f, errors.New("httpstream: follow: no transport is allowed")
	}
	for i, t := range f.o.Transports {
		for j := range i {
			if f.o.Transports[j] == t {
				return f, fmt.Errorf("httpstream: follow: the transport %v is given twice", t)
			}
		}
		if !t.valid() {
			return f, fmt.Errorf("httpstream: follow: there is no %v", t)
		}
	}
	f.o.fill()
	f.client = untimed(f.o.HTTP)
	f.dial = f.o.dialOptions(f.client)
	f.ladder = newLadder(f.o.Transports, f.o.ClimbAfter)
	f.place = newPlace(f.o.After)
	f.wait.longest = f.o.Wait
	return f, nil
}

func (o *FollowOptions) fill() {
	o.Wait = positive(o.Wait, DefaultWait)
	o.Interval = positive(o.Interval, DefaultInterval)
	o.Idle = positive(o.Idle, DefaultIdle)
	o.Setup = positive(o.Setup, DefaultSetup)
	if o.ClimbAfter == 0 {
		o.ClimbAfter = DefaultClimbAfter
	}
	if o.MaxMessage <= 0 {
		o.MaxMessage = DefaultMaxMessage
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
}

// positive is d, or the default for what is no time.
func positive(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

// run follows until it is over, and returns why; nil if the loop body has left.
func (f *follower) run(ctx context.Context) error {
	for {
		l, err := f.connect(ctx)
		if err != nil {
			return err
		}
		for l != nil {
			l, err = f.serve(ctx, l)
		}
		switch {
		case f.left:
			return nil
		case ctx.Err() != nil:
			return contextError(ctx)
		case isFinal(err):
			return final(err)
		}
		if err := f.pause(ctx, err); err != nil {
			return err
		}
	}
}

// connect tries the transports, round after round, until one has proved
// itself.
func (f *follower) connect(ctx context.Context) (*link, error) {
	for {
		for f.ladder.next(time.Now()) {
			i := f.ladder.at
			l, err := f.open(ctx, i, f.place.cursor)
			if err == nil {
				return l, nil
			}
			if ctx.Err() != nil {
				return nil, contextError(ctx)
			}
			if isFinal(err) {
				return nil, final(err)
			}
			f.ladder.failed(f.faultOf(err))
			if f.ladder.refused() {
				return nil, err
			}
			f.why = err
			f.tell(State{Transport: f.o.Transports[i], Err: err})
		}
		if err := f.pause(ctx, f.why); err != nil {
			return nil, err
		}
	}
}

// serve yields what comes over a link until it is lost, and returns why, or
// the link that takes its place.
func (f *follower) serve(ctx context.Context, l *link) (*link, error) {
	defer l.close()
	f.ladder.proved(time.Now())
	f.garbled = 0
	if f.ladder.at == 0 {
		f.why = nil
	}
	f.tell(State{Transport: l.transport, Connected: true, Err: f.why})
	c := f.startBeside(ctx, l)
	defer c.stop()
	for {
		n, err := l.next()
		if better := c.take(); better != nil {
			c.stop()
			f.ladder.climbed(better.rung)
			return better, nil
		}
		if err == nil {
			err = f.take(n)
			c.at(f.place.cursor)
		}
		if f.left {
			return nil, nil
		}
		if err != nil {
			c.stop()
			if ctx.Err() == nil {
				f.lost(l, err)
			}
			return nil, err
		}
	}
}

// take takes what came over a link. The error is one of the link, or means
// nothing if the loop body has left.
func (f *follower) take(n news) error {
	switch n.kind {
	case newsItem:
		fresh, err := f.place.item(n.item.Cursor)
		if err != nil {
			return f.hole(err)
		}
		if fresh {
			f.attempt, f.holes = 0, 0
			f.left = !f.yield(n.item, nil)
		}
	case newsPlace:
		if err := f.place.at(n.item.Cursor); err != nil {
			return f.hole(err)
		}
	case newsGone:
		if f.place.passed(n.gone) {
			break // the link goes on with what we have; then with what follows
		}
		f.place.reset(n.item.Cursor)
		f.holes = 0
		f.left = !f.yield(topic.Item{}, n.gone)
	}
	return nil
}

// hole is told of items that are missing. They are asked for again; in the end
// the loop body has to know.
func (f *follower) hole(err error) error {
	var h *HoleError
	if !errors.As(err, &h) {
		return err
	}
	if f.holes++; f.holes >= maxHoles {
		f.holes = 0
		f.place.reset(h.next)
		f.left = !f.yield(topic.Item{}, &topic.GoneError{After: h.After, Oldest: h.next, Head: h.Got})
	}
	return err
}

// lost is told of a link in use that has failed.
func (f *follower) lost(l *link, err error) {
	now := time.Now()
	heard := now
	if isSilence(err) {
		heard = l.heard()
	}
	life := now.Sub(l.opened)
	if life >= settled {
		f.attempt = 0
	}
	f.ladder.lost(life, heard, l.orderly)
	if faultOf(err) == faultTransport {
		f.ladder.failed(faultTransport)
		f.sure[l.transport] = false
	}
	f.why = err
}

// faultOf is the function of that name, but for a request that is answered as a
// broken one again and again: it must be what is asked for after all.
func (f *follower) faultOf(err error) fault {
	var se *StatusError
	if errors.As(err, &se) && se.garbled() {
		if f.garbled++; f.garbled > garbledMost {
			return faultRefused
		}
	}
	return faultOf(err)
}

// pause waits before the next attempt, and returns the error that ends the
// loop, if one does.
func (f *follower) pause(ctx context.Context, err error) error {
	f.attempt++
	wait := f.o.Backoff(f.attempt, hintOf(err))
	if wait < 0 {
		return err
	}
	f.tell(State{Transport: f.o.Transports[f.ladder.at], Err: err, Wait: wait})
	if !sleep(ctx, wait) {
		return contextError(ctx)
	}
	return nil
}

func (f *follower) tell(s State) {
	if f.o.OnState != nil {
		s.Cursor = f.place.cursor
		f.o.OnState(s)
	}
}

// backoff waits as [FollowOptions.Backoff] says.
func backoff(attempt int, hint time.Duration) time.Duration {
	most := backoffFirst
	for range attempt - 1 {
		if most >= backoffMost {
			break
		}
		most *= 2
	}
	return hint + rand.N(min(most, backoffMost)+1)
}

// hintOf is the time that the server has asked for, 0 for none.
func hintOf(err error) time.Duration {
	var h *hintError
	if errors.As(err, &h) {
		return h.hint
	}
	var se *StatusError
	if errors.As(err, &se) {
		return askedFor(se.Header, time.Now())
	}
	return 0
}

// hintError is the end of a stream that had said when to come back.
type hintError struct {
	err  error
	hint time.Duration
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

// final takes an error out of what marks it as one.
func final(err error) error {
	var fe *finalError
	if errors.As(err, &fe) {
		return fe.err
	}
	return err
}

// sleep waits, and reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
