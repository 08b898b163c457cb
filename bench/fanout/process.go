//go:build linux

package fanout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/pushwire/pushwire/bench/child"
)

// Variables that tell a process what it is.
const (
	roleEnv    = "PUSHWIRE_BENCH_FANOUT" // the candidate
	streamsEnv = "PUSHWIRE_BENCH_FANOUT_STREAMS"
	addrEnv    = "PUSHWIRE_BENCH_FANOUT_ADDR" // of the server; empty in the server itself
)

// order is a line of JSON from the parent. The end of the orders ends the
// process, so none outlives its parent.
type order struct {
	Do           string // server: ready, send, spent; client: open, await
	Number, Size int    // of the event
}

// answer is a line of JSON to the parent.
type answer struct {
	Addr    string        `json:",omitempty"`
	CPU     time.Duration `json:",omitempty"` // since the event began
	Streams int           `json:",omitempty"` // that are open, and have got the event
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
	streams, err := strconv.Atoi(os.Getenv(streamsEnv))
	if err != nil {
		fail(err)
	}
	l := link{in: json.NewDecoder(os.Stdin), out: json.NewEncoder(os.Stdout)}
	if addr := os.Getenv(addrEnv); addr != "" {
		err = receive(c, addr, streams, l)
	} else {
		err = serve(c, streams, l)
	}
	if err != nil {
		fail(err)
	}
	os.Exit(0)
}

// process is the parent's end.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

func start(c Candidate, streams int, addr string, core int) (p *process, a answer, err error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, a, err
	}
	p = &process{cmd: exec.Command(exe)}
	p.cmd.Env = append(os.Environ(), roleEnv+"="+c.Name, streamsEnv+"="+strconv.Itoa(streams), addrEnv+"="+addr)
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

func (p *process) ask(o order) (a answer, err error) {
	line, err := json.Marshal(o)
	if err != nil {
		return a, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return a, err
	}
	err = p.out.Decode(&a)
	return a, err
}

func (p *process) stop() error {
	p.in.Close()
	return p.cmd.Wait()
}

// Streams are the open streams of one candidate. One goroutine uses it.
type Streams struct {
	c              Candidate
	n              int
	server, client *process
}

// Open starts server and client of each candidate on a core each, the server
// with one P as the Go runtime chooses by itself there, and opens n streams of
// each. They open in turns: of two equal candidates the one that was opened
// last cost a twentieth less, most likely because the kernel puts a new
// connection in front of its hash chain.
func Open(all []Candidate, n, serverCore, clientCore int) (open []*Streams, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, Close(open))
			open = nil
		}
	}()
	for _, c := range all {
		s := &Streams{c: c, n: n}
		open = append(open, s)
		var a answer
		if s.server, a, err = start(c, n, "", serverCore); err == nil {
			s.client, _, err = start(c, n, a.Addr, clientCore)
		}
		if err != nil {
			return open, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	for opened := 0; opened < n; opened += atOnce {
		for _, s := range open {
			if _, err := s.client.ask(order{Do: "open"}); err != nil {
				return open, fmt.Errorf("%s: the client: %w", s.c.Name, err)
			}
		}
	}
	for _, s := range open {
		if _, err := s.server.ask(order{Do: "ready"}); err != nil {
			return open, fmt.Errorf("%s: the server: %w", s.c.Name, err)
		}
	}
	return open, nil
}

// ServerPID is the server's process.
func (s *Streams) ServerPID() int { return s.server.cmd.Process.Pid }

// Send sends an event of size bytes, as ours encodes it, to all streams and
// waits until each client has got it, and nothing else. It returns the user and
// system time of the server process. A number makes the event another one.
func (s *Streams) Send(number, size int) (time.Duration, error) {
	spent, err := s.server.ask(order{Do: "send", Number: number, Size: size})
	if err != nil {
		return 0, fmt.Errorf("%s: the server: %w", s.c.Name, err)
	}
	got, err := s.client.ask(order{Do: "await", Number: number, Size: size})
	if err != nil {
		return 0, fmt.Errorf("%s: the client: %w", s.c.Name, err)
	}
	if got.Streams != s.n {
		return 0, fmt.Errorf("%s: %d of %d streams got the event", s.c.Name, got.Streams, s.n)
	}
	if s.c.late {
		if spent, err = s.server.ask(order{Do: "spent"}); err != nil {
			return 0, fmt.Errorf("%s: the server: %w", s.c.Name, err)
		}
	}
	return spent.CPU, nil
}

// Close ends all processes and waits for their ends.
func Close(all []*Streams) error {
	var errs []error
	for _, s := range all {
		for _, p := range []*process{s.server, s.client} { // the server first: it must not see clients go
			if p != nil {
				errs = append(errs, p.stop())
			}
		}
	}
	return errors.Join(errs...)
}
