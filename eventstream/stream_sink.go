package eventstream

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// sink is what a Stream writes to. write, open and close belong to the holder
// of Stream.turn; arm and disarm to that of Stream.mu, and may be called while
// a write is under way.
type sink interface {
	open(p []byte) error  // the head of the answer and the first bytes
	write(p []byte) error // one write, one flush
	// arm gives the write under way and the next one until t, and at most
	// slack more.
	arm(t time.Time, slack time.Duration)
	disarm() // the write has returned
	close(trailer []byte, deadline time.Time)
}

// lazyDeadline is a deadline that is moved only when it has to be: that costs
// a tenth of a small write.
type lazyDeadline struct{ at time.Time }

// moves reports whether the deadline has to be moved for a write that has
// until t and slack more, and where to.
func (d *lazyDeadline) moves(t time.Time, slack time.Duration) (to time.Time, ok bool) {
	if left := d.at.Sub(t); left >= 0 && left <= slack {
		return d.at, false
	}
	d.at = t.Add(slack)
	return d.at, true
}

// connSink is a connection of our own.
type connSink struct {
	head  []byte // until open
	nc    net.Conn
	raw   syscall.RawConn // of a plain socket, to try a write and to wait for the client; else nil
	due   lazyDeadline
	isTLS bool
}

// connStream is a stream and its sink in one piece of memory, with what every
// send touches in the middle.
type connStream struct {
	sink connSink
	Stream
}

func (k *connSink) open(p []byte) error {
	head := append(k.head, p...)
	k.head = nil
	return k.write(head)
}

func (k *connSink) write(p []byte) error {
	_, err := k.nc.Write(p)
	return err
}

func (k *connSink) arm(t time.Time, slack time.Duration) {
	if to, ok := k.due.moves(t, slack); ok {
		k.nc.SetWriteDeadline(to)
	}
}

// disarm does nothing on a plain connection: a deadline that passes while
// nothing is written does no harm, and the next write moves it. TLS writes by
// itself when the peer asks for new keys, and is broken for good if that runs
// into a deadline.
func (k *connSink) disarm() {
	if k.isTLS {
		k.nc.SetWriteDeadline(time.Time{})
		k.due = lazyDeadline{}
	}
}

func (k *connSink) close(trailer []byte, deadline time.Time) {
	k.nc.SetWriteDeadline(deadline)
	if len(trailer) > 0 {
		k.nc.Write(trailer)
	}
	if tc, ok := k.nc.(*tls.Conn); ok {
		if deadline == past {
			tc.NetConn().Close()
			return
		}
		// Close sends an alert and gives it five seconds, whatever our
		// deadline is.
		stop := time.AfterFunc(farewell, func() { tc.NetConn().Close() })
		defer stop.Stop()
	}
	k.nc.Close()
}

// deadliner is the part of a ResponseWriter that bounds a write.
type deadliner interface{ SetWriteDeadline(time.Time) error }

// httpSink is a ResponseWriter on HTTP/1.x without TLS.
type httpSink struct {
	w     http.ResponseWriter
	flush func() error
	ctl   deadliner // nil where the writer has none and none is asked for
	due   lazyDeadline
}

func (k *httpSink) open(p []byte) error {
	k.w.WriteHeader(http.StatusOK)
	return k.write(p)
}

func (k *httpSink) write(p []byte) error {
	if len(p) > 0 {
		if _, err := k.w.Write(p); err != nil {
			return err
		}
	}
	return k.flush()
}

func (k *httpSink) arm(t time.Time, slack time.Duration) {
	if k.ctl == nil {
		return
	}
	if to, ok := k.due.moves(t, slack); ok {
		k.ctl.SetWriteDeadline(to)
	}
}

func (k *httpSink) disarm() {} // the next write moves it

// close leaves a deadline for what net/http writes when the handler returns.
func (k *httpSink) close(trailer []byte, deadline time.Time) {
	if k.ctl != nil {
		k.ctl.SetWriteDeadline(deadline)
	}
	if len(trailer) > 0 {
		k.w.Write(trailer)
	}
}

// timedSink is a ResponseWriter on HTTP/2 or later, or under TLS. It keeps the
// time itself and sets the deadline only to end a write:
//
//   - On HTTP/2 a deadline that passes resets the stream for good, also while
//     nothing is written, and each move of it is a message to the goroutine
//     that serves the connection.
//   - Under TLS, net/http closes the connection within the write that failed,
//     and crypto/tls then gives its alert five seconds, whatever the deadline
//     was. So the deadline is set again until the write has returned.
type timedSink struct {
	httpSink
	request context.Context // of HTTP/2, whose ResponseWriter must not be touched after its end; else nil

	mu       sync.Mutex
	timer    *time.Timer
	deadline time.Time // zero while nothing is written
}

// insist is the time between two attempts to end a write.
const insist = 5 * time.Millisecond

func (k *timedSink) arm(t time.Time, _ time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.deadline = t
	if k.timer == nil {
		k.timer = time.AfterFunc(time.Until(t), k.fire)
	} else {
		k.timer.Reset(time.Until(t))
	}
}

func (k *timedSink) disarm() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.deadline = time.Time{}
	if k.timer != nil {
		k.timer.Stop()
	}
}

func (k *timedSink) fire() {
	k.mu.Lock() // held meanwhile: the handler must not return
	defer k.mu.Unlock()
	if k.ctl == nil || k.deadline.IsZero() || time.Now().Before(k.deadline) || k.requestOver() {
		return
	}
	k.ctl.SetWriteDeadline(past)
	k.timer.Reset(insist)
}

func (k *timedSink) close(trailer []byte, deadline time.Time) {
	k.disarm()
	if !k.requestOver() {
		k.httpSink.close(trailer, deadline)
	}
}

// requestOver reports whether there is nothing left to write to: net/http ends
// the context of a request on HTTP/2 before it takes the ResponseWriter away.
func (k *timedSink) requestOver() bool { return k.request != nil && k.request.Err() != nil }

// flusher returns what flushes w, as http.ResponseController finds it; nil if
// nothing does. It is looked for once and not for each event.
func flusher(w http.ResponseWriter) func() error {
	for {
		switch t := w.(type) {
		case interface{ FlushError() error }:
			return t.FlushError
		case http.Flusher:
			return func() error { t.Flush(); return nil }
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return nil
		}
	}
}

// writeDeadliner returns what sets the write deadline of w; nil if nothing
// does.
func writeDeadliner(w http.ResponseWriter) deadliner {
	for {
		switch t := w.(type) {
		case deadliner:
			return t
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return nil
		}
	}
}
