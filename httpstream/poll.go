package httpstream

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// batch is the answer of a poll as it is put together. Items are referred to in
// the form that all readers of a topic share, and copied no sooner than they are
// written: a client that does not read its answer makes nobody hold a megabyte,
// unless the topic drops those items meanwhile.
type batch struct {
	texts  [][]byte     // of the items
	size   int          // bytes of what is there of the body: its head, the texts, commas
	end    []byte       // of the body
	cursor topic.Cursor // of the last item
	more   bool
}

// maxKeptTexts is for how many items a batch is kept for others: for those of an
// answer by the defaults, which append makes room for in its steps.
const maxKeptTexts = DefaultMaxItems + DefaultMaxItems/2

var batches = sync.Pool{New: func() any { return new(batch) }}

func borrowBatch() *batch {
	b := batches.Get().(*batch)
	b.reset()
	return b
}

func returnBatch(b *batch) {
	b.reset()
	if cap(b.texts) <= maxKeptTexts {
		batches.Put(b)
	}
}

func (b *batch) reset() {
	clear(b.texts)
	*b = batch{texts: b.texts[:0], end: b.end[:0], size: len(answerHead)}
}

// add takes an item, unless it is too much: then b.more is set.
func (b *batch) add(it *topic.Item, o *Options, limit int) bool {
	line := asLine(it)
	text := line[:len(line)-1]
	n := len(b.texts)
	if n == limit || n > 0 && b.size+len(text) > o.MaxBytes {
		b.more = true
		return false
	}
	if n > 0 {
		b.size++ // the comma
	}
	b.size += len(text)
	b.texts = append(b.texts, text)
	b.cursor = it.Cursor
	return true
}

// write writes the body of an answer in pieces of maxWrite, and a short one in
// one.
func (b *batch) write(w io.Writer) error {
	p := lineBuffers.Get().(*[]byte)
	piece := append((*p)[:0], answerHead...)
	put := func(text []byte) error {
		if len(piece)+len(text) > maxWrite {
			if _, err := w.Write(piece); err != nil {
				return err
			}
			piece = piece[:0]
		}
		if len(text) > maxWrite {
			_, err := w.Write(text)
			return err
		}
		piece = append(piece, text...)
		return nil
	}
	for i, text := range b.texts {
		if i > 0 {
			if err := put(comma); err != nil {
				return err
			}
		}
		if err := put(text); err != nil {
			return err
		}
	}
	if err := put(b.end); err != nil {
		return err
	}
	if _, err := w.Write(piece); err != nil {
		return err
	}
	returnLines(p, piece)
	return nil
}

var comma = []byte{','}

// collect adds all that is there after a cursor, up to the limits. The error of
// a source that gave something is left for the next request.
//
// RFC 6202, 2.2: "If multiple messages are queued for a client, they might be
// delivered in a batch within a single long poll response. This can
// significantly reduce the per-message overhead"
func (e *endpoint) collect(ctx context.Context, b *batch, after topic.Cursor, limit int) error {
	buf := borrowItems()
	defer returnItems(buf, len(buf))
	for {
		// One more than may be added, to know whether there is more.
		room := min(readSize, limit-len(b.texts)+1)
		items, err := e.src.Read(noWait{ctx}, after, buf[:0:room])
		if err != nil {
			if len(b.texts) > 0 || isContext(err) {
				return nil
			}
			return err
		}
		if len(items) == 0 {
			return nil // against the rules of Source, and not worth a loop without end
		}
		for i := range items {
			if !b.add(&items[i], &e.o, limit) {
				return nil
			}
		}
		after = b.cursor
	}
}

// poll answers a short poll, or a long one.
//
// RFC 6202, 2.1: "The server defers its response until an update is available or
// until a particular status or timeout has occurred. When an update is
// available, the server sends a complete response to the client."
func (e *endpoint) poll(w http.ResponseWriter, r *http.Request, q *query, long bool) *RefusedError {
	h := w.Header()
	if !accepts(r.Header["Accept"], typeJSON) {
		return refused(http.StatusNotAcceptable, tokenNotAcceptable, "There is "+typeJSON+" here, and the request's Accept field excludes it.")
	}
	h["Cache-Control"] = noCache
	if long {
		// RFC 6202, 5.6: "caching is always intentionally suppressed in a long
		// poll request or response". It says no-cache; no-store is stronger
		// and of HTTP/1.1 (RFC 9111, 5.2.2.5).
		h["Cache-Control"] = noStore
	}
	if !q.explicit {
		addVary(h, "Last-Event-ID")
	}
	after, err := e.resolve(r.Context(), q.after)
	if err != nil {
		return sourceRefusal(err)
	}
	limit := e.o.MaxItems
	if q.limit > 0 {
		limit = min(limit, q.limit)
	}
	b := borrowBatch()
	defer returnBatch(b)
	if err := e.collect(r.Context(), b, after, limit); err != nil {
		return sourceRefusal(err)
	}
	if !long || len(b.texts) > 0 && !e.known(r, b, after) {
		return e.answer(w, r, q, b, after)
	}

	// A client that has the answer already, as its If-None-Match says, waits
	// for another one.
	from := after
	if len(b.texts) > 0 {
		from = b.cursor
	}
	wait := e.o.MaxWait
	if q.waits {
		wait = min(wait, q.wait)
	}
	ahead, end, err := e.waitFor(w, r, from, wait)
	switch {
	case err != nil:
		return sourceRefusal(err)
	case end == waitLeft:
		return nil // nobody reads an answer
	case end == waitShutdown:
		h.Set("Connection", "close") // the next request is to reach another server
		if e.position(r.Context(), after) == "" {
			return shuttingDown()
		}
	case end == waitItem:
		if len(b.texts) > 0 {
			// From the beginning again, since the answer is one for after.
			b.reset()
			if err := e.collect(r.Context(), b, after, limit); err != nil {
				return sourceRefusal(err)
			}
		} else {
			b.add(ahead, &e.o, limit)
			if err := e.collect(r.Context(), b, ahead.Cursor, limit); err != nil {
				return sourceRefusal(err)
			}
		}
	}
	return e.answer(w, r, q, b, after)
}

