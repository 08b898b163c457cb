//go:build linux

package child

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"syscall"
	"time"
)

// Usage is what a server process has used and holds.
type Usage struct {
	CPU time.Duration // user and system time of the whole process

	Resident   int64 // bytes, from smaps_rollup
	Heap       int64 // bytes of live and not yet swept objects
	Stack      int64 // bytes of goroutine stacks
	Goroutines int
}

// Holdings is what this process has used and holds once it has thrown away all
// that it can.
func Holdings() (Usage, error) {
	u, err := usage()
	if err == nil {
		err = u.holdings()
	}
	return u, err
}

func usage() (Usage, error) {
	var u Usage
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return u, err
	}
	u.CPU = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	return u, nil
}

// holdings adds to u what the process holds once it has thrown away all that
// it can.
func (u *Usage) holdings() error {
	runtime.GC() // twice: a sync.Pool keeps its content for one round
	runtime.GC()
	debug.FreeOSMemory()
	kb, err := procField("/proc/self/smaps_rollup", "Rss:")
	if err != nil {
		return err
	}
	u.Resident = kb << 10
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	u.Heap, u.Stack = int64(s[0].Value.Uint64()), int64(s[1].Value.Uint64())
	u.Goroutines = runtime.NumGoroutine()
	return nil
}

// procField returns the number after name in a file of /proc.
func procField(file, name string) (int64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	_, b, _ = bytes.Cut(b, []byte(name))
	fields := bytes.Fields(b)
	if len(fields) == 0 {
		return 0, &os.PathError{Op: "find " + name, Path: file, Err: os.ErrNotExist}
	}
	return strconv.ParseInt(string(fields[0]), 10, 64)
}
