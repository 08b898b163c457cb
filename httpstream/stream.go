package httpstream

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// stream answers with JSON lines until the client goes, the Group is shut down
// or the source ends.
//
// RFC 6202, 3.1: "The HTTP streaming mechanism keeps a request open
// indefinitely. It never terminates the request or closes the connection, even
// after the server pushes data to the client."
func (e *endpoint) stream(w http.ResponseWriter, r *http.Request, q *query) *RefusedError {
	if !accepts(r.Header["Accept"], typeNDJSON) {
		return refused(http.StatusNotAcceptable, tokenNotAcceptable, "There is "+typeNDJSON+" here, and the request's Accept field excludes it.")
	}
	after, first, refusal := e.begin(r.Context(), q)
	if refusal != nil {
		return refusal
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	out := &lineWriter{w: w, ctl: http.NewResponseController(w), within: e.o.WriteTimeout}
	if err := out.ctl.SetWriteDeadline(time.Time{}); err != nil && out.within > 0 {
		return cantStream("the ResponseWriter can't set a write deadline (it needs an Unwrap method, or a negative Options.WriteTimeout does without)")
	}
	if !canFlush(w) {
		return cantStream("the ResponseWriter can't flush (it needs a Flush or an Unwrap method)")
	}
	var m member
	if !e.o.Group.add(&m, func(now bool) {
		cancel(errShutdown)
		out.finish(now)
	}) {
		return shuttingDown()
	}
	defer m.leave()

	h := w.Header()
	h.Set("Content-Type", typeNDJSON)
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = nosniff
	h.Set("X-Accel-Buffering", "no") // nginx would hold lines back
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	if out.write(first) == nil {
		e.lines(ctx, out, after)
	}
	return nil
}

// cantStream is a mistake in how the server is put together.
func cantStream(cause string) *RefusedError {
	e := unavailable("The server is not set up to stream.")
	e.cause = errors.New(cause)
	return e
}

// canFlush reports whether http.ResponseController finds what flushes w.
func canFlush(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

// begin finds out where a stream starts, and makes its first line. after is ""
// only for a source that can't tell; then there is no first line.
func (e *endpoint) begin(ctx context.Context, q *query) (after topic.Cursor, first []byte, _ *RefusedError) {
	after, gone, refusal := e.start(ctx, q.after)
	switch {
	case refusal != nil:
		return "", nil, refusal
	case gone != nil:
		return after, appendResetLine(nil, gone), nil
	case after != "" && after != topic.Now:
		first = appendPositionLine(nil, after)
	}
	return after, first, nil
}

func appendResetLine(dst []byte, gone *topic.GoneError) []byte {
	return append(appendReset(dst, gone, gone.Oldest), '\n')
}

func appendPositionLine(dst []byte, c topic.Cursor) []byte {
	return append(appendPosition(dst, c), '\n')
}

// maxWrite is how much is gathered for one write of a stream, more or less.
const maxWrite = 32 << 10

// lineBuffers lends the memory of one write after the other. What a write has
// failed with is not given back but left to the garbage collector. A
// ResponseWriter must not read on by then, as no [io.Writer] must, and net/http's
// do not: that of HTTP/2 returns when its stream ends, with a frame on its way
// that was copied before (go.dev/issue/58446). But one that does would send what
// the next borrower has put there, to the wrong client, and until 2023 net/http's
// did.
var lineBuffers = sync.Pool{New: func() any { return new([]byte) }}

// returnLines takes back what lineBuffers has lent, which has become b and which
// nobody reads any more.
func returnLines(p *[]byte, b []byte) {
	if cap(b) <= 2*maxWrite {
		*p = b
		lineBuffers.Put(p)
	}
}

// errNothingRead is a breach of the rules of Source. To go on would be a loop
// without end.
var errNothingRead = errors.New("the source's Read gave neither items nor an error")

// lines sends what follows a cursor, for as long as it can.
func (e *endpoint) lines(ctx context.Context, out *lineWriter, after topic.Cursor) {
	beat := heartbeat{every: e.o.Heartbeat, last: time.Now()}
	defer beat.stop()
	var one [1]topic.Item // to wait with: a larger one would cost a waiting client kilobytes
	for {
		items, err := e.src.Read(beat.context(ctx), after, one[:0])
		var gone *topic.GoneError
		switch {
		case err == nil && len(items) > 0:
			after, err = e.burst(ctx, out, &items[0])
			one[0] = topic.Item{}
		case errors.As(err, &gone):
			after = gone.Oldest
			err = out.write(appendResetLine(nil, gone))
		case err == nil:
			err = errNothingRead
		case ctx.Err() == nil && isContext(err):
			if !beat.due() {
				continue
			}
			line := []byte("\n") // where it is, the source can't tell
			if after != "" && after != topic.Now {
				line = appendPositionLine(nil, after)
			}
			err = out.write(line)
		}
		if err != nil || ctx.Err() != nil {
			e.logEnd(ctx, err)
			return
		}
		beat.last = time.Now()
	}
}

// burst sends an item and all that is there behind it, in few writes, and
// returns the cursor of the last.
func (e *endpoint) burst(ctx context.Context, out *lineWriter, first *topic.Item) (after topic.Cursor, err error) {
	line := asLine(first)
	after = first.Cursor
	buf := borrowItems()
	defer returnItems(buf, len(buf))
	items, err := e.src.Read(noWait{ctx}, after, buf[:0])
	if err != nil || len(items) == 0 {
		return after, out.write(line) // mostly it is one
	}
	p := lineBuffers.Get().(*[]byte)
	b := append((*p)[:0], line...)
	for err == nil && len(items) > 0 && ctx.Err() == nil {
		for i := range items {
			if line := asLine(&items[i]); len(b) > 0 && len(b)+len(line) > maxWrite {
				if err := out.write(b); err != nil {
					return after, err
				}
				b = append(b[:0], line...)
			} else {
				b = append(b, line...)
			}
			after = items[i].Cursor
		}
		items, err = e.src.Read(noWait{ctx}, after, buf[:0])
	}
	if err := out.write(b); err != nil {
		return after, err
	}
	returnLines(p, b)
	return after, nil // an error of the source comes back in the next Read
}

func (e *endpoint) logEnd(ctx context.Context, err error) {
	if e.o.Logger == nil || ctx.Err() != nil || errors.Is(err, topic.ErrClosed) {
		return
	}
	var w *writeError
	if !errors.As(err, &w) { // that of a client that does not read is no news
		e.o.Logger.Error("httpstream: stream ended", "cause", err)
	}
}

// heartbeat says when a stream was silent for long enough. Its timer is not
// touched by items: it looks for itself when the last was.
type heartbeat struct {
	every time.Duration // 0: never
	last  time.Time     // something was sent

	ctx    context.Context
	cancel context.CancelFunc
}

// context returns a context to wait with. Its end may be a heartbeat's time.
func (b *heartbeat) context(parent context.Context) context.Context {
	if b.every == 0 {
		return parent
	}
	if b.ctx == nil || b.ctx.Err() != nil {
		b.stop()
		b.ctx, b.cancel = context.WithDeadline(parent, b.last.Add(b.every))
	}
	return b.ctx
}

func (b *heartbeat) due() bool { return time.Since(b.last) >= b.every }

func (b *heartbeat) stop() {
	if b.cancel != nil {
		b.cancel()
	}
}

// lineWriter writes to a ResponseWriter, a flush and a deadline for each write.
type lineWriter struct {
	w      http.ResponseWriter
	ctl    *http.ResponseController
	within time.Duration

	mu       sync.Mutex
	finished time.Time // the last deadline there is; zero: none yet
}

// writeError is the client's: it does not read, or has gone.
type writeError struct{ err error }

func (e *writeError) Error() string { return "httpstream: write: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// farewell is how long a write that is under way at a shutdown may still take.
const farewell = time.Second

var past = time.Unix(1, 0)

func (l *lineWriter) write(p []byte) error {
	l.arm()
	defer l.disarm()
	if len(p) > 0 {
		if _, err := l.w.Write(p); err != nil {
			return &writeError{err}
		}
	}
	if err := l.ctl.Flush(); err != nil {
		return &writeError{err}
	}
	return nil
}

func (l *lineWriter) arm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	due := l.finished
	if due.IsZero() && l.within > 0 {
		due = time.Now().Add(l.within)
	}
	if !due.IsZero() {
		l.ctl.SetWriteDeadline(due)
	}
}

// disarm takes the deadline back: on HTTP/2 one that passes resets the stream
// also while nothing is written, and TLS writes by itself when its peer asks for
// new keys.
func (l *lineWriter) disarm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.finished.IsZero() && l.within > 0 {
		l.ctl.SetWriteDeadline(time.Time{})
	}
}

// finish bounds the write that is under way, and all that net/http writes
// behind it, because the server is shutting down. It is called from other
// goroutines, but only while the handler runs.
func (l *lineWriter) finish(now bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished = time.Now().Add(farewell)
	if now {
		l.finished = past
	}
	l.ctl.SetWriteDeadline(l.finished)
}
