//go:build linux

package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/fanout"
	"github.com/pushwire/pushwire/bench/report"
)

// fanoutSizes are those of an event as it is encoded, in bytes.
var fanoutSizes = []int{64, 512}

// fanoutWarm is how many events of each size go out before the first round.
const fanoutWarm = 3

// fanOut measures what a server spends on one event for each of its many
// streams. All candidates' streams are open all the time, and candidates take
// turns event by event.
func fanOut(s settings, r *report.Results) (err error) {
	server, client, err := child.Cores()
	if err != nil {
		return err
	}
	var candidates []fanout.Candidate
	var names []string
	for _, c := range fanout.All {
		if c.Name == fanout.Bare || s.wants(c.Name) {
			candidates, names = append(candidates, c), append(names, c.Name)
		}
	}
	open, err := fanout.Open(candidates, s.streams, server, client)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fanout.Close(open)) }()
	number := 0
	// events sends n events to the streams of each candidate and returns what
	// they have cost, in processor time.
	events := func(n, size int) ([]time.Duration, error) {
		sum := make([]time.Duration, len(open))
		for range n {
			number++
			for i := range open {
				at := (i + number/2) % len(open)
				if number%2 == 1 {
					at = len(open) - 1 - at // no one is always after the same one
				}
				spent, err := open[at].Send(number, size)
				if err != nil {
					return nil, err
				}
				sum[at] += spent
			}
		}
		return sum, nil
	}
	for round := range s.rounds {
		for _, size := range fanoutSizes {
			if round == 0 {
				if _, err := events(fanoutWarm, size); err != nil {
					return err
				}
			}
			sum, err := events(s.events, size)
			if err != nil {
				return err
			}
			base := max(sum[slices.Index(names, fanout.Bare)], time.Nanosecond)
			number++
			for i, spent := range sum {
				values := map[string]float64{
					"cpu_us":  float64(spent) / 1e3 / float64(s.events*s.streams),
					"of_bare": float64(spent) / float64(base),
				}
				err := countWrites(values, open[i].ServerPID(), s.streams, func() error {
					_, err := open[i].Send(number, size)
					return err
				})
				if err != nil {
					return err
				}
				r.Add(report.Sample{Case: report.FanoutCase(size, s.streams), Candidate: names[i], Round: round + 1, Values: values})
			}
		}
	}
	return nil
}

// wants reports whether a candidate is among those that were asked for.
func (s *settings) wants(name string) bool {
	return s.only == "" || slices.ContainsFunc(strings.Split(s.only, ","), func(part string) bool { return strings.Contains(name, part) })
}
