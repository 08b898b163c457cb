package deflate

import (
	"reflect"
	"testing"
)

// The numbers of doc.go's table.
func TestDocumentedLimits(t *testing.T) {
	for bits, want := range map[int]int{8: 17, 10: 18, 12: 33, 15: 77} {
		var z Inflater
		z.Reset(bits, nil)
		size := int(reflect.TypeFor[Inflater]().Size()) + len(z.buf)
		if (size+1023)>>10 != want {
			t.Errorf("an Inflater for %d bits has %d bytes, documented as %d KiB", bits, size, want)
		}
	}
	if MaxPiece != 32<<10 {
		t.Errorf("MaxPiece is %d", MaxPiece)
	}
}
