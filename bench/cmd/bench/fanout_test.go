//go:build linux

package main

import (
	"slices"
	"testing"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/fanout"
	"github.com/pushwire/pushwire/bench/report"
)

// TestFanout: every candidate has a figure for each size, and makes one write
// for each stream and event.
func TestFanout(t *testing.T) {
	r := report.New("fanout")
	if err := fanOut(tiny, r); err != nil {
		t.Fatal(err)
	}
	for _, c := range fanout.All {
		for _, size := range fanoutSizes {
			name := report.FanoutCase(size, tiny.streams)
			if us, ok := r.Median(name, c.Name, "cpu_us"); !ok || us <= 0 {
				t.Errorf("%s, %s: the processor time is %v", c.Name, name, us)
			}
			if writes, ok := r.Median(name, c.Name, "writes"); !ok {
				t.Fatal(countingNeeds)
			} else if writes != 1 {
				t.Errorf("%s, %s: %v writes for a stream and event", c.Name, name, writes)
			}
		}
	}
}

// TestFanoutBytes sends events of several sizes to the streams of every
// candidate. The client fails unless each stream gets each event to the byte,
// once, and nothing else.
func TestFanoutBytes(t *testing.T) {
	server, client, err := child.Cores()
	if err != nil {
		t.Fatal(err)
	}
	open, err := fanout.Open(fanout.All, 7, server, client)
	if err != nil {
		t.Fatal(err)
	}
	for i, size := range []int{16, 64, 512, 1500, 64} {
		for _, s := range open {
			if _, err := s.Send(i+1, size); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := fanout.Close(open); err != nil {
		t.Error(err)
	}
	if !slices.ContainsFunc(fanout.All, func(c fanout.Candidate) bool { return c.Name == fanout.Bare }) {
		t.Error("nothing to compare with")
	}
}
