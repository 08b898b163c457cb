package pushwire

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pushwire/pushwire/frame"
)

// MessageFunc is called by a [Poller] with each message of a connection, in
// order and one at a time, and a last time, with a zero Message and the error,
// when the connection has ended. ctx is [Conn.Context]. m.Data is valid until
// the function returns, and may be modified.
//
// It runs on one of the workers that all connections share, so it should not
// wait for long: c.Write waits for a peer that does not read, up to
// Config.WriteTimeout; c.Send with a policy other than Block never does. A
// panic is logged and closes the connection with 1011.
type MessageFunc func(ctx context.Context, c *Conn, m Message, err error)

// DefaultPollerWorkers is how many calls of a MessageFunc a [Poller] makes at a
// time.
const DefaultPollerWorkers = 256

// PollerOptions are those of [NewPoller]. The zero value of each field is the
// default.
type PollerOptions struct {
	// Workers bounds the calls of a MessageFunc that are under way at a time,
	// and so the goroutines. While all of them are busy nothing is read: the
	// peers' messages wait in the sockets, and then with the peers. Pings are
	// not answered then, and the time for pongs does not run. Default 256.
	Workers int
}

// Poller reads many connections with few goroutines: those that are idle have
// none, and no buffer. It is for programs with so many connections that the
// goroutine of each, its stack above all, counts.
//
//	p := pushwire.NewPoller(nil)
//	http.Handle("/", pushwire.Handler(func(ctx context.Context, c *pushwire.Conn, r *handshake.Request) {
//		p.Add(c, func(ctx context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
//			if err == nil {
//				c.Write(ctx, m.Type, m.Data)
//			}
//		})
//	}, nil))
//
// It waits with epoll on Linux and with kqueue on macOS and the BSDs, for plain
// TCP and Unix sockets. Elsewhere, for TLS and for net.Conns of other kinds, a
// connection keeps a goroutine that waits in Read, and all else is the same.
//
// Everything but reading works as ever; keepalive, limits and compression too.
// All methods may be called from any goroutine, a MessageFunc among them.
type Poller struct {
	workers workers

	mu    sync.Mutex
	poll  *poll                // made by the first Add that needs it
	slots []*polled            // by descriptor: whom a hint is for
	loose map[*polled]struct{} // those that have a goroutine
	conns int                  // in slots and loose, and those whose last call is under way
	shut  bool
	empty chan struct{} // closed when conns gets 0 after Shutdown; nil before
}

// Errors of [Poller.Add].
var (
	ErrPollerShut = errors.New("pushwire: the Poller is shut down and takes no connection")
	errPolled     = errors.New("pushwire: the connection is read by a Poller (its MessageFunc gets the messages; Poller.Remove ends that)")
)

// NewPoller returns a Poller without connections. o may be nil. A Poller
// without connections holds nothing, neither a goroutine nor a descriptor, and
// needs no Shutdown.
func NewPoller(o *PollerOptions) *Poller {
	p := &Poller{}
	p.workers.max = DefaultPollerWorkers
	if o != nil && o.Workers > 0 {
		p.workers.max = o.Workers
	}
	p.workers.wake.L = &p.workers.mu
	return p
}

// Add hands c over: from now on f gets its messages, beginning with those that
// have come already, also the rest of one that a cancelled Read has left. Calls
// that read, such as [Conn.Read], fail until [Poller.Remove]. One that is under
// way gets its message first, and Add waits for it.
//
// A [ServeFunc] may return after it: the connection stays open. With an error,
// [ErrPollerShut] or that of c, f is never called.
func (p *Poller) Add(c *Conn, f MessageFunc) error {
	if c.polled.Load() != nil {
		return c.readByPoller()
	}
	r := &polled{c: c, p: p, f: f, fd: -1}
	// Hints that come before it is known to c are not for a worker, who would
	// take it for one that was removed: the last line wakes one for all of them.
	r.state.Store(polledQueued)
	c.claimTurn(context.Background(), nil)
	err := c.Err()
	if err == nil && c.polled.Load() != nil { // another Add came first
		err = errPolled
	}
	if err == nil {
		err = p.register(r)
	}
	if err == nil {
		// Not before: whoever finds r there, as at the end of c, looks at what
		// register has set. Who comes for a hint waits for the turn.
		c.polled.Store(r)
	}
	c.reading.give()
	if err == nil {
		// What was read with the handshake makes no socket readable, and an end
		// that came before c.polled was set woke nobody.
		r.state.Store(polledParked)
		r.wake()
	}
	return err
}

