//go:build !race

package deflate_test

import (
	"testing"

	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/internal/feed"
)

// Not under the race detector: it makes some of what is on the stack escape.
func TestCompressorDoesNotAllocate(t *testing.T) {
	messages := feed.Messages(5, 20, 2000)
	long := compressData[7].make(100_000)
	for level := 1; level <= 9; level++ {
		var z deflate.Compressor
		var window []byte
		dst := make([]byte, 0, 200_000)
		run := func() {
			for _, p := range messages {
				dst = z.Append(dst[:0], window, level, 12, true, p[:100], p[100:])
				window = deflate.AppendHistory(window, 12, p[:100], p[100:])
			}
			dst = z.Append(dst[:0], window, level, 15, true, long)
		}
		run()
		if n := testing.AllocsPerRun(3, run); n != 0 {
			t.Errorf("level %d: %v allocations", level, n)
		}
	}
}
