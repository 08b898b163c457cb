package httpstream

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/pushwire/pushwire/eventstream"
	"github.com/pushwire/pushwire/topic"
)

// Events answers with an event stream (text/event-stream): each item as an event
// as soon as it is there, with its cursor as the ID, so that a browser's
// EventSource comes back by itself to where it was.
//
// On HTTP/1.x the connection is taken over, and the handler returns at once: a
// client that waits costs the connection, and one goroutine that sees it go.
// http.Server.Shutdown does not know of these connections, and Options.Group
// does. Where it can't be taken over, as on HTTP/2, or where middleware has set
// Content-Encoding, the handler stays.
func Events(src topic.Source, o *Options) http.Handler { return newEndpoint(src, o, eventStream) }

const (
	// typeReset is the type of the event that tells of lost items.
	typeReset = "pushwire:reset"

	// base64Suffix marks the type of a binary item, jsonSuffix that of a text
	// which has a CR: as lines it would come back with LF in its place.
	base64Suffix = ";base64"
	jsonSuffix   = ";json"

	// Bounds of the time after which clients come back to another server, in
	// milliseconds; at random, so that they do not all come at once.
	retryMin = 1000
	retryMax = 5000
)

// events opens an event stream.
func (e *endpoint) events(w http.ResponseWriter, r *http.Request, q *query) *RefusedError {
	if !accepts(r.Header["Accept"], typeEvents) {
		return refused(http.StatusNotAcceptable, tokenNotAcceptable, "There is "+typeEvents+" here, and the request's Accept field excludes it.")
	}
	after, gone, refusal := e.start(r.Context(), q.after)
	if refusal != nil {
		return refusal
	}
	w.Header()["X-Content-Type-Options"] = nosniff
	o := &eventstream.Options{WriteTimeout: orNone(e.o.WriteTimeout), Heartbeat: orNone(e.o.Heartbeat)}
	if nc := takeOver(w, r); nc != nil {
		o.Header = w.Header().Clone()
		o.Header.Del("Connection")
		o.Header.Del("Transfer-Encoding")
		go e.eventsOn(nc, withoutContext(r), o, after, gone)
		return nil
	}
	s, err := eventstream.Accept(w, r, o)
	if err != nil {
		return nil // it was answered, or nobody is there
	}
	defer s.Close()
	if x := e.newEventReader(s); x != nil {
		x.begin(after, gone)
		<-s.Context().Done() // a Waker may do the rest
	}
	return nil
}

// eventsOn opens an event stream on a connection of our own.
func (e *endpoint) eventsOn(nc net.Conn, r *http.Request, o *eventstream.Options, after topic.Cursor, gone *topic.GoneError) {
	s, err := eventstream.AcceptConn(nc, r, o)
	if err != nil {
		return
	}
	if x := e.newEventReader(s); x != nil {
		x.begin(after, gone)
	}
}

// takeOver returns the connection of a request, nil where it can't be had.
func takeOver(w http.ResponseWriter, r *http.Request) net.Conn {
	if r.ProtoMajor != 1 || r.Method == http.MethodHead || w.Header().Get("Content-Encoding") != "" {
		return nil
	}
	nc, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil
	}
	// What the client has sent beyond its request means nothing here.
	nc.SetDeadline(time.Time{}) // those of http.Server are not ours
	return nc
}

