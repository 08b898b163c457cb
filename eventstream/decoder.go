package eventstream

import (
	"io"
	"iter"
	"math"
	"time"
)

// DefaultMaxEvent is the limit of an event, in bytes: 64 MiB.
const DefaultMaxEvent = 64 << 20

// Decoder reads events from a stream. It reads no further than it has to: an
// event is out on the byte that ends it, whatever comes next or does not. The
// events are the same for every way in which the input is cut into reads. A
// Decoder must not be used by two goroutines at once, nor copied.
type Decoder struct {
	// MaxEvent bounds the bytes of an event: those of its data with the line
	// ends between them, its type and its ID together, after bad UTF-8 was
	// replaced. Comments and unknown fields are dropped as they come and not
	// counted, nor is a retry field of up to 1 KiB. 0 is [DefaultMaxEvent], a negative number no limit.
	MaxEvent int

	in    input
	block block

	last     string        // the last event ID, as of the last empty line
	retry    time.Duration // the last valid retry field
	hasRetry bool
	err      error // final: io.EOF or a *TooLargeError
}

// NewDecoder returns a Decoder that reads from r.
func NewDecoder(r io.Reader) *Decoder {
	return &Decoder{in: input{r: r}}
}

// Reset makes the Decoder read the new stream r from its beginning. It forgets
// all of the stream before, the last event ID and the reconnection time too,
// and keeps MaxEvent and its memory.
func (d *Decoder) Reset(r io.Reader) {
	d.in.reset(r)
	d.block.reset()
	d.last, d.retry, d.hasRetry, d.err = "", 0, false, nil
}

// SetLastEventID sets the last event ID, for a client that continues a stream
// over a new connection: it holds for events until one has its own. Call it
// after NewDecoder or Reset, before Decode.
func (d *Decoder) SetLastEventID(id string) { d.block.id, d.last = id, id }

// LastEventID returns the last event ID as of the last block that was
// complete, also of one that fired no event. It is right whenever Decode has
// returned.
func (d *Decoder) LastEventID() string { return d.last }

// Retry returns the reconnection time that the stream has set last, and false
// if it has set none. It counts as soon as its line is complete, and is right
// whenever Decode has returned. It may be anything up to 292 years: see
// [Client.MaxRetry].
func (d *Decoder) Retry() (time.Duration, bool) { return d.retry, d.hasRetry }

// Decode waits for the next event and sets all of *ev. ev.Data is valid until
// the next call of Decode or Reset.
//
// At the end of the input the error is [io.EOF]; a block that is not complete
// is discarded then, as the standard wants. A [*TooLargeError] is final, too.
// Another error is the reader's, as it came, after all events that were
// complete before it; the next call reads on where it stopped, so that a
// deadline that has passed does no harm. A reader that gives neither bytes nor
// an error 100 times is [io.ErrNoProgress].
func (d *Decoder) Decode(ev *Event) error {
	if d.err != nil {
		*ev = Event{}
		return d.err
	}
	for {
		from, to, ok := d.in.next()
		if !ok {
			if err := d.more(); err != nil {
				*ev = Event{}
				return err
			}
			continue
		}
		if from == to {
			if d.dispatch(ev) {
				return nil
			}
			continue
		}
		f, value := parseField(d.in.buf[from:to])
		if f == fieldIgnored {
			continue
		}
		if !d.take(f, from+value, to) {
			*ev = Event{}
			return d.fail()
		}
	}
}

// All returns the events that are still to come. Data is valid until the next
// step. The end of the input ends it; any other error comes last, with an
// empty Event.
func (d *Decoder) All() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			var ev Event
			err := d.Decode(&ev)
			if err == io.EOF || !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// limit is MaxEvent with its default.
func (d *Decoder) limit() int {
	switch {
	case d.MaxEvent == 0:
		return DefaultMaxEvent
	case d.MaxEvent < 0:
		return math.MaxInt
	}
	return d.MaxEvent
}

func (d *Decoder) fail() error {
	d.err = &TooLargeError{Limit: d.limit()}
	d.in.reset(nil)
	d.block.reset()
	return d.err
}

// more reads on, behind the beginning of a line whose end did not come yet.
// What of the line can be dropped or refused is, before memory is taken for
// more of it.
func (d *Decoder) more() error {
	if line := d.in.line(); len(line) > 0 && d.in.begun && !d.in.skip {
		switch f, value := parseBeginning(line); f {
		case fieldIgnored:
			d.in.skip = true
		case fieldUnknownYet:
		default:
			if d.block.over(f, len(line)-value, d.limit()) {
				return d.fail()
			}
		}
	}
	err := d.in.read(&d.block, d.limit())
	if err == io.EOF {
		// "Once the end of the file is reached, any pending data must be
		// discarded."
		d.err = err
		d.in.reset(nil)
		d.block.reset()
	}
	return err
}
