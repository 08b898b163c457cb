//go:build linux

package main

import (
	"fmt"
	"os"

	"github.com/pushwire/pushwire/bench/choosing"
	"github.com/pushwire/pushwire/bench/report"
)

// choose measures what each transport costs, at several rates of messages.
func choose(s settings, r *report.Results) error {
	plan := s.choosing
	if plan.Fields != choosing.Chromium && plan.Fields != choosing.Bare {
		return fmt.Errorf("there are no header fields %q", plan.Fields)
	}
	plan.Wants = s.wants
	r.Notes = map[string]string{report.ChoosingFields: string(plan.Fields)}
	for round := range plan.Rounds {
		r.Notes[report.ChoosingLoad(round+1)] = loadAverage()
		samples, err := plan.Round(round)
		if err != nil {
			return err
		}
		for _, v := range samples {
			name := report.ChoosingWaiting
			if v.Rate > 0 {
				name = report.ChoosingCase(v.Rate)
			}
			r.Add(report.Sample{Case: name, Candidate: v.Transport, Round: round + 1, Values: v.Values})
		}
	}
	return nil
}

// loadAverage is that of the machine over the last minute, five and fifteen:
// times that were measured beside other work are not worth much.
func loadAverage() string {
	var a, b, c string
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	fmt.Sscan(string(text), &a, &b, &c)
	return a + " " + b + " " + c
}
