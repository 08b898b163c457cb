package topic

import "context"

// Source gives the items of a topic, in order. All transports read from one.
//
// Read returns the items that follow after, at once when there are any; else it
// waits for the first. They are put into the capacity of buf, whose content is
// overwritten, and are as many as fit; with no capacity Read makes a slice for
// some. The cursor of the last one is the place to go on from.
//
// A ctx that has ended does not hide what is there: Read returns it, and
// ctx.Err() only when there is nothing. So with a ctx that has ended before,
// Read does not wait.
//
// What follows a cursor is the same for everybody and forever, or it is a
// [*GoneError]: when some of it is not kept any more, when the cursor is of
// another epoch, or when it was never given out. For what is no cursor at all it
// is a [*CursorError]. When the topic has been closed Read returns an error that
// matches [ErrClosed], at the latest after the items that were kept.
//
// Read may be called from any goroutine.
type Source interface {
	Read(ctx context.Context, after Cursor, buf []Item) ([]Item, error)
}

// Waker is a Source's way to wait without a goroutine.
//
// Wake has f called once, as soon as a Read after the cursor would not wait:
// there is an item, or an error. f is called from a goroutine of the source,
// never inside of Wake, and must not block: others wait behind it. The one who
// publishes never waits for f.
//
// stop takes it back. After stop has returned, f does not begin; it may have
// begun. stop may be called often, and from f.
type Waker interface {
	Wake(after Cursor, f func()) (stop func())
}

// Rewaker is a Waker whose readers can keep what they wait with.
//
// WakeBy is Wake with the [Wakeup] of the caller, whose Init has said what is
// called. One goroutine at a time gives it, always to the same source, and again
// when its call has begun, for instance from there. While it waits, and after
// its Stop, WakeBy does nothing.
type Rewaker interface {
	Waker
	WakeBy(w *Wakeup, after Cursor)
}

// Bounder tells what a source keeps.
type Bounder interface {
	Bounds(ctx context.Context) (Bounds, error)
}

// Bounds is what a topic keeps at one moment.
type Bounds struct {
	Oldest Cursor // the place before the oldest item
	Head   Cursor // the place after the newest: its cursor, if it is kept
	Items  int
	Bytes  int64 // of data and types
}

// Publisher takes new items.
//
// Publish returns the cursor of the item. stored is false when a publication
// with the same key came before; then c is the cursor of that one. The error is
// an [*ItemError] for what can't be published, [ErrClosed], or the engine's.
// When it is the engine's the item may have been stored; with the same key
// publishing can be tried again.
type Publisher interface {
	Publish(ctx context.Context, p Publication) (c Cursor, stored bool, err error)
}

// Topic is what an engine has for one name.
//
// Close ends its use here: who waits gets an error that matches [ErrClosed].
// What it does to the items is up to the engine.
type Topic interface {
	Source
	Waker
	Bounder
	Publisher
	Close() error
}

// Engine keeps topics. [Memory] does so in the process; others stand on a
// broker. The package enginetest holds what a Topic has to fulfil.
//
// Open returns the topic of a name, which is made if there is none. A name may
// be any string; a Hub opens a name again only after it has closed it. So a
// Topic whose broker is gone connects again by itself: its errors say that it
// can't be reached now, and [ErrClosed] comes after Close only.
type Engine interface {
	Open(ctx context.Context, name string) (Topic, error)
}
