package storm

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
)

// figures are what must not grow, and what memory is used for.
type figures struct {
	resident    int64 // bytes
	heap        int64 // bytes of objects that are alive
	spans       int64 // bytes of the pages that they lie on
	stacks      int64 // bytes
	goroutines  int64
	descriptors int64
	conns       int // at the server: what the others have to be seen with
}

// measure returns the figures of this process; those that the system does not
// tell are 0.
func measure() (f figures) {
	debug.FreeOSMemory() // collects, too
	debug.FreeOSMemory() // what the first one found in pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.heap, f.spans, f.stacks = int64(m.HeapAlloc), int64(m.HeapInuse), int64(m.StackInuse)
	f.goroutines = int64(runtime.NumGoroutine())
	var pages int64
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		fmt.Sscan(string(b), new(int64), &pages)
		f.resident = pages * int64(os.Getpagesize())
	}
	if names, err := os.ReadDir("/proc/self/fd"); err == nil {
		f.descriptors = int64(len(names))
	}
	return f
}

func (f figures) String() string {
	mib := func(n int64) float64 { return float64(n) / (1 << 20) }
	return fmt.Sprintf("%.1f MiB resident (heap %.1f on %.1f, stacks %.1f), %d goroutines, %d descriptors, %d connections",
		mib(f.resident), mib(f.heap), mib(f.spans), mib(f.stacks), f.goroutines, f.descriptors, f.conns)
}

// median returns the middle of each of the figures that must not grow.
func median(seen []figures) (f figures) {
	middle := func(of func(figures) int64) int64 {
		var all []int64
		for _, one := range seen {
			all = append(all, of(one))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	f.resident = middle(func(f figures) int64 { return f.resident })
	f.goroutines = middle(func(f figures) int64 { return f.goroutines })
	f.descriptors = middle(func(f figures) int64 { return f.descriptors })
	return f
}
