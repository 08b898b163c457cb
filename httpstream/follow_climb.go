package httpstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// errClimbed ends a link whose place a better one takes.
var errClimbed = errors.New("httpstream: follow: a better transport took over")

// errHeldBack is what doubt finds out.
var errHeldBack = errors.New("httpstream: follow: there are items, and they do not come")

// beside is what goes on beside the link in use: better transports are tried,
// and a stream of which nobody knows whether all of it gets through is looked
// after. Each has a goroutine, which ends when it knows. Until climbing has
// ended the ladder is its own.
type beside struct {
	f      *follower
	link   *link // in use
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	cursor topic.Cursor // how far the loop has come
	better *link        // has proved itself
	sure   bool         // the link in use holds nothing back
}

// startBeside returns nil if there is nothing to do.
func (f *follower) startBeside(ctx context.Context, l *link) *beside {
	_, _, climb := f.ladder.climb()
	climb = climb && f.o.ClimbAfter > 0
	doubt := !f.sure[l.transport] && (l.transport == TransportEventStream || l.transport == TransportStream)
	if !climb && !doubt {
		return nil
	}
	c := &beside{f: f, link: l, cursor: f.place.cursor}
	ctx, c.cancel = context.WithCancel(ctx)
	if climb {
		c.wg.Go(func() { c.climb(ctx) })
	}
	if doubt {
		c.wg.Go(func() { c.doubt(ctx) })
	}
	return c
}

// climb waits for the time of the next trial of a better transport, and ends
// with the first success.
func (c *beside) climb(ctx context.Context) {
	for {
		i, at, _ := c.f.ladder.climb()
		if !sleep(ctx, time.Until(at)) {
			return
		}
		l, err := c.f.openBeside(ctx, i, c.after())
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

// doubt finds out whether something on the way holds back the end of what the
// server has sent, as nginx does: it collects 4 KiB. The beginning of a stream
// proves nothing if more than that was behind it. So once the stream has
// nothing to say, a poll asks whether there is something. If there is not, the
// end of the stream has come through, and so will all others.
func (c *beside) doubt(ctx context.Context) {
	step := c.f.o.Setup / 2
	for sleep(ctx, step) {
		if c.link.silentFor() < step {
			continue // it flows, or the loop body takes its time
		}
		asked := time.Now()
		ahead, err := c.f.ahead(ctx, c.after())
		if err != nil {
			return // there are no polls here, so nobody knows
		}
		if !ahead {
			c.mu.Lock()
			c.sure = true
			c.mu.Unlock()
			return
		}
		if !sleep(ctx, step) {
			return
		}
		if c.link.silentFor() > time.Since(asked) {
			c.link.cancel(&TransportError{Transport: c.link.transport, Reason: "the end of what is sent is held back on the way", Err: errHeldBack})
			return
		}
	}
}

// ahead asks by a poll whether there is something after a cursor.
func (f *follower) ahead(ctx context.Context, after topic.Cursor) (bool, error) {
	l := &link{transport: TransportShortPoll, opened: time.Now(), within: f.o.Idle}
	ctx, stop := context.WithTimeout(ctx, pollMargin)
	defer stop()
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	defer l.stop()
	res, err := f.get(l, f.target.at(after, "limit", "1"), typeJSON)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusNoContent:
		return false, nil
	case http.StatusOK:
	default:
		return false, l.refusal(res)
	}
	b, err := io.ReadAll(io.LimitReader(&body{res.Body, l}, int64(f.o.MaxMessage)))
	if err != nil {
		return false, fmt.Errorf("httpstream: follow: the answer broke off: %w", err)
	}
	a, err := parseAnswer(b)
	return len(a.Items) > 0, err
}

// at is told how far the loop has come.
func (c *beside) at(cursor topic.Cursor) {
	if c != nil {
		c.mu.Lock()
		c.cursor = cursor
		c.mu.Unlock()
	}
}

func (c *beside) after() topic.Cursor {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cursor
}

// take returns the link that has proved itself, once, and nil as long as there
// is none.
func (c *beside) take() *link {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.better
	c.better = nil
	return l
}

// stop ends all of it and waits for that. It may be called again.
func (c *beside) stop() {
	if c == nil {
		return
	}
	c.cancel()
	c.wg.Wait()
	if l := c.take(); l != nil {
		l.close()
	}
	if c.sure {
		c.f.sure[c.link.transport] = true
	}
}
