//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/pushwire/pushwire/bench/calls"
)

// countingNeeds says what to do where system calls can't be counted.
const countingNeeds = "system calls are counted with ptrace, which the kernel refuses here: a container needs the capability SYS_PTRACE or a seccomp profile that allows it, and kernel.yama.ptrace_scope has to be 0 or 1"

// sayCountingNeeds says so once.
var sayCountingNeeds = sync.OnceFunc(func() { fmt.Fprintln(os.Stderr, "bench:", countingNeeds) })

// counted returns the system calls of a process while run runs, nil where the
// kernel does not let them be counted: run has not run then. The process is
// slower meanwhile, so nothing else is measured with it.
func counted(pid int, run func() error) (*calls.Counts, error) {
	// The one that counts never waits for a generator that spins; the runtime
	// may have seen that all threads are pinned to one core.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))))
	t, err := calls.Start(pid)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		sayCountingNeeds()
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	failed := run()
	c, err := t.Stop()
	return &c, errors.Join(failed, err)
}

// What a load has at most while calls are counted, so that it costs well below
// a second: a message takes a server some 50 us then, long ones more.
const (
	countedMessages = 8000
	countedBytes    = 64 << 20
)

// countedRest is how long a server has nothing to do between two bursts.
const countedRest = time.Millisecond

// countMessages adds what a server calls for a message to values, from so many
// bursts, or fewer if they are long. burst has all connections send together
// so many messages of so many bytes, and awaits the replies.
//
// All connections end a burst before one begins the next, and then the server
// gets time to find that there is nothing more. It would not find that if each
// went on by itself: traced, a server takes longer from the write of its reply
// to the next read than the generator takes to send something new.
func countMessages(values map[string]float64, pid, bursts, messages, size int, burst func() error) error {
	bursts = max(1, min(bursts, countedMessages/messages, countedBytes/size/messages))
	c, err := counted(pid, func() error {
		for range bursts {
			if err := burst(); err != nil {
				return err
			}
			time.Sleep(countedRest)
		}
		return nil
	})
	if c == nil || err != nil {
		return err
	}
	n := float64(bursts * messages)
	values["reads"] = float64(c.Reads) / n
	values["writes"] = float64(c.Writes) / n
	values["waits"] = float64(c.Waits) / n
	return nil
}

// countWrites adds the writes of a server for each of n receivers of what run
// has it send.
func countWrites(values map[string]float64, pid, n int, run func() error) error {
	c, err := counted(pid, run)
	if c == nil || err != nil {
		return err
	}
	values["writes"] = float64(c.Writes) / float64(n)
	return nil
}
