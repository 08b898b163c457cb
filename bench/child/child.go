//go:build linux

package child

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pushwire/pushwire/bench/servers"
)

const (
	serverEnv = "PUSHWIRE_BENCH_SERVER" // name of the candidate that the process serves
	cpuEnv    = "PUSHWIRE_BENCH_CPU"    // prefix of the files that get CPU profiles; none when empty
	heapEnv   = "PUSHWIRE_BENCH_HEAP"   // the same for heap profiles, which count every allocation and cost time
)

// Questions that a parent asks on standard input, a line each. The end of the
// input ends the process, so none outlives its parent.
const (
	askUsage = "usage"
	askAll   = "all"
)

// Main turns the process into a server if it was started as one, and returns
// otherwise. Programs that use this package call it first.
func Main() {
	name := os.Getenv(serverEnv)
	if name == "" {
		return
	}
	if os.Getenv(heapEnv) != "" {
		runtime.MemProfileRate = 1 // before the server allocates
	}
	if err := serve(name); err != nil {
		fmt.Fprintln(os.Stderr, "bench server:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(name string) error {
	c, err := servers.Find(name)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	file := strings.NewReplacer(" ", "-", "/", "-").Replace(name)
	if prefix := os.Getenv(cpuEnv); prefix != "" {
		stop, err := ProfileCPU(prefix + file + ".cpu")
		if err != nil {
			return err
		}
		defer stop()
	}
	failed := make(chan error, 1)
	go func() { failed <- c.Serve(l) }()
	answers := json.NewEncoder(os.Stdout)
	if err := answers.Encode(l.Addr().String()); err != nil {
		return err
	}
	questions := bufio.NewScanner(os.Stdin)
	for questions.Scan() {
		select {
		case err := <-failed:
			return err
		default:
		}
		if q := questions.Text(); q != askUsage && q != askAll {
			if c.Order == nil {
				return fmt.Errorf("%s takes no orders", name)
			}
			if err := c.Order(q); err != nil {
				return err
			}
		}
		u, err := usage()
		if err == nil && questions.Text() == askAll {
			err = u.holdings()
		}
		if err == nil && questions.Text() == askAll {
			if prefix := os.Getenv(heapEnv); prefix != "" {
				err = profileHeap(prefix + file + ".heap")
			}
		}
		if err != nil {
			return err
		}
		if err := answers.Encode(u); err != nil {
			return err
		}
	}
	return questions.Err()
}

// Process is a running server. One goroutine uses it.
type Process struct {
	Addr string // that it listens on

	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// Start starts this program again as the server of a candidate, or the program
// that the candidate has in its place, on one core and with one P, as the Go
// runtime chooses by itself there.
func Start(name string, core int) (*Process, error) {
	c, err := servers.Find(name)
	if err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.Command(exe)}
	if c.Command != nil {
		p.cmd = c.Command()
	}
	p.cmd.Env = append(os.Environ(), serverEnv+"="+name)
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := StartPinned(p.cmd, core); err != nil {
		return nil, err
	}
	p.out = json.NewDecoder(out)
	if err := p.out.Decode(&p.Addr); err != nil {
		p.Stop()
		return nil, fmt.Errorf("the server of %s did not start: %w", name, err)
	}
	return p, nil
}

// StartPinned starts cmd from a thread that is pinned to core: a new process
// inherits the affinity of the thread that made it.
func StartPinned(cmd *exec.Cmd, core int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := pinThread(0, core); err != nil {
		return err
	}
	defer unix.SchedSetaffinity(0, &before)
	return cmd.Start()
}

// PID is the server's process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Usage asks what the server has used so far.
func (p *Process) Usage() (Usage, error) { return p.ask(askUsage) }

// Holdings collects the server's garbage and asks what is left.
func (p *Process) Holdings() (Usage, error) { return p.ask(askAll) }

// Order has the server do something, and asks what it has used then.
func (p *Process) Order(order string) (Usage, error) { return p.ask(order) }

func (p *Process) ask(question string) (u Usage, err error) {
	if _, err := io.WriteString(p.in, question+"\n"); err != nil {
		return u, err
	}
	err = p.out.Decode(&u)
	return u, err
}

// Stop ends the server and waits for its end.
func (p *Process) Stop() error {
	p.in.Close()
	return p.cmd.Wait()
}
