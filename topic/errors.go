package topic

import (
	"fmt"
	"net"
)

// ErrClosed is the end of a topic, or of a hub. It matches [net.ErrClosed].
var ErrClosed error = closedError{}

type closedError struct{}

func (closedError) Error() string        { return "topic: closed" }
func (closedError) Is(target error) bool { return target == net.ErrClosed }
func (closedError) Token() string        { return "closed" }

// ErrFull is what a [Hub] returns that has as many topics as it may have.
var ErrFull error = hubError{"too many topics", "full"}

// ErrName is what a [Hub] returns for a name that is longer than [MaxName].
var ErrName error = hubError{"the name is too long", "bad_name"}

type hubError struct{ text, token string }

func (e hubError) Error() string { return "topic: " + e.text }
func (e hubError) Token() string { return e.token }

// A GoneError says that a source can't go on after a cursor: items behind it
// are not kept any more, or it is of another epoch, or it was never given out.
// Where to go on is the reader's choice; that something is missing is certain
// in the first case and not to be excluded in the others.
type GoneError struct {
	After  Cursor // that was asked for
	Oldest Cursor // the place before the oldest item that is kept
	Head   Cursor // the place after the newest
}

func (e *GoneError) Error() string {
	return fmt.Sprintf("topic: gone (asked for what follows %.*q; kept is what follows %q up to %q)", MaxCursor, string(e.After), string(e.Oldest), string(e.Head))
}

// Token returns the stable name of the fault, for counting.
func (e *GoneError) Token() string { return "gone" }

// A CursorError is the fault of who asked: what was given is not a cursor.
type CursorError struct {
	Cursor Cursor // as it was given, whatever that is
	Fault  string
}

func (e *CursorError) Error() string {
	return fmt.Sprintf("topic: not a cursor: %.*q (%s)", MaxCursor, string(e.Cursor), e.Fault)
}

// Token returns the stable name of the fault, for counting.
func (e *CursorError) Token() string { return "bad_cursor" }

// An ItemError is the publisher's: what was given can't be an item.
type ItemError struct {
	Field string // "type", "data" or "key"
	Fault string
	Size  int // of data that is too large, else 0
	Limit int // which it exceeds
}

func (e *ItemError) Error() string {
	return "topic: the item can't be published (" + e.Field + ": " + e.Fault + ")"
}

// Token returns the stable name of the fault, for counting.
func (e *ItemError) Token() string {
	if e.Limit > 0 {
		return "too_large"
	}
	return "bad_item"
}
