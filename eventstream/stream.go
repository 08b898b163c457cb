package eventstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Stream is the server's end of one event stream. [Accept] and [AcceptConn]
// make it.
//
// All methods may be called from any goroutine. Events of concurrent callers
// go out whole. Each call that sends makes one write and one flush, and has
// Options.WriteTimeout for it; once one has failed the stream has ended, and
// every later call returns the same *[EndError].
type Stream struct {
	// What every send touches comes first. One event for thousands of streams
	// finds none of them in the processor's cache, and each line of it that a
	// send has to wait for costs a hundredth of the write.

	out    sink
	raw    bool          // we own the connection, and close it
	over   atomic.Bool   // err is set; may be read without mu
	within time.Duration // that one write may take; 0 for no bound

	// turn is held by the one that writes, for as long as the peer lets it
	// wait. It guards zip and finished.
	turn     turn
	zip      *zip // nil where the bytes go out as they are
	finished bool // the end of the body is written, or given up

	// mu guards the fields below, and over, and is never held while the peer is
	// waited for.
	mu       sync.Mutex
	writing  bool        // a write is under way
	broken   bool        // a write has failed
	timedOut bool        // because it had had its time
	last     time.Time   // when the last write began
	pending  [][]byte    // from Group.SendRaw, for the holder of turn to write; none while nobody has it
	behind   int         // bytes of them
	err      *EndError   // why the stream has ended; nil while it is open
	timer    *time.Timer // for heartbeat and lifetime; nil for none
	unbind   func() bool // takes back the registration with request; may be nil
	onEnd    func(error) // OnEnd; may be nil

	// The rest does not change once the stream is open.

	id      string          // of the request
	beat    time.Duration   // between heartbeats; 0 for none
	until   time.Time       // end of the lifetime; zero for none
	group   *Group          // may be nil
	ctx     context.Context // ends with the stream
	cancel  context.CancelCauseFunc
	request context.Context // of net/http; nil on a raw connection

	place int // in the list of group, whose mu guards it
}

// Times for a stream that is to end because the server shuts down.
const (
	// closing is what a write that is under way then still gets, and after the
	// client has gone: too short for a reader that is stuck, long enough for
	// all others.
	closing = 25 * time.Millisecond
	// farewell is what the end of the body gets where no write was under way.
	// It is a few bytes, and waits only for a client whose buffers happen to be
	// full to the last one; but a machine that is busy may take its time, and
	// TLS does not survive a deadline.
	farewell = time.Second
)

// heartbeat is a comment without the empty line that ends an event, so that
// it does no harm within one, should SendRaw have sent a part.
var heartbeat = []byte(":\n")

// LastEventID returns the ID of the last event that the client got before it
// lost its stream, empty for none. It comes from the Last-Event-ID field, or
// else from the query (Options.IDParam).
func (s *Stream) LastEventID() string { return s.id }

// Context ends with the stream: when the client goes, the lifetime is over,
// the Group shuts down, a write fails, or Close is called. context.Cause tells
// which, as an *[EndError]. It has the values of the request's context.
func (s *Stream) Context() context.Context { return s.ctx }

// Send encodes ev and sends it. For an event that breaks the rules of [Append]
// it returns that error, sends nothing, and the stream stays open. ev is not
// retained.
func (s *Stream) Send(ev Event) error {
	buf := buffers.get()
	b, err := Append(buf.b[:0], ev)
	buf.b = b
	if err != nil {
		buf.free()
		return err
	}
	return s.writeLent(buf)
}

// SendRaw sends p as it is: whole events, made by [Append]. It is how one
// event is encoded once and sent to many streams. p is not changed and not
// retained.
func (s *Stream) SendRaw(p []byte) error { return s.write(p) }

// Comment sends a comment, which clients read over.
func (s *Stream) Comment(text string) error {
	buf := buffers.get()
	buf.b = AppendComment(buf.b[:0], text)
	return s.writeLent(buf)
}

