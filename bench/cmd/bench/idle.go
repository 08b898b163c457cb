//go:build linux

package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/load"
	"github.com/pushwire/pushwire/bench/report"
	"github.com/pushwire/pushwire/bench/servers"
)

const (
	idleMessages = 10      // that each connection sent and received before it is idle
	idleSize     = 1 << 10 // of their payload, in bytes
	idleWarm     = 20      // connections before the baseline, so that it holds the code that runs
)

// idle measures what a server holds for a connection that had traffic and has
// none now.
func idle(s settings, r *report.Results) error {
	server, generator, err := child.Cores()
	if err != nil {
		return err
	}
	if err := child.PinSelf(generator); err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all := s.echoes()
	for round := range s.rounds {
		for _, c := range turns(all, round) {
			values, err := idleRound(c, s, server)
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			r.Add(report.Sample{Case: report.IdleCase, Candidate: c.Name, Round: round + 1, Values: values})
		}
	}
	return nil
}

func idleRound(c servers.Candidate, s settings, core int) (values map[string]float64, err error) {
	p, err := child.Start(c.Name, core)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := p.Stop(); err == nil {
			err = e
		}
	}()
	o := load.Options{Addr: p.Addr, Conns: idleWarm, Size: idleSize, Window: 1, Raw: c.Raw}
	warm, err := traffic(o)
	if err != nil {
		return nil, err
	}
	warm.Close()
	time.Sleep(s.quiet)
	before, err := p.Holdings()
	if err != nil {
		return nil, err
	}
	o.Conns = s.idle
	g, err := traffic(o)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	time.Sleep(s.quiet)
	after, err := p.Holdings()
	if err != nil {
		return nil, err
	}
	return held(before, after, s.idle), nil
}

// held is what a server holds for each of n connections more than before.
func held(before, after child.Usage, n int) map[string]float64 {
	each := func(after, before int64) float64 { return float64(after-before) / float64(n) }
	values := map[string]float64{
		"resident_bytes": each(after.Resident, before.Resident),
		"baseline_bytes": float64(before.Resident),
	}
	if after.Goroutines > 0 { // it is a Go program
		values["heap_bytes"] = each(after.Heap, before.Heap)
		values["stack_bytes"] = each(after.Stack, before.Stack)
		values["goroutines"] = each(int64(after.Goroutines), int64(before.Goroutines))
	}
	return values
}

// traffic opens the connections and sends their messages.
func traffic(o load.Options) (*load.Generator, error) {
	g, err := load.Open(o)
	if err != nil {
		return nil, err
	}
	if _, err := g.Run(0, idleMessages); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}
