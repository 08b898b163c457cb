package topic

import "bytes"

// entry is one item of a log, with what its readers share.
type entry struct {
	item   Item
	shared shared
}

// size is what an entry counts against MaxBytes.
func (e *entry) size() int { return len(e.item.Data) + len(e.item.Type) }

// entryN is an entry with room for data: one allocation instead of two. An
// entry has 104 bytes, so these fill size classes of the allocator.
type (
	entry40 struct { // 144
		entry
		room [40]byte
	}
	entry88 struct { // 192
		entry
		room [88]byte
	}
	entry152 struct { // 256
		entry
		room [152]byte
	}
	entry408 struct { // 512
		entry
		room [408]byte
	}
)

// newEntry returns an entry with a copy of data.
func newEntry(data []byte, binary bool) *entry {
	var e *entry
	var room []byte
	switch n := len(data); {
	case n == 0:
		e, room = new(entry), []byte{}
	case n <= 40:
		v := new(entry40)
		e, room = &v.entry, v.room[:n:n]
	case n <= 88:
		v := new(entry88)
		e, room = &v.entry, v.room[:n:n]
	case n <= 152:
		v := new(entry152)
		e, room = &v.entry, v.room[:n:n]
	case n <= 408:
		v := new(entry408)
		e, room = &v.entry, v.room[:n:n]
	default:
		e = new(entry)
		e.item = Item{Data: bytes.Clone(data), Binary: binary, shared: &e.shared}
		return e
	}
	copy(room, data)
	e.item = Item{Data: room, Binary: binary, shared: &e.shared}
	return e
}
