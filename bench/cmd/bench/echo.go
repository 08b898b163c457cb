//go:build linux

package main

import (
	"fmt"
	"runtime"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/load"
	"github.com/pushwire/pushwire/bench/report"
	"github.com/pushwire/pushwire/bench/servers"
)

// echo measures what a server spends on a message that comes and goes back.
// Candidates take turns, each round in a new process.
func echo(s settings, r *report.Results) error {
	server, generator, err := child.Cores()
	if err != nil {
		return err
	}
	if err := child.PinSelf(generator); err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for round := range s.rounds {
		for _, size := range s.sizes {
			for _, window := range s.window {
				for _, c := range turns(s.candidates, round) {
					if c.Serve == nil {
						continue
					}
					values, err := echoRound(c, s, size, window, server)
					if err != nil {
						return fmt.Errorf("%s, %d bytes, %d in flight: %w", c.Name, size, window, err)
					}
					r.Add(report.Sample{Case: report.EchoCase(size, window), Candidate: c.Name, Round: round + 1, Values: values})
				}
			}
		}
	}
	return nil
}

func echoRound(c servers.Candidate, s settings, size, window, core int) (values map[string]float64, err error) {
	p, err := child.Start(c.Name, core)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := p.Stop(); err == nil {
			err = e
		}
	}()
	g, err := load.Open(load.Options{Addr: p.Addr, Conns: s.conns, Size: size, Window: window, Raw: c.Raw})
	if err != nil {
		return nil, err
	}
	defer g.Close()
	if _, err := g.Run(s.warm, 0); err != nil {
		return nil, err
	}
	before, err := p.Usage()
	if err != nil {
		return nil, err
	}
	res, err := g.Run(s.span, 0)
	if err != nil {
		return nil, err
	}
	after, err := p.Usage()
	if err != nil {
		return nil, err
	}
	n := float64(res.Messages)
	return map[string]float64{
		"cpu_us":   float64(after.CPU-before.CPU) / 1e3 / n,
		"reads":    float64(after.Reads-before.Reads) / n,
		"writes":   float64(after.Writes-before.Writes) / n,
		"p50_us":   float64(res.P50) / 1e3,
		"p99_us":   float64(res.P99) / 1e3,
		"messages": n,
		"wall_us":  float64(res.Elapsed) / 1e3 / n,
	}, nil
}
