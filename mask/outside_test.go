package mask

import (
	"bytes"
	"testing"

	"github.com/pushwire/pushwire/internal/guardpage"
)

// TestNothingOutsideIsTouched ends in a fault where a vector reaches over
// either end of the payload, for reading or for writing.
func TestNothingOutsideIsTouched(t *testing.T) {
	const maxLen = 1100
	dst, src := guardpage.Memory(t, maxLen), guardpage.Memory(t, maxLen)
	data := pattern(maxLen)
	each(t, func(t *testing.T, im implementation) {
		for n := 0; n <= maxLen; n++ {
			want := slow(data[:n], testKey, 0)
			for _, at := range []int{0, len(dst) - n} { // from the first byte on, and up to the last
				d, s := dst[at:at+n], src[at:at+n]
				copy(s, data)
				im.copyXOR(d, s, rotate(testKey, 0))
				im.xor(s, rotate(testKey, 0))
				if !bytes.Equal(d, want) || !bytes.Equal(s, want) {
					t.Fatalf("%d bytes at %d", n, at)
				}
			}
		}
	})
}
