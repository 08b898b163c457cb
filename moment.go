package pushwire

import (
	"math"
	"time"
)

// moment is a time of the monotonic clock in a third of the memory of a
// time.Time.
type moment int64

// origin is some time that all moments are counted from.
var origin = time.Now()

// now reads one clock where time.Now reads two.
func now() moment { return moment(time.Since(origin)) }

func momentOf(t time.Time) moment { return moment(t.Sub(origin)) | 1 } // never 0

// add returns the moment d later, which d must not be below 0.
func (m moment) add(d time.Duration) moment {
	if sum := m + moment(d); sum >= m {
		return sum
	}
	return math.MaxInt64 // in centuries
}

// sub returns how long m is after t.
func (m moment) sub(t moment) time.Duration { return time.Duration(m - t) }

// time returns m as a time.Time, for who looks at its monotonic part: its wall
// clock is that of origin, whatever has become of it since.
func (m moment) time() time.Time { return origin.Add(time.Duration(m)) }
