//go:build unix

package storm

import (
	"os"
	"syscall"
	"time"
)

const canLimit = true

// limitDescriptors lets this process have so many descriptors and no more.
func limitDescriptors(n uint64) error {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return err
	}
	set(&r.Cur, n)
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r)
}

// set is for the field of a Rlimit, whose type depends on the system.
func set[T int64 | uint64](field *T, n uint64) { *field = T(n) }

// cpuTime returns what this process has used of its processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// hold stops a process, and goOn lets it run again.
func hold(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }
func goOn(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
