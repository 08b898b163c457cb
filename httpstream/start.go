package httpstream

import (
	"context"
	"errors"

	"github.com/pushwire/pushwire/topic"
)

// start finds out where a client that stays begins. gone says what it misses,
// if anything; it begins after gone.Oldest then. after is "" only for a source
// that can't tell where its oldest item is.
func (e *endpoint) start(ctx context.Context, asked topic.Cursor) (after topic.Cursor, gone *topic.GoneError, _ *RefusedError) {
	after, err := e.resolve(ctx, asked)
	if err != nil {
		return "", nil, sourceRefusal(err)
	}
	if gone = e.bounded(ctx, after); gone == nil {
		// The source has the first word on the cursor, while there still is a
		// status to answer with.
		var one [1]topic.Item
		_, err := e.src.Read(noWait{ctx}, after, one[:0])
		if err != nil && !isContext(err) && !errors.As(err, &gone) {
			return "", nil, sourceRefusal(err)
		}
	}
	if gone != nil {
		if shorter := e.bounded(ctx, gone.Oldest); shorter != nil {
			shorter.After, gone = gone.After, shorter
		}
		return gone.Oldest, gone, nil
	}
	return e.position(ctx, after), nil, nil
}
