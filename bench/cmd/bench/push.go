//go:build linux

package main

import (
	"fmt"
	"os"
	"time"

	"github.com/pushwire/pushwire/bench/push"
	"github.com/pushwire/pushwire/bench/report"
)

// pushes measures messages of Web Push: in memory one after another, and to a
// service on this machine, many at a time.
func pushes(s settings, r *report.Results) error {
	r.Notes = map[string]string{}
	for _, c := range push.All {
		r.Notes[c.Name] = c.Note
		if c.Missing != nil && c.Missing() != "" {
			fmt.Fprintln(os.Stderr, "bench:", c.Missing())
		}
	}
	for round := range s.rounds {
		for _, name := range []string{report.PushMemory, report.PushService} {
			for _, c := range push.All {
				if c.Missing != nil && c.Missing() != "" || s.skip != nil && s.skip(c.Name) {
					continue
				}
				var spent push.Spent
				var err error
				if name == report.PushMemory {
					spent, err = c.InMemory(s.pushes)
				} else {
					spent, err = c.ToService(s.pushes, s.pushing)
				}
				if err != nil {
					return fmt.Errorf("%s, %s: %w", c.Name, name, err)
				}
				n := float64(s.pushes)
				values := map[string]float64{
					"cpu_us":     float64(spent.CPU) / n / float64(time.Microsecond),
					"per_s":      n / spent.Wall.Seconds(),
					"body_bytes": float64(spent.Body),
				}
				if spent.Allocs > 0 {
					values["allocs"], values["alloc_bytes"] = spent.Allocs/n, spent.Bytes/n
				}
				r.Add(report.Sample{Case: name, Candidate: c.Name, Round: round + 1, Values: values})
			}
		}
	}
	return nil
}
