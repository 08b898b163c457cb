package eventstream

import "time"

// MessageType is the type of an event that names none.
const MessageType = "message"

// An Event is one block of a stream.
type Event struct {
	// ID is the last event ID: the one of this block or, if it has none, the
	// one before. [Append] writes it unless it is empty.
	ID string

	// Type is the name under which listeners get the event. [Decoder] sets
	// [MessageType] where the stream names none; [Append] writes no type for
	// that and for the empty string.
	Type string

	// Data are the data lines, joined by LF. From a [Decoder] they are valid
	// UTF-8, not nil, and valid until the next call of Decode.
	Data []byte

	// Retry is the reconnection time that this block sets, in whole
	// milliseconds on the wire. 0 from a [Decoder] is no such field, or a
	// value of 0: [Decoder.Retry] tells them apart. [Append] writes a time
	// above 0.
	Retry time.Duration
}
