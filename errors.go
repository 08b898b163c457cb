package pushwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/pushwire/pushwire/frame"
)

// CloseError is the end of a connection. It is sticky: every later call
// returns it, and it matches [net.ErrClosed]. Code and Reason belong to the
// close frame that came first; without any, Code is 1006 and Err tells what
// happened.
//
//	var ce *pushwire.CloseError
//	if errors.As(err, &ce) && ce.Remote && ce.Code == frame.CodeGoingAway { ... }
type CloseError struct {
	Code   frame.Code
	Reason string
	Remote bool // the peer's close frame came first

	// Sent and Received are the two close frames of the closing handshake,
	// nil where there was none.
	Sent, Received *CloseFrame

	// Err is the cause where the connection did not end by a clean closing
	// handshake: a [*frame.Error] for a breach of the protocol, else the
	// error of the network. It is nil after a clean end.
	Err error
}

// CloseFrame is the content of one close frame. Code is 1005 where it was
// empty.
type CloseFrame struct {
	Code   frame.Code
	Reason string
}

// Error names who closed, the code by name and number, and the cause.
func (e *CloseError) Error() string {
	who := "closed"
	switch {
	case e.Err != nil && e.Sent == nil:
		who = "connection lost"
	case e.Err != nil:
		who = "connection failed"
	case e.Remote:
		who = "closed by the peer"
	}
	s := "pushwire: " + who + ": " + e.Code.String() + " (" + strconv.Itoa(int(e.Code)) + ")"
	if e.Reason != "" {
		s += fmt.Sprintf(": %q", e.Reason)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Is reports that every end of a connection is a [net.ErrClosed].
func (e *CloseError) Is(target error) bool { return target == net.ErrClosed }

// Unwrap returns Err.
func (e *CloseError) Unwrap() error { return e.Err }

// Timeout reports whether the connection ended because a time ran out, so
// that errors of this kind satisfy [net.Error].
func (e *CloseError) Timeout() bool {
	var ne net.Error
	return errors.As(e.Err, &ne) && ne.Timeout()
}

// Temporary is there for [net.Error]; no end of a connection is temporary.
func (e *CloseError) Temporary() bool { return false }

// ErrDetached is returned by all calls after [Conn.Detach].
var ErrDetached error = detachedError{}

type detachedError struct{}

func (detachedError) Error() string        { return "pushwire: the connection was detached from its Conn" }
func (detachedError) Is(target error) bool { return target == net.ErrClosed }

// timeoutError is a time of [Config] that ran out.
type timeoutError struct{ what string }

func (e *timeoutError) Error() string   { return e.what }
func (e *timeoutError) Timeout() bool   { return true }
func (e *timeoutError) Temporary() bool { return true }

// CodeOf returns the close code that err stands for: that of a [*CloseError]
// or of a [*frame.Error] in its chain; 1006 for any other error that matches
// [net.ErrClosed] or comes from the network; 0 for nil and for errors that
// end no connection, such as those of a context.
func CodeOf(err error) frame.Code {
	var ce *CloseError
	if errors.As(err, &ce) {
		return ce.Code
	}
	var fe *frame.Error
	if errors.As(err, &fe) {
		return fe.Code
	}
	if err == nil || isContext(err) {
		return 0
	}
	var ne net.Error
	if errors.Is(err, net.ErrClosed) || isEOF(err) || errors.As(err, &ne) {
		return frame.CodeAbnormal
	}
	return 0
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

func isEOF(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
