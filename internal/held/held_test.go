package held

import (
	"runtime"
	"testing"
)

// What is held is counted, heap and stacks; what was let go of is not.
func TestBytes(t *testing.T) {
	if !Measurable {
		t.Log("stacks and pools are others under the race detector: nothing is measured")
		return
	}
	const n = 64
	before := Bytes()
	heap := make([][]byte, n)
	for i := range heap {
		heap[i] = make([]byte, 32<<10)
	}
	stop := make(chan struct{})
	for range n {
		go func() { <-stop }()
	}
	most := int64(n * (32<<10 + 8<<10))
	if d := Bytes() - before; d < n*(32<<10+2<<10) || d > most {
		t.Errorf("%d bytes for %d slices of 32 KiB and %d goroutines, want up to %d", d, n, n, most)
	}
	runtime.KeepAlive(heap)
	heap = nil
	close(stop)
	if d := Bytes() - before; d > n*(16<<10) {
		t.Errorf("%d bytes are counted that nobody holds", d)
	}
}
