//go:build linux

package calls

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// process is a child of the test.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startChild(t *testing.T) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(exe)}
	p.cmd.Env = append(os.Environ(), childEnv+"=1", "GORACE=atexit_sleep_ms=0") // the end is nothing to wait for
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.in.Close()
		if p.cmd.ProcessState == nil {
			if err := p.cmd.Wait(); err != nil {
				t.Errorf("the child: %v", err)
			}
		}
	})
	return p
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) tell(order string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, order+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) hear() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func (p *process) order(order string) string {
	p.t.Helper()
	p.tell(order)
	return p.hear()
}

func (p *process) trace() *Trace {
	p.t.Helper()
	trace, err := Start(p.pid())
	if err != nil {
		p.t.Fatal(err)
	}
	return trace
}

// stop ends a trace and checks that the child lives on, traced by nobody.
func (p *process) stop(trace *Trace) Counts {
	p.t.Helper()
	c, err := trace.Stop()
	if err != nil {
		p.t.Fatal(err)
	}
	all, err := threads(p.pid())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, tid := range all {
		if tracer := p.status(tid, "TracerPid"); tracer != "0" && tracer != "" {
			p.t.Errorf("thread %d is traced by %s", tid, tracer)
		}
	}
	if got := p.order("new threads"); got != "done" {
		p.t.Errorf("the child answers %q after it was traced", got)
	}
	return c
}

// status returns a line of what /proc tells of a thread, "" where it is gone.
func (p *process) status(tid int, name string) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/status", p.pid(), tid))
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// lastNumber is above those of all calls, and below those of errors that calls
// return.
const lastNumber = 1000

// want checks what times makeCalls are counted as.
func want(t *testing.T, c Counts, times int64) {
	t.Helper()
	sums := map[kind]int64{read: sent, write: sent}
	for _, m := range made {
		sums[m.kind] += m.times
		if m.n == unix.SYS_READ || m.n == unix.SYS_WRITE {
			continue // the child reads orders and writes answers, too
		}
		if got := c.ByNumber[uint64(m.n)]; got != times*m.times {
			t.Errorf("%d of %s, want %d", got, m.name, times*m.times)
		}
	}
	if c.Reads != times*sums[read] || c.Writes != times*sums[write] {
		t.Errorf("%d reads and %d writes, want %d and %d", c.Reads, c.Writes, times*sums[read], times*sums[write])
	}
	waits := sums[wait]*times + c.ByNumber[unix.SYS_EPOLL_PWAIT] + c.ByNumber[unix.SYS_PSELECT6] // the runtime's own
	for _, n := range oldWaits {
		waits += c.ByNumber[n]
	}
	for n := range c.ByNumber {
		if n > lastNumber {
			t.Errorf("a call number %d is none", n)
		}
	}
	if c.Waits != waits {
		t.Errorf("%d waits, want %d", c.Waits, waits)
	}
}

// TestCounts: the calls of all threads, of those that are new too, and only
// those between Start and Stop.
func TestCounts(t *testing.T) {
	p := startChild(t)
	p.order("calls")
	trace := p.trace()
	p.order("calls")
	p.order("calls of new threads")
	p.order("calls")
	c := p.stop(trace)
	p.order("calls")
	want(t, c, 2+newThreads)
}

// TestDescriptors: what a descriptor is may change.
func TestDescriptors(t *testing.T) {
	p := startChild(t)
	trace := p.trace()
	p.order("descriptors")
	if c := p.stop(trace); c.Reads != overSockets || c.Writes != overSockets {
		t.Errorf("%d reads and %d writes of sockets, want %d of each", c.Reads, c.Writes, overSockets)
	}
}

// TestSignals: signals reach the process while it is traced, and change no
// count. Those of one number that wait together are one.
func TestSignals(t *testing.T) {
	p := startChild(t)
	p.order("signals") // it listens
	trace := p.trace()
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.NewTicker(200 * time.Microsecond); ; {
			select {
			case <-quit:
				tick.Stop()
				return
			case <-tick.C:
				p.cmd.Process.Signal(syscall.SIGUSR1)
				p.cmd.Process.Signal(syscall.SIGURG) // as the runtime does to itself
			}
		}
	}()
	for range 3 {
		p.order("calls of new threads")
	}
	close(quit)
	<-ended
	want(t, p.stop(trace), 3*newThreads)
	if n, err := strconv.Atoi(p.order("signals")); err != nil || n == 0 {
		t.Errorf("%d signals came, error %v", n, err)
	}
}

