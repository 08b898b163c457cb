package enginetest_test

import (
	"testing"
	"time"

	"github.com/pushwire/pushwire/topic"
	"github.com/pushwire/pushwire/topic/enginetest"
)

func TestMemory(t *testing.T) {
	for name, m := range map[string]topic.Memory{
		"Defaults": {},
		"Small":    {MaxItems: 300, MaxBytes: 1 << 20, DedupItems: 300},
		"Aged":     {MaxItems: 500, MaxAge: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.Run(t, func(*testing.T) topic.Engine { return &m })
		})
	}
}
