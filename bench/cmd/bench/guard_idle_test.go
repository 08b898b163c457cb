//go:build linux && !race

package main

import (
	"testing"
	"time"

	"github.com/pushwire/pushwire/bench/child"
)

// TestIdleBytes: what a connection keeps that has had messages and has none
// now. With 1,000 connections the heap and the stacks are the same within a
// hundredth each time, and have 5 % of room; what is resident depends on how
// allocations share pages, and has 10 %. The race detector needs memory of its
// own, hence the build tag.
func TestIdleBytes(t *testing.T) {
	s := tiny
	s.idle = 1000
	s.quiet = 50 * time.Millisecond
	names, all := s.idleCases()
	for _, test := range []struct {
		c              string
		kept, resident float64 // bytes
	}{
		{"pushwire Handler", 4525, 5930},
		{"pushwire Serve", 4220, 5370},
		{"pushwire Handler, TLS", 13390, 16940},
		{"pushwire Serve, TLS", 13110, 16600},
		{"pushwire Handler, no context takeover", 4790, 6220},
		{"pushwire Serve, no context takeover", 4530, 5800},
	} {
		measured := false
		for _, name := range names {
			for _, c := range all[name] {
				if c.name != test.c {
					continue
				}
				core, _, err := child.Cores()
				if err != nil {
					t.Fatal(err)
				}
				v, err := idleRound(c, s, core)
				if err != nil {
					t.Fatal(err)
				}
				measured = true
				kept, resident := v["heap_bytes"]+v["stack_bytes"], v["resident_bytes"]
				if kept > 1.05*test.kept || resident > 1.1*test.resident || v["goroutines"] > 1.01 {
					t.Errorf("%s: %.0f bytes of heap and stacks, %.0f resident, %.2f goroutines for a connection; it had %.0f, %.0f and one",
						c.name, kept, resident, v["goroutines"], test.kept, test.resident)
				}
				if v["goroutines"] < 0.99 {
					t.Errorf("%s: connections have gone before they were measured", c.name)
				}
			}
		}
		if !measured {
			t.Errorf("there is no %s", test.c)
		}
	}
}
