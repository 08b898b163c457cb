package httpstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// news is one thing that comes over a link.
type news struct {
	kind newsKind
	item topic.Item       // of the others only Cursor is set
	gone *topic.GoneError // of newsGone
}

type newsKind uint8

const (
	newsItem  newsKind = iota + 1
	newsPlace          // where the link is
	newsGone           // items are lost, the link goes on after the cursor
)

// source is what is different between the transports. It has proved itself
// when it is there.
type source interface {
	next() (news, error) // waits; ends with the link's context
	close()
}

// link is one use of a transport: a connection, or a series of polls.
type link struct {
	source
	transport Transport
	rung      int // in the ladder
	ctx       context.Context
	cancel    context.CancelCauseFunc
	opened    time.Time
	sounds    atomic.Int64 // when the last bytes came, in ns since opened; pings may come in other goroutines
	reached   atomic.Bool  // there was a connection to the server, or its proxy
	orderly   bool         // the peer has said that it goes
	silence   *time.Timer  // ends the link; runs while something is waited for
	within    time.Duration
	waiting   atomic.Int64 // since when a read waits, in ns since opened, at least 1; 0 for not
}

// open sets up a transport and waits until it has proved itself, by the first
// thing that comes over it.
func (f *follower) open(ctx context.Context, rung int, after topic.Cursor) (*link, error) {
	l := &link{transport: f.o.Transports[rung], rung: rung, opened: time.Now(), within: f.o.Idle}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	limit := f.o.Setup * time.Duration(min(1+f.ladder.dark, longestSetup))
	if l.transport >= TransportLongPoll {
		limit *= 2
	}
	setup := time.AfterFunc(limit, func() { l.cancel(&SilentError{After: limit}) })
	var err error
	switch l.transport {
	case TransportSocket:
		l.source, err = f.openSocket(l, after)
	case TransportEventStream:
		l.source, err = f.openEvents(l, after)
	case TransportStream:
		l.source, err = f.openStream(l, after)
	default:
		l.source, err = f.openPoll(l, after)
	}
	if late := !setup.Stop(); late && err == nil {
		l.source.close()
		err = context.Cause(l.ctx)
	}
	if err != nil {
		err = l.why(err)
		var silent *SilentError
		if errors.As(err, &silent) && l.reached.Load() {
			err = &TransportError{Transport: l.transport, Reason: "there is a connection, but nothing comes through it", Err: err}
		}
		l.stop()
		return nil, err
	}
	return l, nil
}

// openBeside is open for a better transport: ctx bounds the trial and not the link.
func (f *follower) openBeside(ctx context.Context, rung int, after topic.Cursor) (*link, error) {
	free, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	l, err := f.open(free, rung, after)
	if !stop() && err == nil {
		l.close()
		err = context.Cause(ctx)
	}
	if err != nil {
		cancel(nil)
	}
	return l, err
}

// next waits for what comes next.
func (l *link) next() (news, error) {
	n, err := l.source.next()
	if err == nil && n.kind == newsGone {
		// The loop asks for what follows it next: it is not the server's to
		// choose freely.
		if bad := n.item.Cursor.Check(); bad != nil {
			err = l.notUnderstood(bad)
		}
	}
	if err != nil {
		err = l.why(err)
	}
	return n, err
}

func (l *link) close() {
	l.stop()
	l.source.close()
}

func (l *link) stop() {
	l.cancel(nil)
	if l.silence != nil {
		l.silence.Stop()
	}
}

// why is what made the link end, where err is only how that showed.
func (l *link) why(err error) error {
	if cause := context.Cause(l.ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// watch begins to wait for something that has to come within a time.
func (l *link) watch() {
	l.waiting.Store(max(1, int64(time.Since(l.opened))))
	if l.silence == nil {
		after := l.within
		l.silence = time.AfterFunc(after, func() { l.cancel(&SilentError{After: after}) })
		return
	}
	l.silence.Reset(l.within)
}

// unwatch ends the wait that watch has begun.
func (l *link) unwatch(came bool) {
	l.silence.Stop()
	l.waiting.Store(0)
	if came {
		l.sign()
	}
}

// silentFor is how long a read has been waiting; 0 if none is.
func (l *link) silentFor() time.Duration {
	since := time.Duration(l.waiting.Load())
	if since == 0 {
		return 0
	}
	return time.Since(l.opened) - since
}

// body is the body of an answer. A Read that waits for too long ends the link.
type body struct {
	r io.ReadCloser
	l *link
}

func (b *body) Read(p []byte) (int, error) {
	b.l.watch()
	n, err := b.r.Read(p)
	b.l.unwatch(n > 0)
	return n, err
}

// accept checks the head of an answer that has to be a stream of a type. The
// body is closed if it is not.
func (l *link) accept(res *http.Response, mediaType string) error {
	l.sign()
	if res.StatusCode != http.StatusOK {
		return l.refusal(res)
	}
	if ct := res.Header.Get("Content-Type"); !hasMediaType(ct, mediaType) {
		res.Body.Close()
		return &TransportError{Transport: l.transport, Reason: fmt.Sprintf("the answer has the content type %.100q and not %q", ct, mediaType)}
	}
	return nil
}

// refusal reads the beginning of an answer that is none, and closes its body.
func (l *link) refusal(res *http.Response) *StatusError {
	b, _ := io.ReadAll(io.LimitReader(&body{res.Body, l}, maxRefusal))
	res.Body.Close()
	return statusError(l.transport, res.StatusCode, res.Header, b)
}

// sign notes that something came.
func (l *link) sign() { l.sounds.Store(int64(time.Since(l.opened))) }

// heard is when something came last.
func (l *link) heard() time.Time { return l.opened.Add(time.Duration(l.sounds.Load())) }
