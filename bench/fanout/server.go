//go:build linux

package fanout

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pushwire/pushwire/bench/child"
)

// patience is how long anything may take here before it counts as stuck.
const patience = 2 * time.Minute

// cpuEnv is the prefix of the files that get CPU profiles; none when empty.
const cpuEnv = "PUSHWIRE_BENCH_CPU"

// serve is the server process.
func serve(c Candidate, streams int, l link) error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var count atomic.Int64
	full := make(chan struct{})
	publish := c.serve(listener, func() {
		if count.Add(1) == int64(streams) {
			close(full)
		}
	})
	if err := l.answer(answer{Addr: listener.Addr().String()}); err != nil {
		return err
	}
	var began time.Duration // processor time when the event began
	for o := range l.orders() {
		switch o.Do {
		case "ready":
			select {
			case <-full:
			case <-time.After(patience):
				return fmt.Errorf("%d of %d streams are open", count.Load(), streams)
			}
			runtime.GC() // of what opening has left
			if prefix := os.Getenv(cpuEnv); prefix != "" {
				name := strings.NewReplacer(" ", "-", "/", "-", ",", "").Replace(c.Name)
				stop, err := child.ProfileCPU(prefix + name + ".cpu")
				if err != nil {
					return err
				}
				defer stop()
			}
			err = l.answer(answer{})
		case "send":
			data := eventData(o.Number, o.Size)
			began = child.CPUTime()
			if err := publish(data); err != nil {
				return err
			}
			err = l.answer(answer{CPU: child.CPUTime() - began})
		case "spent":
			err = l.answer(answer{CPU: child.CPUTime() - began})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
