//go:build linux

package topicfan

import (
	"errors"
	"fmt"
	"time"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/topic"
)

// Readers are the open readers of one candidate. One goroutine uses it.
type Readers struct {
	c              Candidate
	n              int
	epoch          string
	seq            uint64
	server, client *process
}

// Open starts server and client of each candidate on a core each, and opens n
// readers of each, in turns (package fanout says why).
func Open(all []Candidate, n, serverCore, clientCore int) (open []*Readers, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, Close(open))
			open = nil
		}
	}()
	for _, c := range all {
		r, err := begin(c, serverCore, clientCore)
		if r != nil {
			open = append(open, r)
		}
		if err != nil {
			return open, err
		}
	}
	for opened := 0; opened < n; opened += atOnce {
		for _, r := range open {
			if err := r.more(min(atOnce, n-opened)); err != nil {
				return open, err
			}
		}
	}
	for _, r := range open {
		if _, err := r.server.ask(order{Do: "collect"}); err != nil {
			return open, r.failed("server", err)
		}
	}
	return open, nil
}

func begin(c Candidate, serverCore, clientCore int) (*Readers, error) {
	r := &Readers{c: c}
	var a answer
	var err error
	if r.server, a, err = start(c, "", serverCore); err != nil {
		return r, r.failed("server", err)
	}
	if r.client, _, err = start(c, a.Addr, clientCore); err != nil {
		return r, r.failed("client", err)
	}
	return r, nil
}

func (r *Readers) failed(who string, err error) error {
	return fmt.Errorf("%s: the %s: %w", r.c.Name, who, err)
}

// more opens n readers more and waits until they wait.
func (r *Readers) more(n int) error {
	if _, err := r.client.ask(order{Do: "open", Readers: n}); err != nil {
		return r.failed("client", err)
	}
	r.n += n
	return r.ready()
}

func (r *Readers) ready() error {
	if _, err := r.server.ask(order{Do: "ready", Readers: r.n}); err != nil {
		return r.failed("server", err)
	}
	return nil
}

// Spent is what one item to all readers has taken.
type Spent struct {
	CPU     time.Duration // user and system time of the server process
	Elapsed time.Duration // from publishing until the last reader has it
}

// Publish publishes an item of size bytes and waits until each reader has got
// it, and nothing else, and, where it polls, has asked again. A number makes
// the item another one.
func (r *Readers) Publish(number, size int) (s Spent, err error) {
	if r.epoch == "" { // the first cursor is not known before
		if err := r.learn(); err != nil {
			return s, err
		}
	}
	r.seq++
	want := r.c.wire(topic.At(r.epoch, r.seq), itemData(number, size))
	if _, err := r.client.ask(order{Do: "await", Want: []byte(want)}); err != nil {
		return s, r.failed("client", err)
	}
	began, err := r.server.ask(order{Do: "publish", Number: number, Size: size})
	if err != nil {
		return s, r.failed("server", err)
	}
	got, err := r.client.hear()
	if err != nil {
		return s, r.failed("client", err)
	}
	if got.Readers != r.n {
		return s, fmt.Errorf("%s: %d of %d readers got the item", r.c.Name, got.Readers, r.n)
	}
	if r.c.polls {
		if _, err := r.client.ask(order{Do: "again"}); err != nil {
			return s, r.failed("client", err)
		}
		if err := r.ready(); err != nil {
			return s, err
		}
	}
	spent, err := r.server.ask(order{Do: "spent"})
	if err != nil {
		return s, r.failed("server", err)
	}
	return Spent{CPU: spent.CPU, Elapsed: time.Duration(got.At - began.At)}, nil
}

// ServerPID is the server's process.
func (r *Readers) ServerPID() int { return r.server.cmd.Process.Pid }

// learn gets the epoch of the topic.
func (r *Readers) learn() error {
	a, err := r.server.ask(order{Do: "epoch"})
	if err != nil {
		return r.failed("server", err)
	}
	epoch, seq, err := a.Cursor.Split()
	r.epoch, r.seq = epoch, seq
	return err
}

// warmReaders are there before the baseline of Hold, so that it holds the code
// that runs.
const warmReaders = 64

// Hold opens n readers of a candidate, publishes an item to them, and returns
// what the server holds for each while it waits for the next one.
func Hold(c Candidate, n, serverCore, clientCore int, quiet time.Duration) (each map[string]float64, err error) {
	r, err := begin(c, serverCore, clientCore)
	defer func() { err = errors.Join(err, Close([]*Readers{r})) }()
	if err != nil {
		return nil, err
	}
	hold := func(more, number int) (child.Usage, error) {
		if err := r.more(more); err != nil {
			return child.Usage{}, err
		}
		if _, err := r.Publish(number, 512); err != nil {
			return child.Usage{}, err
		}
		time.Sleep(quiet)
		a, err := r.server.ask(order{Do: "hold"})
		return a.Held, err
	}
	before, err := hold(warmReaders, 1)
	if err != nil {
		return nil, err
	}
	after, err := hold(n, 2)
	if err != nil {
		return nil, err
	}
	return map[string]float64{
		"resident_bytes": float64(after.Resident-before.Resident) / float64(n),
		"heap_bytes":     float64(after.Heap-before.Heap) / float64(n),
		"stack_bytes":    float64(after.Stack-before.Stack) / float64(n),
		"goroutines":     float64(after.Goroutines-before.Goroutines) / float64(n),
	}, nil
}

// Close ends all processes and waits for their ends.
func Close(all []*Readers) error {
	var errs []error
	for _, r := range all {
		for _, p := range []*process{r.server, r.client} { // the server first: it must not see clients go
			if p != nil {
				errs = append(errs, p.stop())
			}
		}
	}
	return errors.Join(errs...)
}
