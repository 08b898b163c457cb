package topic

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// DefaultType is the type of an item that was published without one.
const DefaultType = "message"

const (
	// MaxType is the size of the longest type, in bytes.
	MaxType = 256

	// MaxKey is the size of the longest key of a publication, in bytes.
	MaxKey = 256
)

// Two shapes of types belong to the transports: an event stream marks data
// that is base64 with the suffix, and tells what happened to the stream itself
// under the prefix.
const (
	reservedSuffix = ";base64"
	reservedPrefix = "pushwire:"
)

// Item is what was published, and its place.
//
// Items are shared by all readers: Data must not be changed. It stays valid for
// as long as it is referred to.
type Item struct {
	Cursor Cursor
	Type   string // never empty when it comes from a [Source]
	Data   []byte // UTF-8 unless Binary
	Binary bool
	Time   time.Time // when it was published

	shared *shared // nil for an item that was made outside of a source
}

// Publication is what becomes an [Item].
type Publication struct {
	// Type says what kind of item it is; "" means DefaultType. It is valid
	// UTF-8 without CR, LF and NUL, of at most MaxType bytes, does not begin
	// with "pushwire:" and does not end in ";base64".
	Type string

	// Data is valid UTF-8 unless Binary. It is copied and not retained.
	Data   []byte
	Binary bool

	// Key, when there is one, makes publishing repeatable: while the topic
	// remembers it, another publication with it is not stored, whatever it
	// holds. At most MaxKey bytes.
	Key string
}

// Check returns an [*ItemError] for a publication that no topic takes. What is
// too large is up to the topic.
func (p *Publication) Check() error {
	if fault := typeFault(p.Type); fault != "" {
		return &ItemError{Field: "type", Fault: fault}
	}
	if len(p.Key) > MaxKey {
		return &ItemError{Field: "key", Fault: "longer than " + strconv.Itoa(MaxKey) + " bytes"}
	}
	if !p.Binary && !utf8.Valid(p.Data) {
		return &ItemError{Field: "data", Fault: "text that is not UTF-8"}
	}
	return nil
}

func typeFault(s string) string {
	if s == "" || s == DefaultType {
		return ""
	}
	if len(s) > MaxType {
		return "longer than " + strconv.Itoa(MaxType) + " bytes"
	}
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\r' || c == '\n' || c == 0:
			return "a CR, LF or NUL in it"
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	switch {
	case !ascii && !utf8.ValidString(s):
		return "not UTF-8"
	case strings.HasPrefix(s, reservedPrefix):
		return "the prefix " + reservedPrefix + " is reserved"
	case strings.HasSuffix(s, reservedSuffix):
		return "the suffix " + reservedSuffix + " is reserved"
	}
	return ""
}
