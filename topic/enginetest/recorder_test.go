package enginetest

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// recorder is a tb that remembers what a check said.
type recorder struct {
	mu       sync.Mutex
	said     []string
	failed   bool
	skipped  bool
	cleanups []func()
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = true
	runtime.Goexit()
}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// quick is the patience with broken engines: a fault is often that nothing
// happens.
const quick = 200 * time.Millisecond

// try runs a check on an engine.
func try(run func(*suite), e topic.Engine, patience time.Duration) *recorder {
	r := new(recorder)
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(&suite{tb: r, engine: e, patience: patience})
	}()
	<-done
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
	return r
}
