//go:build linux

package main

import (
	"testing"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/load"
	"github.com/pushwire/pushwire/bench/memory"
	"github.com/pushwire/pushwire/bench/openings"
	"github.com/pushwire/pushwire/bench/servers"
)

// The tests here hold what does not depend on how fast or how busy a machine
// is. That no message costs an allocation is held in package servers.

// server starts the server of a candidate for one test.
func server(t *testing.T, name string) (servers.Candidate, *child.Process) {
	t.Helper()
	core, _, err := child.Cores()
	if err != nil {
		t.Fatal(err)
	}
	c, err := servers.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := child.Start(name, core)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c, p
}

// TestSystemCalls: reads and writes of sockets for a message, as the kernel
// counts them. With one message in flight there is the read that finds nothing,
// that of the message, and the write, as in a raw echo; with 16 there are the
// same three for all of them. A Poller is told when there is something to read.
func TestSystemCalls(t *testing.T) {
	const conns, warm = 10, 50
	for _, test := range []struct {
		name  string
		reads float64 // for a burst; there is one write
	}{
		{"pushwire Handler", 2},
		{"pushwire Serve", 2},
		{"pushwire Poller", 1},
	} {
		for _, l := range []echoLoad{{64, 1}, {64, 16}, {16 << 10, 1}} {
			c, p := server(t, test.name)
			g, err := load.Open(load.Options{Addr: p.Addr, Conns: conns, Size: l.size, Window: l.window, Raw: c.Raw})
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			if _, err := g.Run(0, warm); err != nil { // the windows of TCP grow meanwhile
				t.Fatal(err)
			}
			v := map[string]float64{}
			err = countMessages(v, p.PID(), full.counted, conns*l.window, l.size, func() error {
				_, err := g.Run(0, 1)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(v) == 0 {
				t.Fatal(countingNeeds)
			}
			// A message that comes before a busy machine has the server look
			// for it in vain saves a read, one that comes in two parts has
			// two: hardly any does.
			const least, most = 0.9, 1.02
			for name, want := range map[string]float64{"reads": test.reads, "writes": 1} {
				if got := v[name] * float64(l.window); got < least*want || got > most*want {
					t.Errorf("%s, %d bytes, %d in flight: %.3f %s for what is sent at once, want %v", test.name, l.size, l.window, got, name, want)
				}
			}
			if v["waits"] == 0 {
				t.Errorf("%s, %d bytes, %d in flight: it waits for nothing", test.name, l.size, l.window)
			}
		}
	}
}

// TestOpeningAllocations: those of an opening handshake and of the Conn that it
// makes.
func TestOpeningAllocations(t *testing.T) {
	for name, most := range map[string]float64{
		"pushwire handshake":  6,
		"pushwire AcceptConn": 22,
		"pushwire Accept":     21, // 7 of them the hijack's
	} {
		for _, c := range openings.All {
			if c.Name != name {
				continue
			}
			const runs = 200
			answer, err := c.Open(memory.New([]byte(openings.Request), runs+1))
			if err != nil {
				t.Fatal(err)
			}
			got := testing.AllocsPerRun(runs, func() {
				if err := answer(); err != nil {
					t.Fatal(err)
				}
			})
			if got > most {
				t.Errorf("%s: %v allocations, want at most %v", name, got, most)
			}
		}
	}
}
