package pushwire

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/pushwire/pushwire/frame"
)

const (
	// lookEvery is how often a shutdown looks for connections that nobody reads
	// any more.
	lookEvery = 50 * time.Millisecond

	// startStep is after how many connections it lets others run: a close frame
	// that has to go through TLS is sent by a goroutine, and these are to end
	// about as fast as they come.
	startStep = 32
)

// shutdown closes many connections side by side and waits for them. What is
// to be done for one depends on who reads it, and so sees the peer's close frame
// and ends it:
//
//	                 │ somebody leaves
//	read by a call   │────────────────┐     by another call, or a Poller: nothing,
//	or a Poller      │<──────┐        v     but for the deadline
//	                 │ never │   read by nobody: one goroutine in drain, which
//	                                          gives way to whoever comes
//
// All fields belong to the goroutine that runs it.
type shutdown struct {
	all  []closing
	live int // of all, the first so many are still to be looked after

	running sync.WaitGroup // goroutines of drain, and of the ends of transports
}

// closing is a connection in its closing handshake.
type closing struct {
	c        *Conn
	deadline moment
	drained  bool // drain reads it, until the end
}

// begin sends all close frames, as far as the transports take them.
func (s *shutdown) begin(members []*Conn, code frame.Code, reason string) {
	s.all = make([]closing, 0, len(members))
	for i, c := range members {
		if i%startStep == startStep-1 {
			runtime.Gosched()
		}
		if deadline, err := c.startClose(code, reason); err == nil {
			s.all = append(s.all, closing{c: c, deadline: deadline})
		}
	}
	s.live = len(s.all)
}

// await waits until all have ended. It fails only with the context's error.
func (s *shutdown) await(ctx context.Context) error {
	for {
		late := time.NewTimer(s.look())
		err := s.awaitLast(ctx, late.C)
		late.Stop()
		if err != nil || s.live == 0 {
			return err
		}
	}
}

// awaitLast is await until late. One after the other, the last of those that are
// live is waited for: the context that its Done makes is not made for those that
// end meanwhile.
func (s *shutdown) awaitLast(ctx context.Context, late <-chan time.Time) error {
	for ; s.live > 0; s.live-- {
		c := s.all[s.live-1].c
		if c.Err() != nil {
			continue
		}
		select {
		case <-c.Done():
		case <-late:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// look ends those whose time is over and has those read that nobody reads. It
// returns how long it may be until the next look.
func (s *shutdown) look() time.Duration {
	at := now()
	next := at.add(never)
	for i := 0; i < s.live; {
		m := &s.all[i]
		c := m.c
		if ended := c.Err() != nil; ended || m.deadline <= at {
			if !ended {
				s.end(c, c.closeTimedOut)
			}
			s.live--
			s.all[i], s.all[s.live] = s.all[s.live], s.all[i]
			continue
		}
		if !m.drained && !c.isRead() {
			m.drained = true
			deadline := m.deadline.time()
			s.running.Go(func() { c.awaitClose(deadline) })
		}
		next = min(next, m.deadline)
		i++
	}
	return min(lookEvery, next.sub(now()))
}

// isRead reports whether somebody has the turn to read, or a worker of a Poller
// takes it as soon as something comes. A worker that is in a call of a
// MessageFunc may be so for long.
func (c *Conn) isRead() bool {
	if c.reading.taken() {
		return true
	}
	r := c.polled.Load()
	if r == nil || r.fd < 0 {
		return false
	}
	s := r.state.Load()
	return s == polledParked || s == polledQueued
}

// end calls f, which closes c's transport. That may take goodbyeTime where it
// is no plain socket, and nobody else is to wait for it.
func (s *shutdown) end(c *Conn, f func()) {
	if c.wire.raw != nil {
		f()
	} else {
		s.running.Go(f)
	}
}

// endNow ends those that have not ended, without a handshake, and returns how
// many these were.
func (s *shutdown) endNow() (left int) {
	for i, m := range s.all {
		if i%startStep == startStep-1 {
			runtime.Gosched()
		}
		if m.c.Err() == nil {
			left++
			s.end(m.c, func() { m.c.CloseNow() })
		}
	}
	return left
}

// settle waits for who is still at the end of one that has ended: groups are
// left and Trace.Ended is told after the error is there.
func (s *shutdown) settle() {
	s.running.Wait()
	for _, m := range s.all {
		if !m.c.reading.try() {
			ctx, cancel := context.WithDeadline(context.Background(), m.deadline.time())
			err := m.c.reading.take(ctx, nil)
			cancel()
			if err != nil {
				continue // a hook of the application's, perhaps
			}
		}
		m.c.reading.give()
	}
}
