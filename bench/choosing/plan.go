//go:build linux

package choosing

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/pushwire/pushwire/bench/child"
)

// Plan says how much of everything there is.
type Plan struct {
	Rounds int
	Span   time.Duration // measured in one round; a quarter of it comes before
	Idle   int           // clients whose memory is measured
	Quiet  time.Duration // between the last of them and the measurement
	Fields Fields
	Wants  func(transport string) bool // nil wants all

	// Hurry divides all times between messages and polls, and the numbers of
	// clients at a rate: a run for a test takes as much less. What it measures
	// is worth nothing.
	Hurry int

	hold bool // clients only wait
}

// clients is how many there are at a rate.
func (p *Plan) clients(r Rate) int { return max(r.Clients/max(p.Hurry, 1), 1) }

// quickest is what a hurry does not make quicker: messages that come so fast
// anyway.
const quickest = 10 * time.Millisecond

// patience is how long anything may take before it counts as stuck.
const patience = time.Minute

// hurried is a time of the clients or of the publisher.
func (p *Plan) hurried(d time.Duration) time.Duration { return d / time.Duration(max(p.Hurry, 1)) }

// Sample is one cell's round.
type Sample struct {
	Transport string
	Rate      float64 // messages a second on each topic; 0 is the memory of clients that wait
	Values    map[string]float64
}

// Round measures all cells once, side by side.
//
// This process has the clients. It keeps to one core and one P from here on, as
// the servers do to another.
func (p Plan) Round(round int) (samples []Sample, err error) {
	core, own, err := child.Cores()
	if err != nil {
		return nil, err
	}
	if err := child.PinSelf(own); err != nil {
		return nil, err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if samples, err = p.memory(core); err != nil {
		return nil, err
	}
	var cells []*cell
	defer func() {
		for _, c := range cells {
			err = errors.Join(err, c.close())
		}
	}()
	for _, r := range Rates {
		for _, t := range p.transports() {
			c, err := newCell(&p, t, r, p.clients(r), core)
			if err != nil {
				return nil, err
			}
			cells = append(cells, c)
		}
	}
	if err := p.open(cells, round); err != nil {
		return nil, err
	}
	before := make([]reading, len(cells))
	for i, c := range cells {
		if before[i], err = c.read(true); err != nil {
			return nil, err
		}
	}
	time.Sleep(p.Span)
	for i, c := range cells {
		after, err := c.read(false)
		if err != nil {
			return nil, err
		}
		v, err := c.values(before[i], after)
		if err != nil {
			return nil, err
		}
		samples = append(samples, Sample{c.transport.Name, c.rate.PerSecond, v})
	}
	return samples, nil
}

// open has all servers publish and opens all clients, over a quarter of the
// measured time. Polls have any phase then, and so have heartbeats.
func (p *Plan) open(cells []*cell, round int) error {
	var all sync.WaitGroup
	failed := make(chan error, len(cells))
	for i, c := range cells {
		gap := time.Duration(float64(time.Second) / c.rate.PerSecond)
		gap = max(p.hurried(gap), min(gap, quickest))
		// Cells that published at the same moments would wait for each other.
		if _, err := c.server.ask(order{Do: "publish", Gap: gap, Seed: uint64(round*len(cells) + i)}); err != nil {
			return c.failure(err)
		}
		all.Go(func() {
			if err := c.open(p.clients(c.rate), p.Span/4, true); err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func (p *Plan) transports() (all []Transport) {
	for _, t := range Transports {
		if p.Wants == nil || p.Wants(t.Name) {
			all = append(all, t)
		}
	}
	return all
}

// memoryWarm is how many clients there are before those that are measured, so
// that the baseline holds the code that runs.
const memoryWarm = 20

// memory measures what the server holds for each client that waits for a
// message of one topic: one transport after the other.
func (p Plan) memory(core int) (samples []Sample, err error) {
	p.hold = true
	for _, t := range p.transports() {
		if t.kind == nobody {
			continue
		}
		v, err := p.memoryOf(t, core)
		if err != nil {
			return nil, fmt.Errorf("memory: %w", err)
		}
		samples = append(samples, Sample{Transport: t.Name, Values: v})
	}
	return samples, nil
}

func (p *Plan) memoryOf(t Transport, core int) (v map[string]float64, err error) {
	c, err := newCell(p, t, Rate{}, 1, core)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	// held opens clients and returns what the server holds when all wait.
	held := func(more, all int) (child.Usage, error) {
		if err := c.open(more, p.Quiet, false); err != nil {
			return child.Usage{}, err
		}
		for end := time.Now().Add(patience); t.kind != shortPoll; time.Sleep(time.Millisecond) {
			a, err := c.server.ask(order{Do: "waiting"})
			if err != nil {
				return child.Usage{}, c.failure(err)
			}
			if a.Waiting == all {
				break
			}
			if time.Now().After(end) {
				return child.Usage{}, c.failure(fmt.Errorf("%d of %d clients wait", a.Waiting, all))
			}
		}
		time.Sleep(p.Quiet)
		a, err := c.server.ask(order{Do: "hold"})
		return a.Held, err
	}
	before, err := held(memoryWarm, memoryWarm)
	if err != nil {
		return nil, err
	}
	after, err := held(p.Idle, memoryWarm+p.Idle)
	if err != nil {
		return nil, err
	}
	n := float64(p.Idle)
	return map[string]float64{
		"resident_bytes": float64(after.Resident-before.Resident) / n,
		"heap_bytes":     float64(after.Heap-before.Heap) / n,
		"stack_bytes":    float64(after.Stack-before.Stack) / n,
		"goroutines":     float64(after.Goroutines-before.Goroutines) / n,
	}, nil
}
