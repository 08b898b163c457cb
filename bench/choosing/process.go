//go:build linux

package choosing

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"time"

	"github.com/pushwire/pushwire/bench/child"
)

// serverEnv tells a process that it is a server.
const serverEnv = "PUSHWIRE_BENCH_CHOOSING"

// order is a line of JSON from the parent. The end of the orders ends the
// process, so none outlives its parent.
type order struct {
	Do     string        // open, publish, waiting, spent, hold
	Topics int           `json:",omitempty"` // open
	Gap    time.Duration `json:",omitempty"` // publish: between two messages of a topic, on average
	Seed   uint64        `json:",omitempty"` // publish
}

// answer is a line of JSON to the parent.
type answer struct {
	Addr      string        `json:",omitempty"` // open
	Waiting   int           `json:",omitempty"` // waiting: clients that are not between two polls
	CPU       time.Duration `json:",omitempty"` // spent: user and system time of the process so far
	Published int64         `json:",omitempty"` // spent: messages so far
	Held      child.Usage   // hold
}

// link is a child's end.
type link struct {
	in  *json.Decoder
	out *json.Encoder
}

func (l link) answer(a answer) error { return l.out.Encode(a) }

func (l link) orders() iter.Seq[order] {
	return func(yield func(order) bool) {
		for {
			var o order
			if l.in.Decode(&o) != nil || !yield(o) {
				return
			}
		}
	}
}

// Main turns the process into a server if it was started as one, and returns
// otherwise. Programs that use this package call it first.
func Main() {
	if os.Getenv(serverEnv) == "" {
		return
	}
	if err := serve(link{in: json.NewDecoder(os.Stdin), out: json.NewEncoder(os.Stdout)}); err != nil {
		fail(err)
	}
	os.Exit(0)
}

// fail ends the process. The one that started it sees its output end.
func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench choosing:", err)
	os.Exit(1)
}

// process is the parent's end of a server. One goroutine uses it.
type process struct {
	addr string

	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// start starts a server with this many topics on one core, and with one P, as
// the Go runtime chooses by itself there.
func start(topics, core int) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(exe)}
	p.cmd.Env = append(os.Environ(), serverEnv+"=1")
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.StartPinned(p.cmd, core); err != nil {
		return nil, err
	}
	p.out = json.NewDecoder(out)
	a, err := p.ask(order{Do: "open", Topics: topics})
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	p.addr = a.Addr
	return p, nil
}

func (p *process) ask(o order) (a answer, err error) {
	line, err := json.Marshal(o)
	if err != nil {
		return a, err
	}
	if _, err = p.in.Write(append(line, '\n')); err != nil {
		return a, err
	}
	err = p.out.Decode(&a)
	return a, err
}

func (p *process) stop() error {
	p.in.Close()
	return p.cmd.Wait()
}
