package httpstream

import (
	"context"
	"errors"
	"sync"
)

// Group is what long polls, streams and sockets belong to, so that they end
// together. The zero value is ready.
//
//	var group httpstream.Group
//	http.Handle("/news", httpstream.Handler(&log, &httpstream.Options{Group: &group}))
//	...
//	group.Shutdown(ctx)
//	server.Shutdown(ctx)
//
// http.Server.Shutdown waits for handlers to return and does not interrupt
// them. Without a Group an open stream holds it up for as long as its client
// stays, and sockets are not waited for at all.
//
// All methods may be called from any goroutine.
type Group struct {
	mu    sync.Mutex
	first *member // of a list, linked both ways
	n     int
	shut  bool
	empty chan struct{} // closed when the last member has left; nil if nobody waits

	sockets socketGroup // they are ended as members
}

// member is a place in a Group. It is part of what it stands for, and not to be
// copied. The zero value is no member of anything.
type member struct {
	group      *Group  // nil: no member
	prev, next *member // group.mu

	mu sync.Mutex
	// end is called by Shutdown: first with now == false, to end in good
	// order and soon; then, if the time is over, with now == true, to end at
	// once. It must not wait, nor call leave. It is not called after leave.
	end func(now bool)
}

// add makes m a member. It reports false if the group is shut down. A nil
// Group takes everybody.
func (g *Group) add(m *member, end func(now bool)) bool {
	if g == nil {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	m.group, m.end = g, end
	if m.next = g.first; m.next != nil {
		m.next.prev = m
	}
	g.first = m
	g.n++
	return true
}

// leave takes m out of its group, if it is in one. When it returns, end is not
// running and will not be called. It may be called again.
func (m *member) leave() {
	if m.group == nil {
		return
	}
	m.mu.Lock()
	ended := m.end == nil
	m.end = nil
	m.mu.Unlock()
	if !ended {
		m.group.remove(m)
	}
}

func (g *Group) remove(m *member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m.prev != nil {
		m.prev.next = m.next
	} else {
		g.first = m.next
	}
	if m.next != nil {
		m.next.prev = m.prev
	}
	m.prev, m.next = nil, nil
	if g.n--; g.n == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// closing reports whether Shutdown was called; a nil Group never is.
func (g *Group) closing() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

// Len returns how many long polls, streams and sockets there are.
func (g *Group) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n
}

// errShutdown is the cause of the end of what was in a Group.
var errShutdown = errors.New("httpstream: the server is shutting down")

// Shutdown has new requests refused with 503 and a time to come back, and ends
// all that run so that their clients can go on elsewhere: long polls are
// answered with their cursor, streams end behind a whole line or event, sockets
// with a closing handshake. What is being written is finished.
//
// It returns when all have ended, or with ctx, whose error it returns then,
// with the number of those that had not; these are cut off.
func (g *Group) Shutdown(ctx context.Context) (left int, err error) {
	g.mu.Lock()
	g.shut = true
	var empty chan struct{}
	if g.n > 0 {
		if g.empty == nil {
			g.empty = make(chan struct{})
		}
		empty = g.empty
	}
	g.mu.Unlock()
	if empty == nil {
		return 0, nil
	}
	g.endAll(false)
	select {
	case <-empty:
		return 0, nil
	case <-ctx.Done():
	}
	left = g.Len()
	g.endAll(true)
	if left == 0 {
		return 0, nil // the last one left at the same moment
	}
	return left, context.Cause(ctx)
}

// endAll calls end of all that are members now.
func (g *Group) endAll(now bool) {
	g.mu.Lock()
	all := make([]*member, 0, g.n)
	for m := g.first; m != nil; m = m.next {
		all = append(all, m)
	}
	g.mu.Unlock()
	for _, m := range all {
		m.mu.Lock()
		if m.end != nil {
			m.end(now)
		}
		m.mu.Unlock()
	}
}
