//go:build unix

package pushwire

import (
	"math"
	"syscall"
)

// descriptors returns how many descriptors the process may have open.
func descriptors() uint64 {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return math.MaxUint64
	}
	return uint64(r.Cur)
}
