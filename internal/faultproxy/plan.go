package faultproxy

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Fault is one thing that happens to one direction of a connection.
type Fault int

const (
	Delay     Fault = iota // what follows comes later by Step.For
	Bytes                  // the next Step.Count bytes come one at a time
	Stall                  // nothing passes for Step.For, then a reset of both directions
	Truncate               // the connection ends in good order, both ways, and what follows is lost
	Reset                  // both ends get a reset
	HalfClose              // this direction ends; the other goes on for Step.For, then it ends too
	Kinds                  // how many there are
)

var names = [Kinds]string{"delay", "single bytes", "stall", "truncate", "reset", "half-close"}

func (f Fault) String() string { return names[f] }

// ends reports whether nothing of a direction comes through behind f.
func (f Fault) ends() bool { return f >= Stall }

// Step is a fault and its place.
type Step struct {
	After int // bytes that pass before it, from the step before
	Fault Fault
	For   time.Duration // of Delay, Stall and HalfClose
	Count int           // of Bytes
}

// Plan says what happens to a connection: Up is from the client to the server.
type Plan struct{ Up, Down []Step }

// Rates are how violent the plans of Random are; a zero field is its default.
type Rates struct {
	// Life is how many bytes of a direction pass on average before a fault
	// that ends it; 0 is 100,000.
	Life int

	// Mild is how many pass on average between two that do not; 0 is 20,000.
	Mild int

	// Wait is the longest delay, stall, and rest of a half-closed
	// connection; 0 is 1 s. Delays are a tenth of it at most.
	Wait time.Duration
}

// Random returns a source of plans at random, the same ones for the same seed
// and the same order of connections.
func Random(seed uint64, r Rates) func() Plan {
	if r.Life == 0 {
		r.Life = 100_000
	}
	if r.Mild == 0 {
		r.Mild = 20_000
	}
	if r.Wait == 0 {
		r.Wait = time.Second
	}
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(seed, 0))
	direction := func() (steps []Step) {
		for life := int(rnd.ExpFloat64() * float64(r.Life)); ; {
			after := int(rnd.ExpFloat64() * float64(r.Mild))
			if after > life {
				end := Stall + Fault(rnd.IntN(int(Kinds-Stall)))
				return append(steps, Step{After: life, Fault: end, For: time.Duration(rnd.Int64N(int64(r.Wait)))})
			}
			life -= after
			steps = append(steps, Step{
				After: after, Fault: Fault(rnd.IntN(int(Stall))),
				For: time.Duration(rnd.Int64N(int64(r.Wait / 10))), Count: 1 + rnd.IntN(200),
			})
		}
	}
	return func() Plan {
		mu.Lock()
		defer mu.Unlock()
		return Plan{Up: direction(), Down: direction()}
	}
}
