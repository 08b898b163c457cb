package eventstream

import (
	"iter"
	"maps"
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
	mu      sync.Mutex
	streams map[*Stream]struct{}
	closed  bool
}

// Len returns how many streams are open.
func (g *Group) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.streams)
}

// All returns the streams that are open now, in no order. The loop body may
// end streams and open new ones; those are not in it. To send to all of them
// in such a loop is to wait for the slowest, up to its WriteTimeout; SendRaw and
// Send do not.
func (g *Group) All() iter.Seq[*Stream] {
	return func(yield func(*Stream) bool) {
		g.mu.Lock()
		all := make([]*Stream, 0, len(g.streams))
		for s := range g.streams {
			all = append(all, s)
		}
		g.mu.Unlock()
		for _, s := range all {
			if !yield(s) {
				return
			}
		}
	}
}

// Shutdown ends all streams, and has Accept and AcceptConn refuse new ones
// with 503. It does not wait for handlers; they see that the context of their
// stream has ended. A write that is under way has 25 ms left. Raw connections
// are closed when it returns.
func (g *Group) Shutdown() {
	g.mu.Lock()
	g.closed = true
	all := maps.Clone(g.streams)
	g.mu.Unlock()
	for s := range all {
		s.end(EndShutdown, nil)
	}
	var raw sync.WaitGroup
	for s := range all {
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
	if g.streams == nil {
		g.streams = make(map[*Stream]struct{})
	}
	g.streams[s] = struct{}{}
	return true
}

func (g *Group) remove(s *Stream) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.streams, s)
}

func (g *Group) isClosed() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}
