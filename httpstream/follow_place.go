package httpstream

import (
	"fmt"

	"github.com/pushwire/pushwire/topic"
)

// place is how far a follower has come. It is what makes items arrive exactly
// once and in order, whatever the transports do: they may repeat, and an item
// that is missing is noticed by its number.
type place struct {
	cursor topic.Cursor
	epoch  string
	seq    uint64
	known  bool // epoch and seq count; else the cursor is "" or [topic.Now]
}

func newPlace(c topic.Cursor) place {
	p := place{cursor: c}
	if epoch, seq, err := c.Split(); err == nil {
		p.epoch, p.seq, p.known = epoch, seq, true
	}
	return p
}

// item takes an item's cursor and reports whether the item is new. The error
// is a *HoleError.
func (p *place) item(c topic.Cursor) (fresh bool, err error) {
	epoch, seq, err := c.Split()
	switch {
	case err != nil:
		return false, fmt.Errorf("httpstream: follow: an item without a place: %w", err)
	case !p.known: // wherever the server begins
	case epoch != p.epoch:
		return false, &HoleError{After: p.cursor, Got: c, next: topic.At(epoch, max(seq, 1)-1)}
	case seq <= p.seq:
		return false, nil
	case seq != p.seq+1:
		return false, &HoleError{After: p.cursor, Got: c, next: topic.At(epoch, max(seq, 1)-1)}
	}
	p.cursor, p.epoch, p.seq, p.known = c, epoch, seq, true
	return true, nil
}

// at takes the place that a transport begins at, or has come to without
// items. Before the first item it is news; later it must be where we are or
// behind, where a transport that was opened a while ago began.
func (p *place) at(c topic.Cursor) error {
	epoch, seq, err := c.Split()
	switch {
	case err != nil:
		return fmt.Errorf("httpstream: follow: the server does not say where it is: %w", err)
	case !p.known:
		p.cursor, p.epoch, p.seq, p.known = c, epoch, seq, true
	case epoch != p.epoch || seq > p.seq:
		return &HoleError{After: p.cursor, Got: c, next: c}
	}
	return nil
}

// passed reports whether a gap is none here: a transport that was opened beside
// the one in use asked for what follows a place that has been passed since, and
// so has the place that the server goes on after. What the server does not have
// of it came over the other one.
func (p *place) passed(g *topic.GoneError) bool {
	if !p.known || g.After == p.cursor {
		return false // it is ours, wherever it leads
	}
	epoch, oldest, err := g.Oldest.Split()
	headEpoch, head, headErr := g.Head.Split()
	return err == nil && headErr == nil && epoch == p.epoch && headEpoch == p.epoch && oldest <= p.seq && p.seq <= head
}

// reset goes to where the server goes on after a gap.
func (p *place) reset(c topic.Cursor) { *p = newPlace(c) }

// HoleError is a transport's: it passed over items without a word. The
// follower asks for them again; if they do not come however it asks, it tells
// of the gap by a [*topic.GoneError].
type HoleError struct {
	After topic.Cursor // the last item that came
	Got   topic.Cursor // what came next, and was not next

	next topic.Cursor // to go on after, if it can't be helped
}

func (e *HoleError) Error() string {
	return fmt.Sprintf("httpstream: follow: after the cursor %s came %.80s, what is between is missing", e.After, string(e.Got))
}