// TestThreadsComeAndGo: traces begin and end whatever the threads do meanwhile.
func TestThreadsComeAndGo(t *testing.T) {
	p := startChild(t)
	const orders, traces = 60, 15
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		for range orders {
			io.WriteString(p.in, "new threads\n")
		}
	}()
	heard := make(chan int)
	go func() {
		n := 0
		for range orders {
			if p.hearQuietly() == "done" {
				n++
			}
		}
		heard <- n
	}()
	for range traces {
		trace := p.trace()
		if _, err := trace.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	trace := p.trace()
	<-asked
	if n := <-heard; n != orders {
		t.Errorf("%d of %d orders were done", n, orders)
	}
	p.order("calls")
	want(t, p.stop(trace), 1)
}

// hearQuietly is hear for other goroutines than the test's.
func (p *process) hearQuietly() string {
	line, _ := p.out.ReadString('\n')
	return strings.TrimSpace(line)
}

// TestJobControl: a process that is stopped stays so until it is continued,
// whether a trace begins or ends meanwhile.
func TestJobControl(t *testing.T) {
	p := startChild(t)
	// stopped waits until all threads are in one of the states, as /proc has
	// them: T where nobody traces them, t where one does.
	stopped := func(states string) {
		t.Helper()
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			all, err := threads(p.pid())
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, tid := range all {
				if state := p.status(tid, "State"); state != "" && strings.Contains(states, state[:1]) {
					n++
				}
			}
			if n == len(all) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%d of %d threads are in one of the states %s", n, len(all), states)
			}
		}
	}
	for _, test := range []struct {
		name          string
		before, after bool // the process stops before Start, goes on after Stop
	}{
		{"all the time", true, true},
		{"when it begins", true, false},
		{"when it ends", false, true},
		{"meanwhile", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p.t = t
			signal := func(s syscall.Signal) {
				if err := p.cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			if test.before {
				signal(syscall.SIGSTOP)
				stopped("T")
			}
			trace := p.trace()
			p.tell("calls")
			if !test.before {
				signal(syscall.SIGSTOP)
			}
			stopped("tT")
			times := int64(0)
			if !test.after {
				signal(syscall.SIGCONT)
				p.hear()
				times = 1
			}
			c, err := trace.Stop()
			if err != nil {
				t.Fatal(err)
			}
			if test.after {
				stopped("T")
				signal(syscall.SIGCONT)
				p.hear()
			}
			if test.before || !test.after { // else it may have been stopped at any point
				want(t, c, times)
			}
			if got := p.order("calls"); got != "done" {
				t.Errorf("it answers %q afterwards", got)
			}
		})
	}
	p.t = t
}

// TestEnd: the end of a process ends the trace, and is left to who waits for it.
func TestEnd(t *testing.T) {
	for _, killed := range []bool{false, true} {
		p := startChild(t)
		trace := p.trace()
		p.order("calls of new threads")
		if killed {
			p.cmd.Process.Kill()
		} else {
			p.tell("exit")
		}
		<-trace.done // by itself
		c, err := trace.Stop()
		if !errors.Is(err, ErrEnded) {
			t.Errorf("killed is %v: error %v, want %v", killed, err, ErrEnded)
		}
		want(t, c, newThreads)
		var exit *exec.ExitError
		if err := p.cmd.Wait(); !errors.As(err, &exit) {
			t.Fatalf("killed is %v: the child's end: %v", killed, err)
		}
		status := exit.Sys().(syscall.WaitStatus)
		if killed && status.Signal() != syscall.SIGKILL || !killed && status.ExitStatus() != exitCode {
			t.Errorf("killed is %v: the child's end: %v", killed, exit)
		}
	}
}

// TestRefused: the error is the kernel's.
func TestRefused(t *testing.T) {
	if _, err := Start(os.Getpid()); !errors.Is(err, os.ErrPermission) { // none traces itself
		t.Errorf("error %v, want one that is %v", err, os.ErrPermission)
	}
	p := startChild(t)
	trace := p.trace()
	if _, err := Start(p.pid()); !errors.Is(err, os.ErrPermission) {
		t.Errorf("traced twice: error %v, want one that is %v", err, os.ErrPermission)
	}
	p.stop(trace)
	p.in.Close()
	p.cmd.Wait()
	if _, err := Start(p.pid()); !errors.Is(err, unix.ESRCH) {
		t.Errorf("error %v, want one that is %v", err, unix.ESRCH)
	}
}
