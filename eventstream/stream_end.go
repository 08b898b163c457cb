package eventstream

import "net"

// End is a reason for which a Stream has ended.
type End int

const (
	// EndClosed: Close was called.
	EndClosed End = iota
	// EndGone: the client has closed the connection, or the request's
	// context has ended.
	EndGone
	// EndTimeout: the client did not take a write in its time.
	EndTimeout
	// EndLifetime: Options.Lifetime is over. The client comes back.
	EndLifetime
	// EndShutdown: the Group was shut down.
	EndShutdown
	// EndFailed: a write failed for another reason.
	EndFailed
	// EndBehind: the client did not take a write, and too much of Group.SendRaw
	// was waiting behind it.
	EndBehind
)

// String says it in a few words.
func (e End) String() string {
	switch e {
	case EndClosed:
		return "closed"
	case EndGone:
		return "the client has gone"
	case EndTimeout:
		return "the client does not read"
	case EndLifetime:
		return "the lifetime is over"
	case EndShutdown:
		return "the server is shutting down"
	case EndFailed:
		return "writing failed"
	case EndBehind:
		return "the client fell too far behind"
	}
	return "unknown end"
}

// EndError says why a Stream has ended. It matches [net.ErrClosed].
type EndError struct {
	End End
	Err error // of the network or the context; may be nil
}

// Error names the reason, and the cause if there is one.
func (e *EndError) Error() string {
	if e.Err == nil {
		return "eventstream: stream ended: " + e.End.String()
	}
	return "eventstream: stream ended: " + e.End.String() + ": " + e.Err.Error()
}

// Is reports that every end of a stream is a [net.ErrClosed].
func (e *EndError) Is(target error) bool { return target == net.ErrClosed }

// Unwrap returns Err.
func (e *EndError) Unwrap() error { return e.Err }

// Timeout reports whether a write has run out of its time, so that errors of
// this kind satisfy [net.Error].
func (e *EndError) Timeout() bool { return e.End == EndTimeout }

// Temporary is there for [net.Error]; no end of a stream is temporary.
func (e *EndError) Temporary() bool { return false }