// register makes r known, and has its socket watched or read by a goroutine.
func (p *Poller) register(r *polled) error {
	var idle *poll
	p.mu.Lock()
	defer func() {
		p.mu.Unlock()
		idle.end()
	}()
	if p.shut {
		return ErrPollerShut
	}
	if p.conns == 0 {
		p.workers.start()
	}
	if !polls || r.c.wire.raw == nil {
		if p.loose == nil {
			p.loose = make(map[*polled]struct{})
		}
		p.loose[r] = struct{}{}
		p.conns++
		ctx, cancel := context.WithCancel(context.Background())
		r.cancel = cancel
		go r.loop(&readerContext{ctx, r})
		return nil
	}
	if p.poll == nil {
		q, err := newPoll()
		if err != nil {
			return err
		}
		p.poll = q
		go q.run(p.ready)
	}
	var err error
	if e := r.c.wire.raw.Control(func(fd uintptr) {
		if n := int(fd) + 1; n > len(p.slots) {
			p.slots = append(p.slots, make([]*polled, n-len(p.slots))...)
		}
		// A connection that had this descriptor before is done for: who closed
		// it has not come here yet.
		p.slots[fd] = r
		r.fd = int32(fd)
		if err = p.poll.add(int(fd)); err != nil {
			p.slots[fd] = nil
		}
	}); e != nil {
		err = e
	}
	if err != nil {
		r.fd = -1
		if p.conns == 0 {
			idle = p.rest()
		}
		return err
	}
	p.conns++
	return nil
}

// rest lets go of what a Poller without connections does not need. The caller
// holds mu, and ends what is returned without it.
func (p *Poller) rest() (q *poll) {
	p.workers.stop()
	q, p.poll = p.poll, nil
	return q
}

// end closes q, if there is one. What it reports while it ends is still taken.
func (q *poll) end() {
	if q != nil {
		q.close()
	}
}

// hint is what the system tells of a descriptor. It may be out of date, and of
// another socket that had the same number: who is woken for nothing reads
// nothing and goes on waiting.
type hint struct {
	fd  int32
	all bool // an end is near: read until it is there, however short a read is
}

// ready wakes those that the hints are for.
func (p *Poller) ready(hints []hint) {
	var l list
	p.mu.Lock()
	for _, h := range hints {
		if int(h.fd) >= len(p.slots) {
			continue
		}
		r := p.slots[h.fd]
		if r == nil {
			continue
		}
		if h.all {
			r.all.Store(true)
		}
		if r.rouse() {
			l.push(r)
		}
	}
	p.mu.Unlock()
	p.workers.submit(&l)
}

// Remove takes c back: it can be read by its methods again, which go on where
// the Poller stopped, in the middle of a message too. f is not called any more,
// not with the end either; a call that is under way, or whose message is taken
// already, goes on, and Remove does not wait for it. It reports whether c was
// there. A MessageFunc that removes its own connection gets no further call.
//
// A [ServeFunc] of c that has not returned yet closes c when it does: it has to
// stay for as long as c is used.
func (p *Poller) Remove(c *Conn) bool {
	r := c.polled.Load()
	if r == nil || r.p != p {
		return false
	}
	if r.cancel != nil {
		r.cancel()
	}
	c.claimTurn(context.Background(), nil)
	ok := c.polled.CompareAndSwap(r, nil)
	if ok {
		r.leave() // no hint comes from now on
		c.in.waiting.Store(false)
	}
	c.reading.give()
	if ok {
		p.gone()
	}
	return ok
}

