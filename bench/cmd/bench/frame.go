//go:build linux

package main

import (
	"fmt"
	"runtime"
	"syscall"
	"time"

	"github.com/pushwire/pushwire/bench/load"
	"github.com/pushwire/pushwire/bench/memory"
	"github.com/pushwire/pushwire/bench/report"
	"github.com/pushwire/pushwire/bench/servers"
)

var (
	frameSizes = []int{64, 4 << 10}
	frameModes = []servers.Mode{servers.Read, servers.Write, servers.Echo}
)

// frames measures reading and writing in memory: processor time of the whole
// process, so that the garbage collector's counts, on one P.
func frames(s settings, r *report.Results) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for round := range s.rounds {
		for _, size := range frameSizes {
			for _, mode := range frameModes {
				for _, c := range turns(s.candidates, round) {
					if c.InMemory == nil {
						continue
					}
					values, err := frameRound(c, mode, size, s.calls)
					if err != nil {
						return fmt.Errorf("%s, %v of %d bytes: %w", c.Name, mode, size, err)
					}
					r.Add(report.Sample{Case: report.FrameCase(mode.String(), size), Candidate: c.Name, Round: round + 1, Values: values})
				}
			}
		}
	}
	return nil
}

func frameRound(c servers.Candidate, mode servers.Mode, size, calls int) (map[string]float64, error) {
	payload := load.Payload(size)
	request := load.Request(payload)
	warm := calls/20 + 1
	if err := c.InMemory(memory.New(request, warm), mode, warm, payload); err != nil {
		return nil, err
	}
	runtime.GC()
	nc := memory.New(request, calls)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := processTime()
	if err := c.InMemory(nc, mode, calls, payload); err != nil {
		return nil, err
	}
	cpu = processTime() - cpu
	runtime.ReadMemStats(&after)
	if want := int64(calls * len(load.Reply(payload))); mode != servers.Read && nc.Written < want {
		return nil, fmt.Errorf("%d bytes were written, %d are due", nc.Written, want)
	}
	n := float64(calls)
	return map[string]float64{
		"ns":     float64(cpu) / n,
		"allocs": float64(after.Mallocs-before.Mallocs) / n,
		"bytes":  float64(after.TotalAlloc-before.TotalAlloc) / n,
	}, nil
}

// processTime returns the processor time of this process.
func processTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err) // it fails only for bad arguments
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
