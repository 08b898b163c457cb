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
	growthSize    = 64  // of a message's payload, in bytes
	growthAtATime = 100 // connections that have a message in flight
)

// growing are the names of the candidates: ours, two peers that many know, what
// the runtime does without any of them, and what the kernel does by itself.
var growing = []string{"pushwire Handler", "pushwire Serve", "gorilla/websocket", "lxzan/gws Upgrader", report.GrowthLimit, "epoll loop, descriptors"}

// growth measures what a connection and a message cost, the more connections
// there are. The load is the same for any number of them: so many messages in
// all, so many in flight, each connection in its turn.
func growth(s settings, r *report.Results) error {
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
		for _, n := range turns(s.growth, round) {
			for _, name := range turns(growing, round) {
				if !s.wants(name) {
					continue
				}
				c, err := servers.Find(name)
				if err != nil {
					return err
				}
				values, err := growthRound(c, s, n, server)
				if err != nil {
					return fmt.Errorf("%s, %d connections: %w", name, n, err)
				}
				r.Add(report.Sample{Case: report.GrowthCase(n), Candidate: name, Round: round + 1, Values: values})
			}
		}
	}
	return nil
}

func growthRound(c servers.Candidate, s settings, n, core int) (values map[string]float64, err error) {
	p, err := child.Start(c.Name, core)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := p.Stop(); err == nil {
			err = e
		}
	}()
	o := load.Options{Addr: p.Addr, Size: growthSize, Window: 1, Raw: c.Raw}
	before, err := baseline(p, s, func(_ string, n int) (holder, error) {
		o.Conns = n
		return traffic(o)
	})
	if err != nil {
		return nil, err
	}
	o.Conns = n
	g, err := load.Open(o)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	if _, err := g.RunInTurn(growthAtATime, idleMessages); err != nil {
		return nil, err
	}
	time.Sleep(s.quiet)
	after, err := p.Holdings()
	if err != nil {
		return nil, err
	}
	values = held(before, after, n)
	// Once around, so that what the collection has thrown away is there again.
	if _, err := g.RunInTurn(growthAtATime, 1); err != nil {
		return nil, err
	}
	if before, err = p.Usage(); err != nil {
		return nil, err
	}
	res, err := g.RunInTurn(growthAtATime, max(s.growthMessages/n, 1))
	if err != nil {
		return nil, err
	}
	if after, err = p.Usage(); err != nil {
		return nil, err
	}
	values["cpu_us"] = float64(after.CPU-before.CPU) / 1e3 / float64(res.Messages)
	values["p99_us"] = float64(res.P99) / 1e3
	return values, nil
}
