package pushwire

import (
	"math"
	"time"
)

// moment is a time of the monotonic clock in a third of the memory of a
// time.Time. The zero value is none.
type moment int64

// origin is some time that all moments are counted from.
var origin = time.Now()

func momentOf(t time.Time) moment { return moment(t.Sub(origin)) | 1 } // never 0

// exactly is momentOf where none need not be told from a time, for [moment.time].
func exactly(t time.Time) moment { return moment(t.Sub(origin)) }

// time returns m as a time.Time.
func (m moment) time() time.Time { return origin.Add(time.Duration(m)) }

// sub returns how long m is after t, below any duration for none.
func (m moment) sub(t time.Time) time.Duration {
	if m == 0 {
		return math.MinInt64
	}
	return time.Duration(m) - t.Sub(origin)
}
