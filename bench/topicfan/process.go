//go:build linux

package topicfan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/topic"
)

// Variables that tell a process what it is.
const (
	roleEnv = "PUSHWIRE_BENCH_TOPIC"      // the candidate
	addrEnv = "PUSHWIRE_BENCH_TOPIC_ADDR" // of the server; empty in the server itself
	cpuEnv  = "PUSHWIRE_BENCH_CPU"        // prefix of the files that get CPU profiles; none when empty
)

// patience is how long anything may take before it counts as stuck.
const patience = 2 * time.Minute

// order is a line of JSON from the parent. The end of the orders ends the
// process, so none outlives its parent.
type order struct {
	Do           string // server: ready, collect, epoch, publish, spent, hold; client: open, await, again
	Readers      int    `json:",omitempty"` // ready, open
	Number, Size int    `json:",omitempty"` // publish
	Want         []byte `json:",omitempty"` // await: the bytes of the item
}

// answer is a line of JSON to the parent.
type answer struct {
	Addr    string        `json:",omitempty"`
	Cursor  topic.Cursor  `json:",omitempty"` // epoch: of the last item
	At      int64         `json:",omitempty"` // monotonic time of the machine: when publishing began, when the last reader had the item
	CPU     time.Duration `json:",omitempty"` // spent: since publishing began
	Readers int           `json:",omitempty"` // that have the item
	Held    child.Usage   // hold
}

// now is the same clock in all processes.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err) // it fails only for bad arguments
	}
	return ts.Nano()
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

// Main turns the process into a server or client if it was started as one,
// and returns otherwise. Programs that use this package call it first.
func Main() {
	name := os.Getenv(roleEnv)
	if name == "" {
		return
	}
	c, err := find(name)
	if err != nil {
		fail(err)
	}
	l := link{in: json.NewDecoder(os.Stdin), out: json.NewEncoder(os.Stdout)}
	if addr := os.Getenv(addrEnv); addr != "" {
		err = receive(c, addr, l)
	} else {
		err = serve(c, l)
	}
	if err != nil {
		fail(err)
	}
	os.Exit(0)
}

// fail ends the process. The one that started it sees its output end.
func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench topicfan:", err)
	os.Exit(1)
}

// serve is the server process.
func serve(c Candidate, l link) error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := c.start(listener)
	if err := l.answer(answer{Addr: listener.Addr().String()}); err != nil {
		return err
	}
	var cpu time.Duration
	profiled := false
	for o := range l.orders() {
		var a answer
		switch o.Do {
		case "ready":
			for end := time.Now().Add(patience); s.waiting() != o.Readers; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					return fmt.Errorf("%d of %d readers wait", s.waiting(), o.Readers)
				}
			}
		case "collect":
			runtime.GC() // of what opening has left
			if prefix := os.Getenv(cpuEnv); prefix != "" && !profiled {
				profiled = true
				stop, err := child.ProfileCPU(prefix + strings.NewReplacer(" ", "-", "/", "-", ",", "").Replace(c.Name) + ".cpu")
				if err != nil {
					return err
				}
				defer stop()
			}
		case "publish":
			data := itemData(o.Number, o.Size)
			cpu = child.CPUTime()
			a.At = now()
			if err := s.publish(data); err != nil {
				return err
			}
		case "epoch":
			if a.Cursor, err = s.head(); err != nil {
				return err
			}
		case "spent":
			a.CPU = child.CPUTime() - cpu
		case "hold":
			if a.Held, err = child.Holdings(); err != nil {
				return err
			}
		}
		if err := l.answer(a); err != nil {
			return err
		}
	}
	return nil
}

// process is the parent's end.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

func start(c Candidate, addr string, core int) (p *process, a answer, err error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, a, err
	}
	p = &process{cmd: exec.Command(exe)}
	p.cmd.Env = append(os.Environ(), roleEnv+"="+c.Name, addrEnv+"="+addr)
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, a, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, a, err
	}
	if err := child.StartPinned(p.cmd, core); err != nil {
		return nil, a, err
	}
	p.out = json.NewDecoder(out)
	if err := p.out.Decode(&a); err != nil {
		return nil, a, errors.Join(err, p.stop())
	}
	return p, a, nil
}

func (p *process) tell(o order) error {
	line, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = p.in.Write(append(line, '\n'))
	return err
}

func (p *process) hear() (a answer, err error) {
	err = p.out.Decode(&a)
	return a, err
}

func (p *process) ask(o order) (answer, error) {
	if err := p.tell(o); err != nil {
		return answer{}, err
	}
	return p.hear()
}

func (p *process) stop() error {
	p.in.Close()
	return p.cmd.Wait()
}
