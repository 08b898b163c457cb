//go:build !race

package mask

import "testing"

// Not under the race detector: there sync.Pool forgets on purpose, so that
// NewKey has to allocate.
func TestNewKeyDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(1000, func() { NewKey() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
