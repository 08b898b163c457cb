//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/load"
	"github.com/pushwire/pushwire/bench/report"
	"github.com/pushwire/pushwire/bench/servers"
)

// echoLoad is what each connection sends.
type echoLoad struct {
	size   int // of a message's payload, in bytes
	window int // messages in flight
}

// parseLoads makes text, as 64x16,16384x1, the loads of echo.
func (s *settings) parseLoads(text string) error {
	s.loads = nil
	for field := range strings.SplitSeq(text, ",") {
		size, window, _ := strings.Cut(field, "x")
		l := echoLoad{}
		var bad [2]error
		l.size, bad[0] = strconv.Atoi(size)
		l.window, bad[1] = strconv.Atoi(window)
		if errors.Join(bad[:]...) != nil || l.size < 1 || l.window < 1 {
			return fmt.Errorf("%q is no load: it wants bytes, an x, and messages in flight, as 64x16", field)
		}
		s.loads = append(s.loads, l)
	}
	return nil
}

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
	all := s.echoes()
	r.Notes = map[string]string{}
	for _, c := range all {
		r.Notes[c.Name] = c.Module
	}
	for round := range s.rounds {
		for _, l := range s.loads {
			for _, c := range turns(all, round) {
				values, err := echoRound(c, s, l, server)
				if err != nil {
					return fmt.Errorf("%s, %d bytes, %d in flight: %w", c.Name, l.size, l.window, err)
				}
				r.Add(report.Sample{Case: report.EchoCase(l.size, l.window), Candidate: c.Name, Round: round + 1, Values: values})
			}
		}
	}
	return nil
}

// echoes returns the candidates that are servers here, and names those that
// this machine can't run.
func (s *settings) echoes() (all []servers.Candidate) {
	for _, c := range s.candidates {
		echoes, why := c.Echoes()
		if echoes {
			all = append(all, c)
		}
		if why != "" {
			fmt.Fprintln(os.Stderr, "bench:", why)
		}
	}
	return all
}

func echoRound(c servers.Candidate, s settings, l echoLoad, core int) (values map[string]float64, err error) {
	p, err := child.Start(c.Name, core)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := p.Stop(); err == nil {
			err = e
		}
	}()
	g, err := load.Open(load.Options{Addr: p.Addr, Conns: s.conns, Size: l.size, Window: l.window, Raw: c.Raw})
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
	values = map[string]float64{
		"cpu_us":   float64(after.CPU-before.CPU) / 1e3 / n,
		"p50_us":   float64(res.P50) / 1e3,
		"p99_us":   float64(res.P99) / 1e3,
		"messages": n,
		"wall_us":  float64(res.Elapsed) / 1e3 / n,
	}
	return values, countMessages(values, p.PID(), s.counted, s.conns*l.window, l.size, func() error {
		_, err := g.Run(0, 1)
		return err
	})
}