// orNone is d for options in which 0 means the default.
func orNone(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// eventReader is a client on an event stream.
type eventReader struct {
	pump
	s *eventstream.Stream
}

// newEventReader returns nil, and the stream has ended, if the Group was shut
// down meanwhile.
func (e *endpoint) newEventReader(s *eventstream.Stream) *eventReader {
	x := &eventReader{s: s}
	x.init(e.src, x, e.o.Logger)
	if !e.o.Group.add(&x.member, x.shutdown) {
		x.sayRetry()
		return nil
	}
	s.OnEnd(func(error) { x.end() })
	return x
}

// shutdown is called by the Group.
func (x *eventReader) shutdown(now bool) {
	if now {
		go x.s.CloseNow()
	} else {
		go x.sayRetry()
	}
}

// sayRetry ends the stream, behind a time after which the client is to come
// back.
func (x *eventReader) sayRetry() {
	b := strconv.AppendInt([]byte("retry: "), retryMin+rand.Int64N(retryMax-retryMin+1), 10)
	x.s.SendRaw(append(b, "\n\n"...))
	x.s.Close()
}

func (x *eventReader) touch() { x.s.Touch() }

func (x *eventReader) context() context.Context { return x.s.Context() }

func (x *eventReader) finish(error) { x.s.Close() }

// position sends a block without data: it sets the last event ID and fires
// nothing.
func (x *eventReader) position(c topic.Cursor) error {
	return x.s.Send(eventstream.Event{ID: string(c)})
}

func (x *eventReader) reset(gone *topic.GoneError) error {
	return x.s.Send(eventstream.Event{ID: string(gone.Oldest), Type: typeReset, Data: appendGone(nil, gone)})
}

func (x *eventReader) try(items []topic.Item) (n int, err error) {
	for n < len(items) {
		// The stream keeps what the socket does not take: no buffer is lent.
		p, k, err := gatherEvents(nil, items[n:])
		if err != nil {
			return n, err
		}
		taken, err := x.s.TrySendRaw(p)
		if !taken {
			return n, err
		}
		n += k
	}
	return n, nil
}

func (x *eventReader) write(items []topic.Item) (n int, err error) {
	buf := lineBuffers.Get().(*[]byte)
	b := *buf
	for n < len(items) {
		p, k, err := gatherEvents(b[:0], items[n:])
		if err == nil {
			err = x.s.SendRaw(p)
		}
		if err != nil {
			return n, err
		}
		if n += k; k > 1 {
			b = p
		}
	}
	returnLines(buf, b)
	return n, nil
}

// gatherEvents returns the first k items as the bytes of one write: those that
// all readers share where it is one, else a copy behind dst.
func gatherEvents(dst []byte, items []topic.Item) (p []byte, k int, err error) {
	first, err := asEvent(&items[0])
	if err != nil {
		return nil, 0, err
	}
	size := len(first)
	for k = 1; k < len(items); k++ {
		next, err := asEvent(&items[k])
		if err != nil || size+len(next) > maxWrite {
			break // the error is the next call's
		}
		size += len(next)
	}
	if k == 1 {
		return first, 1, nil
	}
	dst = slices.Grow(dst, size)
	for i := range k {
		next, _ := asEvent(&items[i])
		dst = append(dst, next...)
	}
	return dst, k, nil
}

// asEvent is the item as an event, encoded once for all readers. Binary data is
// in base64, and text that an event stream can't hold is a JSON string; the type
// says so.
func asEvent(it *topic.Item) ([]byte, error) {
	switch v := it.Form(topic.FormEvent, makeEvent).(type) {
	case []byte:
		return v, nil
	case error:
		return nil, v
	}
	return nil, nil
}

func makeEvent(it *topic.Item) any {
	ev := eventstream.Event{ID: string(it.Cursor), Type: it.Type, Data: it.Data}
	if ev.Data == nil {
		ev.Data = []byte{} // without any, the block would fire nothing
	}
	if ev.Type == defaultType {
		ev.Type = ""
	}
	switch {
	case it.Binary:
		ev.Type = cmp.Or(ev.Type, defaultType) + base64Suffix
		ev.Data = base64.StdEncoding.AppendEncode(nil, it.Data)
	case bytes.IndexByte(it.Data, '\r') >= 0:
		ev.Type = cmp.Or(ev.Type, defaultType) + jsonSuffix
		ev.Data = appendString(nil, it.Data)
	}
	p, err := eventstream.Append(nil, ev)
	if err != nil {
		return error(&encodeError{cursor: it.Cursor, err: err})
	}
	return p
}