// Close ends the stream. On net/http it has to be called before the handler
// returns ([Handler] does it): the stream ends with the request in any case,
// and nothing is written after that, but only Close waits for a write that is
// under way then. A raw connection is closed, by the goroutine that sends
// if there is one just now. A write under way keeps its deadline, and has a
// second where it has none. Closing again does nothing. The error is always
// nil.
func (s *Stream) Close() error {
	s.end(EndClosed, nil)
	if s.raw {
		s.tidy()
		return nil
	}
	s.turn.Lock() // a write under way has its deadline
	s.finish()
	s.turn.Unlock()
	return nil
}

// CloseNow ends the stream as [Group.Shutdown] does, and does not wait for the
// client: a write that is under way has 25 ms left.
func (s *Stream) CloseNow() {
	s.end(EndShutdown, nil)
	if s.raw {
		s.tidy()
	}
}

// writeLent writes what is in buf and gives that back. After an error buf is left
// to the garbage collector. A ResponseWriter must not read on by then, as no
// [io.Writer] must, and net/http's do not: that of HTTP/2 returns when its stream
// ends, with a frame on its way that was copied before (go.dev/issue/58446). But
// one that does would send what the next borrower has put there, to the wrong
// client, and until 2023 net/http's did.
func (s *Stream) writeLent(buf *buffer) error {
	err := s.write(buf.b)
	if err == nil {
		buf.free()
	}
	return err
}

// write sends p in one piece.
func (s *Stream) write(p []byte) error {
	s.turn.Lock()
	defer s.leave()
	return s.put(p)
}

// leave gives the turn back. Who ends a raw stream while another one writes
// leaves it to the writer to close the connection.
func (s *Stream) leave() {
	s.settle()
	if s.raw && s.over.Load() {
		s.tidy()
	}
}

// put writes p. The caller holds turn.
func (s *Stream) put(p []byte) error {
	if len(p) == 0 {
		if e := s.ended(); e != nil {
			return e
		}
		return nil
	}
	// What has gone through the compressor must go out, or the end of the
	// format would tell of bytes that did not come. So the write begins here.
	if err := s.begin(); err != nil {
		return err
	}
	if s.zip == nil {
		return s.done(s.out.write(p))
	}
	buf := buffers.get()
	var err error
	if buf.b, err = s.zip.append(buf.b[:0], p); err != nil {
		return s.done(fmt.Errorf("the compressor failed: %w", err))
	}
	err = s.done(s.out.write(buf.b))
	if err == nil {
		buf.free() // else as in writeLent
	}
	return err
}

// begin gives the next write its time, unless the stream has ended. net/http
// ends the request's context before it takes the ResponseWriter away, so a
// write that begins after a handler has returned without Close is refused.
func (s *Stream) begin() error {
	if !s.requestLives() {
		s.requestEnded() // the goroutine for it may not be here yet
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.last = time.Now()
	if s.within > 0 {
		s.out.arm(s.last.Add(s.within), s.within/4)
	}
	s.writing = true
	return nil
}

// done takes the time back, and ends the stream if the write has failed.
func (s *Stream) done(err error) error {
	s.mu.Lock()
	// A deadline of HTTP/2 is not reported as a timeout.
	s.timedOut = err != nil && (s.late() || isTimeout(err))
	s.writing = false
	if s.within > 0 || s.err != nil {
		s.out.disarm()
	}
	s.broken = s.broken || err != nil
	timedOut := s.timedOut
	s.mu.Unlock()
	switch {
	case err == nil:
		return nil // it came out whole, even if the stream was ended meanwhile
	case timedOut:
		return s.end(EndTimeout, s.lateError(err))
	case s.requestLives() && !isGone(err):
		return s.end(EndFailed, err)
	}
	return s.end(EndGone, err)
}

// late reports whether a write is under way that has had its time. The caller
// holds mu.
func (s *Stream) late() bool {
	return s.writing && s.within > 0 && time.Since(s.last) >= s.within
}

func (s *Stream) lateError(err error) error {
	return fmt.Errorf("a write was not taken within %v: %w", s.within, err)
}

// bind has the stream end with the request's context.
func (s *Stream) bind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.unbind = context.AfterFunc(s.request, s.requestEnded)
	}
}

