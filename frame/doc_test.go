package frame

import (
	"reflect"
	"testing"
)

// The numbers of doc.go's table.
func TestDocumentedLimits(t *testing.T) {
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"header", MaxHeader, 14},
		{"control payload", MaxControl, 125},
		{"close reason", MaxReason, 123},
		{"message", DefaultMessage, 1 << 20},
		{"fragments", DefaultFragments, 4096},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, documented as %d", c.what, c.got, c.want)
		}
	}
	if size := reflect.TypeFor[Decoder]().Size(); size > 270 {
		t.Errorf("a Decoder has %d bytes, documented as about 260", size)
	}
}
