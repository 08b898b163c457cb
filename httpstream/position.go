package httpstream

import (
	"context"
	"sync"

	"github.com/pushwire/pushwire/topic"
)

// noWait is a context that has ended, with the values of another one. With it
// Source.Read gives what is there and does not wait.
type noWait struct{ context.Context }

func (noWait) Done() <-chan struct{} { return ended.Done() }
func (noWait) Err() error            { return context.Canceled }

var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// resolve makes a place of after that stays where it is, as far as the source
// can tell: Now becomes the cursor of the newest item. Without it, what comes
// between two requests for what comes after Now would be lost.
func (e *endpoint) resolve(ctx context.Context, after topic.Cursor) (topic.Cursor, error) {
	if after != topic.Now {
		return after, nil
	}
	b, ok := e.src.(topic.Bounder)
	if !ok {
		return after, nil
	}
	bounds, err := b.Bounds(ctx)
	return bounds.Head, err
}

// position is the cursor to go on after for a reader that was given nothing
// after the (resolved) cursor; "" if the source can't tell.
func (e *endpoint) position(ctx context.Context, after topic.Cursor) topic.Cursor {
	if after != "" {
		return after
	}
	if b, ok := e.src.(topic.Bounder); ok {
		// An item that has come meanwhile follows Oldest.
		if bounds, err := b.Bounds(ctx); err == nil {
			return bounds.Oldest
		}
	}
	return ""
}

// bounded holds a reader that begins after a (resolved) cursor to
// Options.MaxReplay. gone says what it has to leave out, if anything: then it
// goes on after gone.Oldest. The source may still say more of the cursor.
func (e *endpoint) bounded(ctx context.Context, after topic.Cursor) (gone *topic.GoneError) {
	b, ok := e.src.(topic.Bounder)
	if !ok || e.o.MaxReplay == 0 || after == topic.Now {
		return nil
	}
	bounds, err := b.Bounds(ctx)
	if err != nil {
		return nil // Read will say it
	}
	from := after
	if from == "" {
		from = bounds.Oldest
	}
	epoch, seq, err := from.Split()
	if err != nil {
		return nil
	}
	headEpoch, head, err := bounds.Head.Split()
	if err != nil || epoch != headEpoch || head < seq || head-seq <= uint64(e.o.MaxReplay) {
		return nil
	}
	return &topic.GoneError{After: after, Oldest: topic.At(epoch, head-uint64(e.o.MaxReplay)), Head: bounds.Head}
}

// readSize is how many items are read at once.
const readSize = 64

// itemBuffers holds buffers for readSize items. They are borrowed for what is
// there and not while waiting, so that a reader that waits costs none.
var itemBuffers = sync.Pool{New: func() any { return new([readSize]topic.Item) }}

func borrowItems() *[readSize]topic.Item { return itemBuffers.Get().(*[readSize]topic.Item) }

// returnItems takes back a buffer of which no more than n were used since it was
// borrowed.
func returnItems(b *[readSize]topic.Item, n int) {
	clear(b[:n]) // the items are not to be kept by it
	itemBuffers.Put(b)
}

// asLine is the item as a line of JSON with its end, made once for all readers.
func asLine(it *topic.Item) []byte { return it.Form(topic.FormLine, makeLine).([]byte) }

func makeLine(it *topic.Item) any {
	b := make([]byte, 0, len(it.Data)+len(it.Cursor)+len(it.Type)+48)
	return append(appendItem(b, it), '\n')
}
