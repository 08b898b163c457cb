package webpush

import (
	"context"
	"iter"
)

// A Result is what became of a message to one subscription.
type Result struct {
	Subscription *Subscription
	Accepted     *Accepted // nil if Err is not
	Err          error     // as from Send
}

// SendAll sends one message to many subscriptions and gives the result of each
// as it comes, in no order. At most [Client.Concurrency] messages are under way
// and [Client.PerOrigin] to one push service; those waiting for their service
// are at most [Client.Concurrency] again.
//
// subs is pulled as there is room, in the caller's own goroutine, so it may read
// from a database and be endless; while it is pulled no result is given. A loop
// that is left ends what is under way and waits for it. When ctx ends, what is
// under way is given with its error, and no more is pulled.
func (c *Client) SendAll(ctx context.Context, subs iter.Seq[*Subscription], m *Message) iter.Seq[Result] {
	return func(yield func(Result) bool) {
		s := &sendAll{
			c: c, m: m,
			running: map[string]int{},
			results: make(chan sent, c.concurrency()),
		}
		var cancel context.CancelFunc
		s.ctx, cancel = context.WithCancel(ctx)
		defer func() { // also when the loop's body panics
			cancel()
			for s.total > 0 {
				s.end(<-s.results)
			}
		}()
		for sub := range subs {
			// Results that are there are given before subs is asked again, which
			// may take its time.
			s.add(sub)
			for s.full() || len(s.results) > 0 {
				if !yield(s.next()) {
					return
				}
			}
			if s.ctx.Err() != nil {
				break
			}
		}
		for s.total > 0 {
			if !yield(s.next()) {
				return
			}
		}
	}
}

// sendAll is the state of one loop. All but results belongs to the goroutine of
// the loop.
type sendAll struct {
	c   *Client
	ctx context.Context
	m   *Message

	results chan sent // has room for all that are running
	running map[string]int
	total   int // running in all
	parked  []parked
}

type sent struct {
	origin string
	Result
}

// parked is a subscription that waits until its push service has room.
type parked struct {
	origin string
	sub    *Subscription
}

// full tells that no other subscription may be taken.
func (s *sendAll) full() bool {
	return s.total >= s.c.concurrency() || len(s.parked) >= s.c.concurrency()
}

// add takes a subscription; the caller knows that there is room.
func (s *sendAll) add(sub *Subscription) {
	origin := ""
	if sub != nil {
		if u, err := parseEndpoint(sub.Endpoint); err == nil {
			origin = originOf(u)
		}
	}
	if s.running[origin] >= s.c.perOrigin() {
		s.parked = append(s.parked, parked{origin, sub})
		return
	}
	s.start(origin, sub)
}

func (s *sendAll) start(origin string, sub *Subscription) {
	s.running[origin]++
	s.total++
	go func() {
		a, err := s.c.Send(s.ctx, sub, s.m)
		s.results <- sent{origin, Result{sub, a, err}}
	}()
}

// next waits for a result, and starts what waited for its place.
func (s *sendAll) next() Result {
	r := <-s.results
	s.end(r)
	for i, p := range s.parked {
		if s.running[p.origin] < s.c.perOrigin() {
			s.parked = append(s.parked[:i], s.parked[i+1:]...)
			s.start(p.origin, p.sub)
			break
		}
	}
	return r.Result
}

func (s *sendAll) end(r sent) {
	s.total--
	if s.running[r.origin]--; s.running[r.origin] == 0 {
		delete(s.running, r.origin)
	}
}
