//go:build linux

package main

import (
	"os"
	"testing"
)

// TestCountingRefused: where nothing may be traced the figures are left out, and
// the reason is given. No process may trace itself.
func TestCountingRefused(t *testing.T) {
	said := 0
	defer func(say func()) { sayCountingNeeds = say }(sayCountingNeeds)
	sayCountingNeeds = func() { said++ }
	values := map[string]float64{}
	run := func() error {
		t.Error("the load of the count goes on")
		return nil
	}
	if err := countMessages(values, os.Getpid(), 1, 1, 1, run); err != nil {
		t.Errorf("messages: %v", err)
	}
	if err := countWrites(values, os.Getpid(), 1, run); err != nil {
		t.Errorf("writes: %v", err)
	}
	if len(values) != 0 || said != 2 {
		t.Errorf("values %v, %d times it was said that they are missing, want none and 2", values, said)
	}
}