// requestEnded is called when the request's context has ended. net/http ends
// it when the client goes, but also when a write has run into its deadline,
// and then it may be here before the writer knows. It may be called twice.
func (s *Stream) requestEnded() {
	err := context.Cause(s.request)
	s.mu.Lock()
	late := s.timedOut || s.late()
	s.mu.Unlock()
	if late {
		s.end(EndTimeout, s.lateError(err))
		return
	}
	s.end(EndGone, err)
}

// ended returns why the stream has ended, nil while it is open.
func (s *Stream) ended() *EndError {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// end ends the stream, once, and returns why it has ended. It does not wait
// for the peer.
func (s *Stream) end(why End, err error) *EndError {
	s.mu.Lock()
	if e := s.err; e != nil {
		s.mu.Unlock()
		return e
	}
	e := &EndError{End: why, Err: err}
	s.err = e
	s.over.Store(true)
	if s.timer != nil {
		s.timer.Stop()
	}
	switch {
	case !s.writing:
	case why == EndShutdown || why == EndGone || why == EndBehind:
		s.out.arm(time.Now().Add(closing), 0)
	case s.within == 0: // nothing else would end it
		s.out.arm(time.Now().Add(farewell), 0)
	}
	unbind, onEnd := s.unbind, s.onEnd
	s.onEnd = nil
	s.mu.Unlock()
	if unbind != nil {
		unbind()
	}
	s.group.remove(s)
	s.cancel(e)
	if onEnd != nil {
		onEnd(e)
	}
	return e
}

// OnEnd has f called once, with the [*EndError], when the stream ends, or at
// once if it has: for less than a hundred bytes what a [context.AfterFunc] with
// Context does for four times as many. f is called by whatever ends the stream
// and must not wait, send or close. A later call takes the place of an earlier
// one.
func (s *Stream) OnEnd(f func(error)) {
	s.mu.Lock()
	e := s.err
	if e == nil {
		s.onEnd = f
	}
	s.mu.Unlock()
	if e != nil {
		f(e)
	}
}

// tidy finishes a raw stream that has ended, unless another goroutine is at
// it or writes: that one does it in leave.
func (s *Stream) tidy() {
	if s.turn.TryLock() {
		s.finish()
		s.turn.Unlock()
	}
}

// finish writes what Group.SendRaw has left for the holder of turn and what the
// compression has left, and closes a raw connection.
// The stream has ended and the caller holds turn.
func (s *Stream) finish() {
	if s.finished {
		return
	}
	s.finished = true
	s.mu.Lock()
	why := s.err.End
	clean := !s.broken && (why == EndClosed || why == EndLifetime || why == EndShutdown)
	pending := s.takePending()
	s.mu.Unlock()
	var deadline time.Time
	switch {
	case !clean:
		deadline = past
	case why == EndShutdown:
		deadline = time.Now().Add(farewell)
	case s.within > 0:
		deadline = time.Now().Add(s.within)
	}
	if clean && len(pending) > 0 && !s.writeRest(pending, deadline) {
		clean, deadline = false, past
	}
	var trailer []byte
	if clean && s.zip != nil {
		trailer, _ = s.zip.close(nil)
	}
	s.out.close(trailer, deadline)
}

// open sends the head and the first bytes. The caller holds turn, which is
// given back.
func (s *Stream) open(retry time.Duration) error {
	defer s.leave()
	var first []byte
	if retry > 0 {
		first = append(first, "retry: "...)
		first = strconv.AppendInt(first, max(retry.Milliseconds(), 1), 10)
		first = append(first, "\n\n"...)
	}
	if err := s.begin(); err != nil {
		return err
	}
	if s.zip != nil {
		// The header of the compressed format, so that a client that waits
		// for it before it looks at the answer gets it.
		b, err := s.zip.append(nil, first)
		if err != nil {
			return s.done(fmt.Errorf("the compressor failed: %w", err))
		}
		first = b
	}
	return s.done(s.out.open(first))
}

// past is a deadline that has always passed.
var past = time.Unix(1, 0)

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// isGone reports whether a write failed because nobody is there to read.
func isGone(err error) bool {
	for _, gone := range []error{syscall.EPIPE, syscall.ECONNRESET, io.ErrClosedPipe, net.ErrClosed} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}
