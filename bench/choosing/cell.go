//go:build linux

package choosing

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// cell is a transport at a rate: a server and the clients of its topics.
type cell struct {
	plan      *Plan
	transport Transport
	rate      Rate
	server    *process

	received, sent, requests atomic.Int64 // bytes and requests of all clients so far
	opening                  atomic.Int64 // bytes of those until each had its cursor

	mu       sync.Mutex
	record   bool            // latencies are of interest
	latency  []time.Duration // of each message
	messages int64           // that have arrived
	clients  []*client
	ended    bool // clients are closed, and say so

	failed chan error // has room for the first one
}

func newCell(p *Plan, t Transport, r Rate, topics, core int) (*cell, error) {
	s, err := start(topics, core)
	if err != nil {
		return nil, fmt.Errorf("%s: the server: %w", t.Name, err)
	}
	return &cell{plan: p, transport: t, rate: r, server: s, failed: make(chan error, 1)}, nil
}

// open opens n clients, evenly over a time, and returns when all have a cursor.
// Each has a topic of its own if there are as many, or all have the first one.
func (c *cell) open(n int, over time.Duration, own bool) error {
	if c.transport.kind == nobody {
		time.Sleep(over)
		return nil
	}
	opened := make(chan struct{}, n)
	for i := range n {
		k := &client{cell: c, path: topicPath + "0", after: topic.Now}
		if own {
			k.path = topicPath + strconv.Itoa(i)
		}
		go func() {
			time.Sleep(over * time.Duration(i) / time.Duration(n))
			err := k.connect()
			if err == nil && c.join(k) {
				err = k.run(func() {
					c.opening.Add(k.own)
					opened <- struct{}{}
				})
			}
			c.left(k, err)
		}()
	}
	limit := time.After(over + patience)
	for range n {
		select {
		case <-opened:
		case err := <-c.failed:
			return c.failure(err)
		case <-limit:
			return c.failure(errors.New("the clients did not open in time"))
		}
	}
	return nil
}

// join adds a client that is connected, unless all were closed.
func (c *cell) join(k *client) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		k.conn.Close()
		return false
	}
	c.clients = append(c.clients, k)
	return true
}

// left is told why a client does not run any more. Unless they were closed that
// is a failure.
func (c *cell) left(k *client, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	select {
	case c.failed <- fmt.Errorf("the client of %s: %w", k.path, err):
	default:
	}
}

// failure says which cell failed.
func (c *cell) failure(err error) error {
	return fmt.Errorf("%s at %v a second: %w", c.transport.Name, c.rate.PerSecond, err)
}

// close ends clients and server. It returns the first failure that there was
// before.
func (c *cell) close() error {
	c.mu.Lock()
	c.ended = true
	for _, k := range c.clients {
		k.conn.Close()
	}
	c.mu.Unlock()
	var err error
	select {
	case err = <-c.failed:
		err = c.failure(err)
	default:
	}
	return errors.Join(err, c.server.stop())
}

// arrived notes a message.
func (c *cell) arrived(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages++
	if c.record {
		c.latency = append(c.latency, took)
	}
}

// reading is what has come together in a cell so far.
type reading struct {
	at                       int64
	received, sent, requests int64
	messages                 int64
	spent                    answer
}

// read takes a reading. From then on latencies are recorded, or no longer.
func (c *cell) read(record bool) (r reading, err error) {
	c.mu.Lock()
	c.record = record
	r = reading{at: now(), received: c.received.Load(), sent: c.sent.Load(), requests: c.requests.Load(), messages: c.messages}
	c.mu.Unlock()
	if r.spent, err = c.server.ask(order{Do: "spent"}); err != nil {
		err = c.failure(err)
	}
	return r, err
}

// values are what happened between two readings, for each message.
func (c *cell) values(a, b reading) (map[string]float64, error) {
	messages := b.messages - a.messages
	if c.transport.kind == nobody {
		messages = b.spent.Published - a.spent.Published
	}
	n := float64(messages)
	if messages <= 0 {
		return nil, c.failure(errors.New("no message came in the measured time"))
	}
	v := map[string]float64{
		"cpu_us":   float64(b.spent.CPU-a.spent.CPU) / 1e3 / n,
		"messages": n,
		"span_s":   float64(b.at-a.at) / 1e9,
	}
	if c.transport.kind == nobody {
		return v, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.latency)
	v["received_bytes"] = float64(b.received-a.received) / n
	v["sent_bytes"] = float64(b.sent-a.sent) / n
	v["wire_bytes"] = v["received_bytes"] + v["sent_bytes"]
	v["requests"] = float64(b.requests-a.requests) / n
	v["opening_bytes"] = float64(c.opening.Load()) / float64(len(c.clients))
	v["p50_ms"] = quantile(c.latency, 50)
	v["p99_ms"] = quantile(c.latency, 99)
	return v, nil
}

// quantile returns the value below which a percentage of the sorted ones are,
// in milliseconds.
func quantile(sorted []time.Duration, percent int) float64 {
	return float64(sorted[(len(sorted)-1)*percent/100]) / 1e6
}