// tag is the entity tag of an answer, without its quotes. An answer that was
// cut is another one than that with the same items and nothing behind.
func (b *batch) tag(c topic.Cursor) string {
	if b.more {
		return string(c) + "+"
	}
	return string(c)
}

// known reports whether the client has the answer already.
func (e *endpoint) known(r *http.Request, b *batch, after topic.Cursor) bool {
	fields := r.Header["If-None-Match"]
	if len(fields) == 0 {
		return false
	}
	cursor := e.next(r, b, after)
	listed, any := etagListed(fields, b.tag(cursor))
	// RFC 9110, 13.1.2: "If the field value is "*", the condition is false if
	// the origin server has a current representation for the target resource."
	// Nothing after a cursor, 204, is no representation.
	return listed && cursor != "" || any && len(b.texts) > 0
}

// next is the cursor to go on after behind an answer.
func (e *endpoint) next(r *http.Request, b *batch, after topic.Cursor) topic.Cursor {
	if len(b.texts) > 0 {
		return b.cursor
	}
	return e.position(r.Context(), after)
}

// answer sends what a poll comes to: 200, 204 or 304.
func (e *endpoint) answer(w http.ResponseWriter, r *http.Request, q *query, b *batch, after topic.Cursor) *RefusedError {
	h := w.Header()
	cursor := e.next(r, b, after)
	if cursor != "" {
		h[headerCursor] = []string{string(cursor)}
		// What follows a cursor up to another one is the same for ever. What
		// is kept at all is not, so there the tag is weak.
		tag := `"` + b.tag(cursor) + `"`
		if q.after == "" || q.after == topic.Now {
			tag = "W/" + tag
		}
		h["Etag"] = []string{tag}
	}
	switch {
	case e.known(r, b, after):
		// RFC 9110, 15.4.5: "The server generating a 304 response MUST
		// generate any of the following header fields that would have been
		// sent in a 200 (OK) response to the same request: Content-Location,
		// Date, ETag, and Vary; Cache-Control and Expires"
		e.o.armAnswer(w)
		w.WriteHeader(http.StatusNotModified)
	case len(b.texts) == 0:
		e.o.armAnswer(w)
		w.WriteHeader(http.StatusNoContent)
	default:
		b.end = appendAnswerEnd(b.end[:0], cursor, b.more)
		e.o.sendHead(w, http.StatusOK, b.size+len(b.end))
		if r.Method != http.MethodHead {
			b.write(w) // an error is the client's
		}
	}
	return nil
}

// waitEnd is why a wait is over.
type waitEnd int

const (
	waitTime     waitEnd = iota // the time is over
	waitItem                    // there is an item
	waitLeft                    // the client has gone
	waitShutdown                // the Group is shut down
)

// waitFor waits for the first item after a cursor.
func (e *endpoint) waitFor(w http.ResponseWriter, r *http.Request, after topic.Cursor, wait time.Duration) (it *topic.Item, end waitEnd, err error) {
	if wait = jittered(wait); wait <= 0 {
		return nil, waitTime, nil
	}
	// http.Server's is for requests that take no time, and on HTTP/2 resets
	// the stream. That for reading does not count once a request was read.
	http.NewResponseController(w).SetWriteDeadline(time.Time{})

	stop, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	var m member
	if !e.o.Group.add(&m, func(bool) { cancel(errShutdown) }) {
		return nil, waitShutdown, nil
	}
	defer m.leave()
	ctx, done := context.WithTimeout(stop, wait)
	defer done()
	items, err := e.src.Read(ctx, after, make([]topic.Item, 0, 1))
	switch {
	case err == nil && len(items) > 0:
		return &items[0], waitItem, nil
	case r.Context().Err() != nil:
		return nil, waitLeft, nil
	case err != nil && !isContext(err):
		return nil, waitTime, err
	case context.Cause(stop) == errShutdown:
		return nil, waitShutdown, nil
	}
	return nil, waitTime, nil
}

// jittered is a wait that ends up to a tenth earlier, chosen at random: clients
// that came together, as after a restart, do not stay together.
func jittered(wait time.Duration) time.Duration {
	if spread := wait / 10; spread > 0 {
		wait -= rand.N(spread + 1)
	}
	return wait
}
