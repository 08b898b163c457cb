package topic

import (
	"context"
	"time"
)

// Memory is the [Engine] that keeps topics in the process, each in a [Log] with
// these settings. The zero value is ready. A name that is opened again after it
// was closed begins empty, under another epoch.
type Memory struct {
	MaxItems   int
	MaxBytes   int
	MaxAge     time.Duration
	Dedup      time.Duration
	DedupItems int
}

// Open returns a new log. It never fails.
func (m *Memory) Open(ctx context.Context, name string) (Topic, error) {
	return &Log{MaxItems: m.MaxItems, MaxBytes: m.MaxBytes, MaxAge: m.MaxAge, Dedup: m.Dedup, DedupItems: m.DedupItems}, nil
}

var (
	_ Engine = (*Memory)(nil)
	_ Topic  = (*Log)(nil)
)