// Len returns the number of connections, those included that have ended and
// whose last call is still to come or under way.
func (p *Poller) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns
}

// gone counts a connection that has left.
func (p *Poller) gone() {
	p.mu.Lock()
	p.conns--
	var q *poll
	if p.conns == 0 {
		q = p.rest()
		if p.shut {
			defer close(p.empty)
		}
	}
	p.mu.Unlock()
	q.end()
}

// forget takes r out of slots and loose.
func (p *Poller) forget(r *polled) {
	p.mu.Lock()
	if r.fd < 0 {
		delete(p.loose, r)
	} else if p.slots[r.fd] == r { // else its descriptor has a new owner
		p.slots[r.fd] = nil
	}
	p.mu.Unlock()
}

// members returns the connections of now.
func (p *Poller) members() (all []*Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.slots {
		if r != nil {
			all = append(all, r.c)
		}
	}
	for r := range p.loose {
		all = append(all, r.c)
	}
	return all
}

// Close ends the Poller and all its connections at once, without a closing
// handshake. It does not wait for the calls of MessageFuncs, the last ones
// included.
func (p *Poller) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p.Shutdown(ctx)
	return nil
}

// Shutdown refuses new connections and closes all there are with 1001, side by
// side, which takes up to Config.CloseTimeout. It returns when all have ended
// and the last calls of their MessageFuncs have returned; or with ctx, whose
// error it returns then, with the number of those that had not ended, which are
// ended without a handshake. Calls that are under way then are not waited for.
// One of these may be that which calls Shutdown: so a MessageFunc gives it a ctx
// that ends, or calls it in a goroutine of its own.
//
// A plain socket costs no goroutine until its peer has answered, and then one
// until the transport is closed.
func (p *Poller) Shutdown(ctx context.Context) (left int, err error) {
	p.mu.Lock()
	if !p.shut {
		p.shut = true
		p.empty = make(chan struct{})
		if p.conns == 0 {
			close(p.empty)
		}
	}
	empty := p.empty
	p.mu.Unlock()
	members := p.members()
	if ctx.Err() == nil {
		for _, c := range members {
			c.startClose(frame.CodeGoingAway, goingAway)
		}
	}
	return p.awaitEmpty(ctx, members, empty)
}

// expireStep is how close together the ends of closing handshakes are that are
// served together.
const expireStep = 50 * time.Millisecond

// awaitEmpty waits until the last calls of all connections have returned, and
// ends those whose time for the closing handshake is over.
func (p *Poller) awaitEmpty(ctx context.Context, members []*Conn, empty <-chan struct{}) (left int, err error) {
	for {
		now, next := time.Now(), time.Time{}
		live := members[:0]
		for _, c := range members {
			if c.Err() != nil {
				continue
			}
			if d := c.closeDeadline(); !d.After(now) {
				c.closeTimedOut()
				continue
			} else if next.IsZero() || d.Before(next) {
				next = d
			}
			live = append(live, c)
		}
		members = live
		var late <-chan time.Time
		stop := func() bool { return false }
		if !next.IsZero() {
			t := time.NewTimer(next.Sub(now) + expireStep)
			late, stop = t.C, t.Stop
		}
		select {
		case <-empty:
			stop()
			return 0, nil
		case <-late:
			continue
		case <-ctx.Done():
			stop()
		}
		for _, c := range members {
			if c.Err() == nil {
				left++
				c.CloseNow()
			}
		}
		select {
		case <-empty:
			if left == 0 {
				return 0, nil
			}
		default:
		}
		return left, waitError("shutdown", ctx)
	}
}
