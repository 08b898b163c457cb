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

// idleServer is one row of one case.
type idleServer struct {
	name, row string // of the candidate, and of the table
	open      func(addr string, n int) (holder, error)
}

// holder holds the far ends of connections that had their traffic.
type holder interface{ Close() }

// idleCases are the servers of each case, in the order of the tables.
func (s *settings) idleCases() (names []string, all map[string][]idleServer) {
	all = map[string][]idleServer{}
	for _, c := range s.echoes() {
		all[report.IdleCase] = append(all[report.IdleCase], idleServer{c.Name, c.Name, func(addr string, n int) (holder, error) {
			return traffic(load.Options{Addr: addr, Conns: n, Size: idleSize, Window: 1, Raw: c.Raw})
		}})
	}
	for _, c := range servers.Securing {
		all[report.IdleSecureCase] = append(all[report.IdleSecureCase], idleServer{c.Name, c.Row, func(addr string, n int) (holder, error) {
			return load.OpenSecure(load.Options{Addr: addr, Conns: n, Size: idleSize, Window: 1, Raw: c.Raw}, idleMessages)
		}})
	}
	texts := load.Text(packedCycle, idleSize)
	for _, c := range servers.Packing {
		if c.Context != servers.NoContext || c.Serve == nil {
			continue
		}
		all[report.IdlePackedCase] = append(all[report.IdlePackedCase], idleServer{c.Name, c.Row, func(addr string, n int) (holder, error) {
			return packedTraffic(c, load.PackedOptions{Addr: addr, Conns: n, Messages: texts})
		}})
	}
	return []string{report.IdleCase, report.IdleSecureCase, report.IdlePackedCase}, all
}

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
	names, all := s.idleCases()
	for round := range s.rounds {
		for _, name := range names {
			for _, c := range turns(all[name], round) {
				if s.skip != nil && s.skip(c.row) {
					continue
				}
				values, err := idleRound(c, s, server)
				if err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				r.Add(report.Sample{Case: name, Candidate: c.row, Round: round + 1, Values: values})
			}
		}
	}
	return nil
}

func idleRound(c idleServer, s settings, core int) (values map[string]float64, err error) {
	p, err := child.Start(c.name, core)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := p.Stop(); err == nil {
			err = e
		}
	}()
	before, err := baseline(p, s, c.open)
	if err != nil {
		return nil, err
	}
	h, err := c.open(p.Addr, s.idle)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	time.Sleep(s.quiet)
	after, err := p.Holdings()
	if err != nil {
		return nil, err
	}
	return held(before, after, s.idle), nil
}

// baseline is what a server holds after its first connections have gone.
func baseline(p *child.Process, s settings, open func(addr string, n int) (holder, error)) (child.Usage, error) {
	warm, err := open(p.Addr, idleWarm)
	if err != nil {
		return child.Usage{}, err
	}
	warm.Close()
	time.Sleep(s.quiet)
	return p.Holdings()
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
