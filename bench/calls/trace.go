//go:build linux

package calls

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ErrEnded says that the process ended while it was traced.
var ErrEnded = errors.New("calls: the process has ended")

// patience is how long the threads of a process get to stop when a trace
// begins, and when it ends.
const patience = 10 * time.Second

// Pauses between two looks at what the process does: the first after it has
// done something, which doubles up to the last.
const (
	firstPause = 4 * time.Microsecond
	lastPause  = 128 * time.Microsecond
)

// Trace counts the system calls of a process until Stop.
type Trace struct {
	stop   atomic.Bool
	done   chan struct{}
	counts Counts // these two once done is closed
	err    error
}

// Start begins to count the calls of a process. The error is that of the
// kernel, unix.EPERM where it does not allow it.
func Start(pid int) (*Trace, error) {
	t := &Trace{done: make(chan struct{})}
	begun := make(chan struct{})
	go onOwnThread(func() {
		defer close(t.done)
		r := tracer{counter: newCounter(pid), threads: map[int]bool{}, stop: &t.stop, begun: begun}
		t.err = r.run()
		t.counts = r.Counts
	})
	select {
	case <-begun:
		return t, nil
	case <-t.done:
		return nil, fmt.Errorf("calls: process %d can't be traced: %w", pid, t.err)
	}
}

// Stop ends the trace and returns what it has counted. Where the process has
// ended meanwhile the error is ErrEnded, and Counts are those until then.
func (t *Trace) Stop() (Counts, error) {
	t.stop.Store(true)
	<-t.done
	return t.counts, t.err
}

// onOwnThread runs f on a thread that has no children, since waiting for all
// that a thread traces is waiting for its children too, and that ends with f:
// the kernel lets go then of all that is still traced. The main thread of a
// program in Go never ends.
func onOwnThread(f func()) {
	runtime.LockOSThread()
	if _, _, err := peek(); err == unix.ECHILD && unix.Gettid() != os.Getpid() {
		f()
		return // locked
	}
	defer runtime.UnlockOSThread()
	done := make(chan struct{})
	go func() { // it can't get this thread
		defer close(done)
		onOwnThread(f)
	}()
	<-done
}

// tracer is what the tracing thread knows. Only this thread uses it.
//
// It begins in the phase of starting, which ends when each thread has stopped
// once, is counting until it is told to stop, and stopping until each thread
// has stopped once more and was let go.
type tracer struct {
	counter
	phase   phase
	since   time.Time     // of the phase
	threads map[int]bool  // the known ones; whether it is counted
	stop    *atomic.Bool  // set by another thread
	begun   chan struct{} // closed at the end of starting
}

type phase int

const (
	starting phase = iota
	counting
	stopping
)

func (t *tracer) enter(p phase) { t.phase, t.since = p, time.Now() }

func (t *tracer) run() error {
	t.enter(starting)
	if err := t.seize(); err != nil {
		return err
	}
	if err := besides(t.pid); err != nil {
		return err
	}
	pause := firstPause
	for {
		switch {
		case t.phase == starting && t.all():
			t.enter(counting)
			close(t.begun)
		case t.phase == counting && t.stop.Load():
			t.enter(stopping)
			for tid := range t.threads {
				ptrace(unix.PTRACE_INTERRUPT, tid, 0) // it fails where the thread has ended
			}
		}
		tid, ended, err := peek()
		switch {
		case err == unix.EINTR:
		case err == unix.ECHILD && t.phase == stopping:
			return nil
		case err == unix.ECHILD || ended && tid == t.pid: // the end of a process is left to who started it
			return ErrEnded
		case err != nil:
			return err
		case tid == 0:
			if t.phase != counting && time.Since(t.since) > patience {
				return fmt.Errorf("calls: threads of process %d did not stop in %v", t.pid, patience)
			}
			ts := unix.NsecToTimespec(int64(pause))
			unix.Nanosleep(&ts, nil) // a signal may end it
			pause = min(2*pause, lastPause)
		default:
			pause = firstPause
			if err := t.serve(tid); err != nil {
				return err
			}
		}
	}
}

// besides makes this thread run where the process does, which rests whenever
// this thread works: somewhere else they might wait for a third one that spins.
// Its pauses are as short as they can be.
func besides(pid int) error {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &set); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
}

// seize begins to trace all threads and has each of them stop. Those that they
// start from now on are traced by themselves. It ends when there is none that
// it has not seen: whatever starts threads is traced then.
func (t *tracer) seize() error {
	seen := map[int]bool{}
	for tids := []int{t.pid}; len(tids) > 0; {
		for _, tid := range tids {
			seen[tid] = true
			switch err := ptrace(unix.PTRACE_SEIZE, tid, options); {
			case err == nil:
				t.threads[tid] = false
				if err := ptrace(unix.PTRACE_INTERRUPT, tid, 0); err != nil && err != unix.ESRCH && err != unix.EIO {
					return err
				}
			case tid == t.pid:
				return err
			case err == unix.EPERM: // it is traced by itself, or about to end
			case err != unix.ESRCH:
				return err
			}
		}
		all, err := threads(t.pid)
		if err != nil {
			return err
		}
		tids = tids[:0]
		for _, tid := range all {
			if !seen[tid] {
				tids = append(tids, tid)
			}
		}
	}
	return nil
}

// all reports whether all known threads are counted.
func (t *tracer) all() bool {
	for _, counted := range t.threads {
		if !counted {
			return false
		}
	}
	return true
}

// serve has a thread go on that has stopped or ended.
func (t *tracer) serve(tid int) error {
	var status unix.WaitStatus
	if got, err := unix.Wait4(tid, &status, waitMine, nil); got != tid {
		if err == unix.EINTR || err == unix.ECHILD {
			err = nil // it is looked for again
		}
		return err
	}
	if !status.Stopped() {
		delete(t.threads, tid)
		return nil
	}
	t.threads[tid] = true
	sig, event := status.StopSignal(), int(status)>>16
	request, pass := unix.PTRACE_SYSCALL, uintptr(0)
	switch {
	case sig == syscallStop:
		info, err := syscallAt(tid)
		if err != nil && err != unix.ESRCH {
			return fmt.Errorf("calls: the kernel does not say what is called: %w", err)
		}
		if info.op == unix.PTRACE_SYSCALL_INFO_ENTRY {
			t.call(info.n, info.args)
		}
	case event == unix.PTRACE_EVENT_STOP && sig != unix.SIGTRAP:
		request = unix.PTRACE_LISTEN // the process was stopped, and stays so until SIGCONT
	case event == 0:
		pass = uintptr(sig) // on its way to the thread
	default: // it was interrupted, is new, or has started a new one
	}
	if t.phase == stopping {
		request = unix.PTRACE_DETACH
	}
	if err := ptrace(request, tid, pass); err != nil && err != unix.ESRCH { // it was killed meanwhile
		return err
	}
	return nil
}
