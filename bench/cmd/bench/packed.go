//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/load"
	"github.com/pushwire/pushwire/bench/report"
	"github.com/pushwire/pushwire/bench/servers"
)

const (
	packedCycle = 32      // different texts
	packedSize  = 4 << 10 // of each, in bytes
	packedIdle  = 10      // texts that a connection sent and received before it is idle: they fill any window
)

// packedRounds has the candidates take turns in a round. Those that can't run
// on this machine are named and left out.
func packedRounds(s settings, r *report.Results, all []servers.PackedCandidate, measure func(servers.PackedCandidate, int) (map[string]float64, string, error)) error {
	server, generator, err := child.Cores()
	if err != nil {
		return err
	}
	if err := child.PinSelf(generator); err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r.Notes = map[string]string{}
	for round := range s.rounds {
		for _, c := range turns(all, round) {
			if s.skip != nil && s.skip(c.Row) {
				continue
			}
			if c.Missing != nil && c.Missing() != "" {
				fmt.Fprintln(os.Stderr, "bench:", c.Missing())
				continue
			}
			values, note, err := measure(c, server)
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			r.Notes[c.Name] = note
			r.Add(report.Sample{Case: c.Context, Candidate: c.Row, Round: round + 1, Values: values})
		}
	}
	return nil
}

// packedStart starts a server.
func packedStart(c servers.PackedCandidate, core int, measure func(*child.Process) (map[string]float64, string, error)) (values map[string]float64, note string, err error) {
	p, err := child.Start(c.Name, core)
	if err != nil {
		return nil, "", err
	}
	defer func() {
		if e := p.Stop(); err == nil {
			err = e
		}
	}()
	return measure(p)
}

// packedOpen opens connections to it, which compress where it is to.
func packedOpen(c servers.PackedCandidate, o load.PackedOptions) (*load.Packed, error) {
	o.Offer = true
	g, err := load.OpenPacked(o)
	if err != nil {
		return nil, err
	}
	if (g.Answer == "") != (c.Context == servers.Plain) {
		g.Close()
		return nil, fmt.Errorf("the server answered the offer of compression with %q", g.Answer)
	}
	return g, nil
}

// packedEcho measures what a server spends on a text that comes and goes back,
// compressed on both ways.
func packedEcho(s settings, r *report.Results) error {
	return packedRounds(s, r, servers.Packing, func(c servers.PackedCandidate, core int) (map[string]float64, string, error) {
		return packedStart(c, core, func(p *child.Process) (map[string]float64, string, error) {
			return packedEchoRound(c, s, p)
		})
	})
}

func packedEchoRound(c servers.PackedCandidate, s settings, p *child.Process) (map[string]float64, string, error) {
	g, err := packedOpen(c, load.PackedOptions{Addr: p.Addr, Conns: s.conns, Messages: load.Text(packedCycle, packedSize)})
	if err != nil {
		return nil, "", err
	}
	defer g.Close()
	if _, err := g.Run(0, packedCycle+2); err != nil { // a cycle, which is checked, warms up
		return nil, "", err
	}
	before, err := p.Usage()
	if err != nil {
		return nil, "", err
	}
	res, err := g.Run(s.span, 0)
	if err != nil {
		return nil, "", err
	}
	after, err := p.Usage()
	if err != nil {
		return nil, "", err
	}
	n := float64(res.Messages)
	values := map[string]float64{
		"cpu_us":        float64(after.CPU-before.CPU) / 1e3 / n,
		"payload_bytes": float64(res.Payload) / n,
		"packed":        float64(res.Packed) / n,
		"messages":      n,
	}
	return values, g.Answer, countMessages(values, p.PID(), s.counted, s.conns, packedSize, func() error {
		_, err := g.Run(0, 1)
		return err
	})
}

// packedIdleMemory measures what a server holds for a connection that had
// compressed messages and has none now.
func packedIdleMemory(s settings, r *report.Results) error {
	return packedRounds(s, r, servers.Packing, func(c servers.PackedCandidate, core int) (map[string]float64, string, error) {
		return packedStart(c, core, func(p *child.Process) (map[string]float64, string, error) {
			return packedIdleRound(c, s, p)
		})
	})
}

func packedIdleRound(c servers.PackedCandidate, s settings, p *child.Process) (map[string]float64, string, error) {
	o := load.PackedOptions{Addr: p.Addr, Conns: idleWarm, Messages: load.Text(packedCycle, packedSize)}
	warm, err := packedTraffic(c, o)
	if err != nil {
		return nil, "", err
	}
	warm.Close()
	time.Sleep(s.quiet)
	before, err := p.Holdings()
	if err != nil {
		return nil, "", err
	}
	o.Conns = s.packedIdle
	g, err := packedTraffic(c, o)
	if err != nil {
		return nil, "", err
	}
	defer g.Close()
	time.Sleep(s.quiet)
	after, err := p.Holdings()
	if err != nil {
		return nil, "", err
	}
	return held(before, after, o.Conns), g.Answer, nil
}

// packedTraffic opens the connections and sends their texts.
func packedTraffic(c servers.PackedCandidate, o load.PackedOptions) (*load.Packed, error) {
	g, err := packedOpen(c, o)
	if err != nil {
		return nil, err
	}
	if _, err := g.Run(0, packedIdle); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

// packedBroadcast measures what a broadcast costs for each connection that it
// reaches.
func packedBroadcast(s settings, r *report.Results) error {
	return packedRounds(s, r, servers.Broadcasting, func(c servers.PackedCandidate, core int) (map[string]float64, string, error) {
		return packedStart(c, core, func(p *child.Process) (map[string]float64, string, error) {
			return packedBroadcastRound(c, s, p)
		})
	})
}

func packedBroadcastRound(c servers.PackedCandidate, s settings, p *child.Process) (map[string]float64, string, error) {
	g, err := packedOpen(c, load.PackedOptions{Addr: p.Addr, Conns: s.members, Messages: servers.BroadcastMessages(), Together: true})
	if err != nil {
		return nil, "", err
	}
	defer g.Close()
	var res load.PackedResult
	sent := 0
	broadcast := func(n int) (u child.Usage, err error) {
		for range n {
			u, err = p.Order(servers.BroadcastOrder(sent, s.members))
			if err != nil {
				return u, err
			}
			sent++
			if res, err = g.Await(1); err != nil {
				return u, err
			}
		}
		return u, nil
	}
	if _, err := broadcast(s.checkedBroadcasts); err != nil {
		return nil, "", err
	}
	before, err := p.Usage()
	if err != nil {
		return nil, "", err
	}
	if _, err := broadcast(s.broadcasts); err != nil {
		return nil, "", err
	}
	after, err := p.Usage()
	if err != nil {
		return nil, "", err
	}
	values := map[string]float64{
		"cpu_us":        float64(after.CPU-before.CPU) / 1e3 / float64(s.members*s.broadcasts),
		"payload_bytes": float64(res.Payload) / float64(res.Messages),
		"packed":        float64(res.Packed) / float64(res.Messages),
	}
	return values, g.Answer, countWrites(values, p.PID(), s.members, func() error {
		_, err := broadcast(1)
		return err
	})
}
