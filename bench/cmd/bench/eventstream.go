//go:build linux

package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/pushwire/pushwire/bench/report"
	"github.com/pushwire/pushwire/bench/streams"
)

// eventVolume is what a candidate decodes or encodes in one round, in bytes
// for each of settings.calls: 68 MB for 200,000. Few large events have to do
// where it is small.
const eventVolume = 342

// eventStreams measures decoding and encoding in memory: processor time of the
// whole process, so that the garbage collector's counts, on one P.
func eventStreams(s settings, r *report.Results) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for round := range s.rounds {
		for _, shape := range streams.Shapes {
			for _, c := range turns(streams.All, round) {
				n := events(s.calls, shape.Size())
				err := eventRound(r, report.DecodeCase(shape.Name), c.Name, round, n, shape.Size(), func(n int) error {
					data, err := c.Decode(streams.NewSource(shape.Stream), n)
					if min := n * (shape.Data / shape.Events); err == nil && data < min {
						err = fmt.Errorf("%d bytes of data, %d are due", data, min)
					}
					return err
				})
				if err != nil {
					return err
				}
			}
		}
		for _, p := range streams.Payloads {
			for _, c := range turns(streams.All, round) {
				if c.Encode == nil {
					continue
				}
				n := events(s.calls, len(p.Data))
				err := eventRound(r, report.EncodeCase(p.Name), c.Name, round, n, len(p.Data), func(n int) error {
					_, err := c.Encode(p.Data, n)
					return err
				})
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func events(calls, size int) int { return max(2, calls*eventVolume/size) }

func eventRound(r *report.Results, name, candidate string, round, n, size int, do func(n int) error) error {
	if err := do(n/20 + 2); err != nil { // warm
		return fmt.Errorf("%s, %s: %w", candidate, name, err)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := processTime()
	if err := do(n); err != nil {
		return fmt.Errorf("%s, %s: %w", candidate, name, err)
	}
	cpu = max(processTime()-cpu, time.Nanosecond)
	runtime.ReadMemStats(&after)
	r.Add(report.Sample{Case: name, Candidate: candidate, Round: round + 1, Values: map[string]float64{
		"ns":       float64(cpu) / float64(n),
		"gb_per_s": float64(n) * float64(size) / float64(cpu),
		"allocs":   float64(after.Mallocs-before.Mallocs) / float64(n),
		"bytes":    float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
	}})
	return nil
}
