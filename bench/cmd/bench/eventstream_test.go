//go:build linux

package main

import (
	"slices"
	"testing"

	"github.com/pushwire/pushwire/bench/report"
	"github.com/pushwire/pushwire/bench/streams"
)

// TestEventStreams: there is a sample of each candidate for each shape that it
// can do.
func TestEventStreams(t *testing.T) {
	r := report.New("eventstream")
	if err := eventStreams(tiny, r); err != nil {
		t.Fatal(err)
	}
	has := func(name, candidate string) bool {
		return slices.ContainsFunc(r.Samples, func(s report.Sample) bool {
			return s.Case == name && s.Candidate == candidate && s.Values["ns"] > 0
		})
	}
	for _, c := range streams.All {
		for _, s := range streams.Shapes {
			if !has(report.DecodeCase(s.Name), c.Name) {
				t.Errorf("%s, %s is missing", c.Name, s.Name)
			}
		}
		for _, p := range streams.Payloads {
			if c.Encode != nil && !has(report.EncodeCase(p.Name), c.Name) {
				t.Errorf("%s, %s is missing", c.Name, p.Name)
			}
		}
	}
}
