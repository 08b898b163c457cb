package eventstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"sync"
	"time"
)

// Defaults of [Client].
const (
	DefaultRetry    = 3 * time.Second // HTML, 9.2.2: "probably in the region of a few seconds"
	DefaultMaxRetry = 5 * time.Minute // that a server may set; HTML has no bound
	DefaultIdle     = time.Minute     // HTML, 9.2.7, has servers send a comment "every 15 seconds or so"
)

// Client reads an event stream and opens it again whenever it is lost. URL or
// Request has to be set; the other fields may stay zero. Fields must not
// change while Events runs.
type Client struct {
	// URL is asked for with GET, where Request is nil.
	URL string
	// Request makes the request, anew for each attempt, so that a body is
	// there again and a token fresh; its error ends the events. Accept and
	// Cache-Control are added where they are missing, and Last-Event-ID once
	// there is one. A body follows redirects with status 307 and 308 if the
	// request has GetBody, as those of [http.NewRequest] do.
	Request func(ctx context.Context) (*http.Request, error)
	// HTTP sends the requests; nil is http.DefaultClient. Its Timeout, which
	// would end a stream in the middle, is not obeyed: see Idle.
	HTTP *http.Client
	// Idle is how long the server may be silent, in an answer or before it;
	// then the stream counts as lost. A comment is a sign of life. 0 is one
	// minute, negative is no limit. Time that the loop body takes does not
	// count.
	Idle time.Duration
	// MaxRetry is the longest reconnection time that is taken from the server;
	// a longer one counts as this. Without a bound one line of a server that is
	// at fault, or of whoever answers in its place, ends a client for good:
	// it waits for 292 years, and nothing takes that back. 0 is 5 minutes,
	// negative is no limit.
	MaxRetry time.Duration
	// Backoff chooses the wait before an attempt. retry is the reconnection
	// time: 3 s, or what the server has set, which counts up to MaxRetry.
	// attempt is 1 for the first one after an event that was new, and grows by
	// one with each that brings none. A negative wait ends the events with the
	// error of the last attempt. nil waits for retry and a random time on top
	// of it, of at most retry (but 100 ms at least) for the first attempt,
	// which doubles with each one, up to 30 s.
	Backoff func(attempt int, retry time.Duration) time.Duration
	// MaxEvent is [Decoder.MaxEvent].
	MaxEvent int
	// After is the last event ID to begin with, kept from an earlier run.
	After string
	// OnRetry, if set, is told of each stream that was lost and each attempt
	// that failed, and of the wait that follows. It is called by the loop.
	OnRetry func(err error, wait time.Duration)

	mu   sync.Mutex
	last string // the last event ID
	ran  bool   // last counts, not After
}

// LastEventID returns the ID of the last event, also of a block that has an ID
// and no data. It may be called at any time, from any goroutine.
func (c *Client) LastEventID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ran {
		return c.After
	}
	return c.last
}

func (c *Client) setLastEventID(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.ran = id, true
}

// Events opens the stream and returns its events. It waits within the loop,
// and reconnects there; there is no goroutine, and nothing is open once the
// loop has ended. Data of an event is valid until the next step. A second call
// goes on after the last event of the first; only one may run at a time.
//
// A network error, the end of an answer, and silence (Idle) are reasons to
// connect again, with Last-Event-ID. An ID that can't stand in a header field
// is left out, and the server begins where it begins for new clients.
//
// The events end without an error when the server answers 204, which means
// that there are no more. Every other end is told by one error, which comes
// last, with an empty Event: [*StatusError] for any status but 200 and 204,
// [*ContentTypeError], [*TooLargeError], a certificate that can't be trusted,
// the error of Request, or that of ctx. Redirects are followed as HTTP says,
// ten at most.
func (c *Client) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		r := reading{client: c, yield: yield, retry: DefaultRetry}
		r.http = http.DefaultClient
		if c.HTTP != nil {
			r.http = c.HTTP
		}
		if r.http.Timeout != 0 {
			untimed := *r.http
			untimed.Timeout = 0
			r.http = &untimed
		}
		if err := r.run(ctx); err != nil && !r.left {
			yield(Event{}, err)
		}
	}
}

// reading is one run of Events.
type reading struct {
	client *Client
	http   *http.Client
	yield  func(Event, error) bool
	left   bool // the loop body has left

	dec      Decoder
	retry    time.Duration
	attempts int  // since the last event that was new
	ids      bool // the server has sent an ID
}

// run connects until it is over, and returns why; nil after 204, or when the
// loop body has left.
func (r *reading) run(ctx context.Context) error {
	for {
		err := r.attempt(ctx)
		if r.left || err == errNoContent {
			return nil
		}
		if ctx.Err() != nil {
			return contextError(ctx)
		}
		var final *finalError
		if errors.As(err, &final) {
			return final.err
		}
		r.attempts++
		choose := r.client.Backoff
		if choose == nil {
			choose = backoff
		}
		wait := choose(r.attempts, r.retry)
		if wait < 0 {
			return err
		}
		if r.client.OnRetry != nil {
			r.client.OnRetry(err, wait)
		}
		if !pause(ctx, wait) {
			return contextError(ctx)
		}
	}
}

// attempt opens the stream once and yields what comes. It returns why it
// ended, never nil unless the loop body has left; a *finalError if another
// attempt is no use.
func (r *reading) attempt(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	req, err := r.request(ctx)
	if err != nil {
		return err
	}
	idle := newIdle(orDefault(r.client.Idle, DefaultIdle), func() { cancel(nil) })
	defer idle.stop()
	idle.start()
	res, err := r.http.Do(req)
	idle.stop()
	if err != nil {
		if idle.fired() {
			return idle.error()
		}
		return networkError(err)
	}
	defer res.Body.Close()
	idle.r = res.Body
	if res.StatusCode == http.StatusNoContent {
		return errNoContent
	}
	if err := check200(res, idle); err != nil {
		return &finalError{err}
	}
	return r.read(idle)
}

// read yields the events of one answer.
func (r *reading) read(body *idleReader) error {
	began := r.client.LastEventID()
	r.dec.MaxEvent = r.client.MaxEvent
	r.dec.Reset(body)
	r.dec.SetLastEventID(began)
	body.before = r.note // what was read is decoded by then
	for {
		var ev Event
		err := r.dec.Decode(&ev)
		r.note()
		if err != nil {
			var large *TooLargeError
			if errors.As(err, &large) {
				return &finalError{err} // it would be the same again
			}
			if err == io.EOF {
				return errEnded
			}
			return fmt.Errorf("eventstream: client: the stream broke off: %w", err)
		}
		// With IDs, only an event that was not there before is progress: a
		// server may send the same one over and over and then fall.
		r.ids = r.ids || ev.ID != ""
		if !r.ids || ev.ID != began {
			r.attempts = 0
		}
		if !r.yield(ev, nil) {
			r.left = true
			return nil
		}
	}
}

// note takes over what holds at once, without an event.
func (r *reading) note() {
	r.client.setLastEventID(r.dec.LastEventID())
	if d, ok := r.dec.Retry(); ok {
		if most := orDefault(r.client.MaxRetry, DefaultMaxRetry); most > 0 {
			d = min(d, most)
		}
		r.retry = d
	}
}
