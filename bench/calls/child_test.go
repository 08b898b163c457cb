//go:build linux

package calls

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pushwire/pushwire/internal/leaktest"
)

// The process that is traced is this test's program once more. It does what a
// line of its input says, and answers with a line.

const childEnv = "PUSHWIRE_CALLS_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		leaktest.Main(m)
	}
	if err := child(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// exitCode is that of a child that was told to exit.
const exitCode = 3

func child() error {
	var signals atomic.Int64
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGUSR1)
	go func() {
		for range heard {
			signals.Add(1)
		}
	}()
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		var err error
		var answer any = "done"
		switch order := orders.Text(); order {
		case "calls":
			err = makeCalls()
		case "calls of new threads":
			err = onThreads(newThreads, makeCalls)
		case "new threads":
			err = onThreads(newThreads, func() error { return nil })
		case "descriptors":
			err = reuseDescriptors()
		case "signals":
			answer = signals.Load()
		case "exit":
			os.Exit(exitCode)
		default:
			err = fmt.Errorf("what is %q?", order)
		}
		if err != nil {
			return err
		}
		fmt.Println(answer)
	}
	return orders.Err()
}

// newThreads is how many of them there are at a time.
const newThreads = 8

// onThreads runs f on n new threads at once, which end with it.
func onThreads(n int, f func() error) error {
	errs := make(chan error, n)
	var all sync.WaitGroup
	all.Add(n)
	for range n {
		go func() {
			runtime.LockOSThread() // for good
			all.Done()
			all.Wait() // so that none has a thread after another
			errs <- f()
		}()
	}
	var err error
	for range n {
		err = errors.Join(err, <-errs)
	}
	return err
}

// made says how often makeCalls makes a call with a socket as its first
// argument. All fail or move nothing, so no signal has one made twice.
var made = []struct {
	name  string
	n     uintptr
	times int64
	kind  kind
	third uintptr // argument; all others are 0
}{
	{"read", unix.SYS_READ, 3, read, 0},
	{"readv", unix.SYS_READV, 5, read, 0},
	{"recvfrom", unix.SYS_RECVFROM, 7, read, 0},
	{"recvmsg", unix.SYS_RECVMSG, 11, read, 0},
	{"recvmmsg", unix.SYS_RECVMMSG, 13, read, 0},
	{"write", unix.SYS_WRITE, 17, write, 0},
	{"writev", unix.SYS_WRITEV, 19, write, 0},
	{"sendto", unix.SYS_SENDTO, 23, write, 0},
	{"sendmsg", unix.SYS_SENDMSG, 29, write, 0},
	{"sendmmsg", unix.SYS_SENDMMSG, 31, write, 0},
	{"ppoll", unix.SYS_PPOLL, 37, wait, ^uintptr(0)}, // no address of a time
	{"epoll_pwait2", unix.SYS_EPOLL_PWAIT2, 41, wait, 0},
	{"getsockname", unix.SYS_GETSOCKNAME, 43, other, 0},
}

// makeCalls makes the calls of made, and sends some bytes.
func makeCalls() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	for _, c := range made {
		for range c.times {
			unix.RawSyscall6(c.n, uintptr(pair[0]), 0, c.third, 0, 0, 0)
		}
	}
	return send(pair[1], pair[0], sent)
}

// sent is how many bytes makeCalls sends.
const sent = 47

// send sends bytes from one descriptor to another, each by itself.
func send(from, to, n int) error {
	for i := range n {
		if n, err := unix.Write(from, []byte{byte(i)}); n != 1 {
			return fmt.Errorf("a write: %d, %v", n, err)
		}
		var b [2]byte
		if n, err := unix.Read(to, b[:]); n != 1 || b[0] != byte(i) {
			return fmt.Errorf("a read: %d, %v, bytes % x", n, err, b)
		}
	}
	return nil
}

// overSockets is how many bytes reuseDescriptors sends over sockets.
const overSockets = 2 + 8 + 32

// reuseDescriptors sends over sockets and pipes that have the same descriptors,
// one after the other: by dup3, by close, by close_range.
func reuseDescriptors() error {
	sockets, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	var at [2]int // where they are in turns
	if err := unix.Pipe2(at[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	put := func(pair [2]int, n int) error {
		for i := range at {
			if fd, err := unix.FcntlInt(uintptr(pair[i]), unix.F_DUPFD_CLOEXEC, at[i]); fd != at[i] {
				return fmt.Errorf("descriptor %d in place of %d, %v", fd, at[i], err)
			}
		}
		return send(at[1], at[0], n)
	}
	err = errors.Join(send(at[1], at[0], 1),
		unix.Dup3(sockets[0], at[0], unix.O_CLOEXEC), unix.Dup3(sockets[1], at[1], unix.O_CLOEXEC), send(at[1], at[0], 2),
		unix.Close(at[0]), unix.Close(at[1]), put(pipe, 4),
		unix.CloseRange(uint(at[0]), uint(at[0]), 0), unix.CloseRange(uint(at[1]), uint(at[1]), 0), put(sockets, 8),
		unix.Dup3(pipe[0], at[0], unix.O_CLOEXEC), unix.Dup3(pipe[1], at[1], unix.O_CLOEXEC), send(at[1], at[0], 16),
		unix.Close(at[0]), unix.Close(at[1]), put(sockets, 32))
	for _, fd := range [...]int{sockets[0], sockets[1], pipe[0], pipe[1], at[0], at[1]} {
		err = errors.Join(err, unix.Close(fd))
	}
	return err
}
