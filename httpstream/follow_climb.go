package httpstream

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// errClimbed ends a link whose place a better one takes.
var errClimbed = errors.New("httpstream: follow: a better transport took over")

// climber tries better transports beside the link in use. It has a goroutine,
// which waits for the time of the next trial and ends with the first success;
// none if the link is of the best transport. Until it has ended the ladder is
// its own.
type climber struct {
	f      *follower
	link   *link // in use
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex
	cursor topic.Cursor // how far the loop has come
	better *link        // has proved itself
}

func (f *follower) startClimber(ctx context.Context, l *link) *climber {
	if _, _, ok := f.ladder.climb(); !ok || f.o.ClimbAfter < 0 {
		return nil
	}
	c := &climber{f: f, link: l, cursor: f.place.cursor, done: make(chan struct{})}
	ctx, c.cancel = context.WithCancel(ctx)
	go func() {
		defer close(c.done)
		c.run(ctx)
	}()
	return c
}

func (c *climber) run(ctx context.Context) {
	for {
		i, at, _ := c.f.ladder.climb()
		if !sleep(ctx, time.Until(at)) {
			return
		}
		c.mu.Lock()
		after := c.cursor
		c.mu.Unlock()
		// The link of the trial goes on when the climber has ended.
		l, err := c.f.openBeside(ctx, i, after)
		if err == nil {
			c.mu.Lock()
			c.better = l
			c.mu.Unlock()
			c.link.cancel(errClimbed)
			return
		}
		if ctx.Err() != nil {
			return
		}
		c.f.ladder.climbFailed(i, time.Now())
	}
}

// at is told how far the loop has come.
func (c *climber) at(cursor topic.Cursor) {
	if c != nil {
		c.mu.Lock()
		c.cursor = cursor
		c.mu.Unlock()
	}
}

// take returns the link that has proved itself, once, and nil as long as there
// is none.
func (c *climber) take() *link {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.better
	c.better = nil
	return l
}

// stop ends the climber and waits for that. It may be called again.
func (c *climber) stop() {
	if c == nil {
		return
	}
	c.cancel()
	<-c.done
	if l := c.take(); l != nil {
		l.close()
	}
}
