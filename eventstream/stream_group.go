package eventstream

import (
	"iter"
	"slices"
	"sync"
)

// Group is a set of streams that end together. The zero value is ready.
//
//	var streams eventstream.Group
//	http.Handle("/events", eventstream.Handler(serve, &eventstream.Options{Group: &streams}))
//	srv.RegisterOnShutdown(streams.Shutdown)
//
// http.Server.Shutdown waits for handlers to return and does not interrupt
// them. Without a Group an open stream holds it up for as long as the client
// stays.
type Group struct {
	mu     sync.Mutex
	list   []*Stream // each knows its place; in the order in which they came, as long as none has left
	closed bool
}

// Len returns how many streams are open.
func (g *Group) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.list)
}

// All returns the streams that are open now, in no order. The loop body may
// end streams and open new ones; those are not in it. To send to all of them
// in such a loop is to wait for the slowest, up to its WriteTimeout; SendRaw and
// Send do not.
func (g *Group) All() iter.Seq[*Stream] {
	return func(yield func(*Stream) bool) {
		for _, s := range g.snapshot() {
			if !yield(s) {
				return
			}
		}
	}
}

func (g *Group) snapshot() []*Stream {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.list)
}

// Shutdown ends all streams, and has Accept and AcceptConn refuse new ones
// with 503. It does not wait for handlers; they see that the context of their
// stream has ended. A write that is under way has 25 ms left. Raw connections
// are closed when it returns.
func (g *Group) Shutdown() {
	g.mu.Lock()
	g.closed = true
	all := slices.Clone(g.list)
	g.mu.Unlock()
	for _, s := range all {
		s.end(EndShutdown, nil)
	}
	var raw sync.WaitGroup
	for _, s := range all {
		if s.raw {
			raw.Go(func() {
				s.turn.Lock() // a write under way has been cut short
				s.finish()
				s.turn.Unlock()
			})
		}
	}
	raw.Wait()
}

// add reports false if the group is shut down.
func (g *Group) add(s *Stream) bool {
	if g == nil {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	s.place = len(g.list)
	g.list = append(g.list, s)
	return true
}

func (g *Group) remove(s *Stream) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.place >= len(g.list) || g.list[s.place] != s {
		return // it was not taken, or has left already
	}
	last := len(g.list) - 1
	g.list[s.place] = g.list[last]
	g.list[s.place].place = s.place
	g.list[last] = nil
	g.list = g.list[:last]
}

func (g *Group) isClosed() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}
