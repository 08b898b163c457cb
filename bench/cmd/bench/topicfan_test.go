//go:build linux

package main

import (
	"testing"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/report"
	"github.com/pushwire/pushwire/bench/topicfan"
)

// TestTopicFanout: every transport has a figure for each size, one write for a
// reader and item, and a figure for the memory of a reader that waits.
func TestTopicFanout(t *testing.T) {
	r := report.New("topic-fanout")
	if err := topicFanout(tiny, r); err != nil {
		t.Fatal(err)
	}
	for _, c := range topicfan.All {
		for _, size := range topicSizes {
			name := report.FanoutCase(size, tiny.streams)
			for _, value := range []string{"cpu_us", "last_ms"} {
				if v, ok := r.Median(name, c.Name, value); !ok || v <= 0 {
					t.Errorf("%s, %s: %s is %v", c.Name, name, value, v)
				}
			}
			if writes, ok := r.Median(name, c.Name, "writes"); !ok {
				t.Fatal(countingNeeds)
			} else if writes != 1 {
				t.Errorf("%s, %s: %v writes for a reader and item", c.Name, name, writes)
			}
		}
		if v, ok := r.Median(report.TopicWaiting, c.Name, "stack_bytes"); !ok || v < 0 {
			t.Errorf("%s: %v bytes of stack", c.Name, v)
		}
	}
}

// TestTopicFanoutBytes publishes items of several sizes to the readers of every
// candidate. The client fails unless each reader gets each item to the byte,
// once, and nothing else.
func TestTopicFanoutBytes(t *testing.T) {
	server, client, err := child.Cores()
	if err != nil {
		t.Fatal(err)
	}
	open, err := topicfan.Open(topicfan.All, 7, server, client)
	if err != nil {
		t.Fatal(err)
	}
	for i, size := range []int{16, 100, 512, 5000, 64} {
		for _, r := range open {
			if _, err := r.Publish(i+1, size); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := topicfan.Close(open); err != nil {
		t.Error(err)
	}
}
