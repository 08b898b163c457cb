// Package held measures what a process holds, for tests that say what one
// attacker may cost, and has what attackers do in all of them:
//
//	before := held.Bytes()
//	... a hundred attackers do what they do, and stay
//	each := (held.Bytes() - before) / 100
package held

import (
	"runtime"
	"time"
)

const (
	look  = 3 * time.Millisecond // between two looks
	looks = 200                  // at most
	quiet = 16 << 10             // bytes by which two looks may differ that agree
	agree = 4                    // looks in a row that end it
)

// Bytes returns the bytes of heap and stacks in use once they stand still,
// which is when whoever is under way has taken all that was sent to it.
func Bytes() int64 {
	last, still := now(), 0
	for range looks {
		time.Sleep(look)
		n := now()
		if d := n - last; max(d, -d) < quiet {
			still++
		} else {
			still = 0
		}
		if last = n; still == agree {
			break
		}
	}
	return last
}

func now() int64 {
	runtime.GC() // what it finds in pools goes with the next look's
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
