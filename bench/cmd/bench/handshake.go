//go:build linux

package main

import (
	"fmt"
	"runtime"

	"github.com/pushwire/pushwire/bench/memory"
	"github.com/pushwire/pushwire/bench/openings"
	"github.com/pushwire/pushwire/bench/report"
)

// handshakes measures the opening handshake in memory, server side: processor
// time of the whole process, so that the garbage collector's counts, on one P.
func handshakes(s settings, r *report.Results) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	calls := max(s.calls/5, 2)
	for round := range s.rounds {
		for _, c := range turns(openings.All, round) {
			name := report.HandshakeConnCase
			if c.OverHTTP {
				name = report.HandshakeHTTPCase
			}
			answer, err := c.Open(memory.New([]byte(openings.Request), calls+calls/20+1))
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			values, err := perCall(calls, answer)
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			r.Add(report.Sample{Case: name, Candidate: c.Name, Round: round + 1, Values: values})
		}
	}
	return nil
}

// perCall returns what a call of f costs, after some that are not counted.
func perCall(calls int, f func() error) (map[string]float64, error) {
	for range calls/20 + 1 {
		if err := f(); err != nil {
			return nil, err
		}
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := processTime()
	for range calls {
		if err := f(); err != nil {
			return nil, err
		}
	}
	cpu = processTime() - cpu
	runtime.ReadMemStats(&after)
	n := float64(calls)
	return map[string]float64{
		"ns":     float64(cpu) / n,
		"allocs": float64(after.Mallocs-before.Mallocs) / n,
		"bytes":  float64(after.TotalAlloc-before.TotalAlloc) / n,
	}, nil
}
