package eventstream

import (
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"
)

// DefaultReadIdle is how long Events waits for the next byte: an API that
// thinks for long before it speaks is not lost.
const DefaultReadIdle = 5 * time.Minute

// ReadOptions are the limits of [Events]. nil and the zero value are the
// defaults.
type ReadOptions struct {
	// Idle is how long the server may be silent; 0 is 5 min, negative is no
	// limit. It is no limit of the whole answer. Time that the loop body
	// takes does not count.
	Idle time.Duration
	// MaxEvent is [Decoder.MaxEvent].
	MaxEvent int
}

// Events returns the events of one answer, for clients of APIs that answer a
// request, often a POST, with an event stream. It does not reconnect: [Client]
// does.
//
//	res, err := http.DefaultClient.Do(req)
//	if err != nil {
//		return err
//	}
//	for ev, err := range eventstream.Events(res, nil) {
//		if err != nil {
//			return err
//		}
//		...
//	}
//
// The loop closes the body, however it ends; it can be run once. Data of an
// event is valid until the next step. The end of the answer ends the events
// without an error, even where an API has a mark for it, such as [DONE], and
// that did not come. Otherwise one error comes last, with an empty Event:
// [*StatusError] for any status but 200, with the beginning of the body;
// [*ContentTypeError]; [*IdleError]; [*TooLargeError]; or that of reading,
// which an answer that was cut off has too, and a context that has ended.
func Events(res *http.Response, o *ReadOptions) iter.Seq2[Event, error] {
	if o == nil {
		o = &ReadOptions{}
	}
	idle := newIdle(orDefault(o.Idle, DefaultReadIdle), func() { res.Body.Close() })
	idle.r = res.Body
	dec := NewDecoder(idle)
	dec.MaxEvent = o.MaxEvent
	return func(yield func(Event, error) bool) {
		defer res.Body.Close()
		defer idle.stop()
		if err := check200(res, idle); err != nil {
			yield(Event{}, err)
			return
		}
		for {
			var ev Event
			err := dec.Decode(&ev)
			switch err.(type) {
			case nil:
				if !yield(ev, nil) {
					return
				}
				continue
			case *TooLargeError, *IdleError:
			default:
				if err == io.EOF {
					return
				}
				err = fmt.Errorf("eventstream: the answer can't be read to its end: %w", err)
			}
			yield(Event{}, err)
			return
		}
	}
}
