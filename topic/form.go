package topic

import (
	"sync"
	"sync/atomic"
)

// Form is one of the shapes that an item is encoded in for a transport. The
// package gives the names, so that transports do not collide; what a form holds
// is up to the transport that makes it.
type Form uint8

const (
	FormEvent Form = iota // a block of an event stream
	FormLine              // JSON
	FormFrame             // a WebSocket message
	FormOther             // this and those that follow are free for applications

	// Forms is how many there are. Form calls make each time for others.
	Forms = 8
)

// shared is what the copies of one item have in common.
type shared struct {
	forms atomic.Pointer[formTable] // nil until somebody encodes the item
}

type formTable [Forms]struct {
	mu   sync.Mutex // held while the form is made
	made atomic.Pointer[any]
}

// Form returns the item in the form k. The first call for k calls make; other
// readers of the same item wait for it and get the same value, which nobody may
// change. It stays as long as the item.
//
// make may ask for other forms of the item. An item that has nothing to share,
// because it was made by hand, is encoded by each call; see [Item.Share].
func (it *Item) Form(k Form, make func(*Item) any) any {
	if it.shared == nil || k >= Forms {
		return make(it)
	}
	table := it.shared.forms.Load()
	if table == nil {
		it.shared.forms.CompareAndSwap(nil, new(formTable))
		table = it.shared.forms.Load()
	}
	slot := &table[k]
	if v := slot.made.Load(); v != nil {
		return *v
	}
	slot.mu.Lock()
	defer slot.mu.Unlock() // also when make panics: the next one tries anew
	if v := slot.made.Load(); v != nil {
		return *v
	}
	v := make(it)
	slot.made.Store(&v)
	return v
}

// Share lets the copies of it that are made from here on share what Form
// makes. It is for engines, which call it once for an item, before they hand
// out copies.
func (it *Item) Share() {
	if it.shared == nil {
		it.shared = new(shared)
	}
}
