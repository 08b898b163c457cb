//go:build linux

package push

import (
	"encoding/json"
	"fmt"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/webpush"
)

// warmPart is which part of the messages are sent before those that count.
const warmPart = 10

// InMemory has a candidate send n messages, one after another, to a transport
// that answers at once.
func (c *Candidate) InMemory(n int) (Spent, error) {
	_, core, err := child.Cores()
	if err != nil {
		return Spent{}, err
	}
	j, _, err := newJob("push.example.net")
	if err != nil {
		return Spent{}, err
	}
	j.Candidate, j.Warm, j.N, j.Concurrency = c.Name, n/warmPart+1, n, 1
	return c.run(j, core)
}

// ToService has a candidate send n messages to a new service on another core.
func (c *Candidate) ToService(n, concurrency int) (Spent, error) {
	server, core, err := child.Cores()
	if err != nil {
		return Spent{}, err
	}
	j, keys, err := newJob("push.example.net")
	if err != nil {
		return Spent{}, err
	}
	s, err := startService(server, keys)
	if err != nil {
		return Spent{}, err
	}
	defer s.stop()
	sub := &webpush.Subscription{}
	if err := json.Unmarshal(j.Subscription, sub); err != nil {
		return Spent{}, err
	}
	sub.Endpoint = fmt.Sprintf("https://%s/push/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", s.Addr)
	if j.Subscription, err = json.Marshal(sub); err != nil {
		return Spent{}, err
	}
	j.Candidate, j.Service, j.CA, j.Warm, j.N, j.Concurrency = c.Name, true, s.CA, n/warmPart+concurrency, n, concurrency
	return c.run(j, core)
}
