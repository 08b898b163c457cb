//go:build linux

package child

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Cores returns a core for the server and one for the load generator, out of
// those that this process may use. Where there is only one, both are it.
func Cores() (server, load int, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, 0, err
	}
	server = -1
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			if server < 0 {
				server = i
			}
			load = i
		}
	}
	return server, load, nil
}

// PinSelf pins all threads of this process, and those that they start, to one
// core.
func PinSelf(core int) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := pinThread(id, core); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

// pinThread pins one thread; 0 is the caller's.
func pinThread(id, core int) error {
	var set unix.CPUSet
	set.Set(core)
	return unix.SchedSetaffinity(id, &set)
}
