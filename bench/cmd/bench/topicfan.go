//go:build linux

package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/report"
	"github.com/pushwire/pushwire/bench/topicfan"
)

// topicSizes are those of an item's data, in bytes.
var topicSizes = []int{100, 512}

// topicWarm is how many items of each size are published before the first
// round.
const topicWarm = 3

// topicFanout measures what it takes to publish one item to the many readers of
// a topic, and what a reader that waits takes. All candidates' readers are open
// all the time, and candidates take turns item by item.
func topicFanout(s settings, r *report.Results) (err error) {
	server, client, err := child.Cores()
	if err != nil {
		return err
	}
	var candidates []topicfan.Candidate
	var names []string
	for _, c := range topicfan.All {
		if c.Name == topicfan.Bare || s.wants(c.Name) {
			candidates, names = append(candidates, c), append(names, c.Name)
		}
	}
	for round := range min(s.rounds, topicHolds) {
		for _, c := range candidates {
			each, err := topicfan.Hold(c, s.streams, server, client, s.quiet)
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			r.Add(report.Sample{Case: report.TopicWaiting, Candidate: c.Name, Round: round + 1, Values: each})
		}
	}
	open, err := topicfan.Open(candidates, s.streams, server, client)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, topicfan.Close(open)) }()
	number := 0
	// items publishes n items to the readers of each candidate and returns what
	// they have cost.
	items := func(n, size int) ([]topicfan.Spent, error) {
		sum := make([]topicfan.Spent, len(open))
		for range n {
			number++
			for i := range open {
				at := (i + number/2) % len(open)
				if number%2 == 1 {
					at = len(open) - 1 - at // no one is always after the same one
				}
				spent, err := open[at].Publish(number, size)
				if err != nil {
					return nil, err
				}
				sum[at].CPU += spent.CPU
				sum[at].Elapsed += spent.Elapsed
			}
		}
		return sum, nil
	}
	for round := range s.rounds {
		for _, size := range topicSizes {
			if round == 0 {
				if _, err := items(topicWarm, size); err != nil {
					return err
				}
			}
			sum, err := items(s.events, size)
			if err != nil {
				return err
			}
			bare := sum[slices.Index(names, topicfan.Bare)]
			n := float64(s.events * s.streams)
			number++
			for i, spent := range sum {
				values := map[string]float64{
					"cpu_us":       float64(spent.CPU) / 1e3 / n,
					"of_bare":      float64(spent.CPU) / float64(max(bare.CPU, time.Nanosecond)),
					"last_ms":      float64(spent.Elapsed) / 1e6 / float64(s.events),
					"last_of_bare": float64(spent.Elapsed) / float64(max(bare.Elapsed, time.Nanosecond)),
				}
				err := countWrites(values, open[i].ServerPID(), s.streams, func() error {
					_, err := open[i].Publish(number, size)
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

// topicHolds is in how many rounds the memory of readers is measured, at most:
// it hardly differs.
const topicHolds = 3
