package eventstream

import (
	"fmt"
	"strconv"
)

// A TooLargeError is a peer's: an event of its stream is larger than
// [Decoder.MaxEvent]. It is final, because what follows can't be understood
// without what was refused.
type TooLargeError struct {
	Limit int // bytes of data, type and ID together
}

func (e *TooLargeError) Error() string {
	return "eventstream: an event is too large (the limit is " + strconv.Itoa(e.Limit) + " bytes)"
}

// Token returns the stable name of the fault, for counting.
func (e *TooLargeError) Token() string { return "event_too_large" }

// A FieldError is the caller's: a field of an [Event] can't be written,
// because it would break the stream or mean something else to its reader.
type FieldError struct {
	Field string // "id", "event" or "retry"
	At    int    // index of the byte in the value
	Byte  byte   // CR, LF, NUL; '-' for a time below 0
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("eventstream: the field %q can't be written (byte %q at %d)", e.Field, e.Byte, e.At)
}

// Token returns the stable name of the fault, for counting.
func (e *FieldError) Token() string { return "event_field_invalid" }
