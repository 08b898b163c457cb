package topic

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// appendBytes is the size of the data in the benchmarks.
const appendBytes = 100

// Who publishes pays for its copy of the data, the item and its cursor.
func BenchmarkAppend(b *testing.B) {
	data := make([]byte, appendBytes)
	for i := range data {
		data[i] = 'a'
	}
	run := func(name string, l *Log) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(appendBytes)
			for b.Loop() {
				if l.Append("type", data) == "" {
					b.Fatal("not stored")
				}
			}
		})
	}
	// What can't be saved: the memory of one item, without a log.
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		ring := make([]*entry, DefaultMaxItems)
		i := 0
		for b.Loop() {
			e := &entry{}
			e.item.Data = append([]byte(nil), data...)
			ring[i] = e
			if i++; i == len(ring) {
				i = 0
			}
		}
	})
	run("readers=0", new(Log))
	aged := &Log{MaxAge: 1 << 40}
	run("readers=0/age", aged)
	aged.Close()
}

// One publication to many who wait: how long it holds up who publishes, and how
// long until the last has been called. Each round begins when all wait.
func BenchmarkAppendToWakers(b *testing.B) {
	data := make([]byte, appendBytes)
	for _, n := range []int{0, 1, 100, 10_000} {
		b.Run(fmt.Sprintf("wakers=%d", n), func(b *testing.B) {
			l := new(Log)
			var called sync.WaitGroup
			f := called.Done
			var held, all []time.Duration
			for b.Loop() {
				called.Add(n)
				for range n {
					l.Wake(Now, f)
				}
				start := time.Now()
				l.Append("", data)
				held = append(held, time.Since(start))
				called.Wait()
				all = append(all, time.Since(start))
			}
			slices.Sort(held)
			slices.Sort(all)
			b.ReportMetric(float64(held[len(held)/2]), "ns/append-p50")
			b.ReportMetric(float64(held[len(held)*99/100]), "ns/append-p99")
			b.ReportMetric(float64(all[len(all)/2]), "ns/last-p50")
			b.ReportMetric(0, "ns/op") // the time to begin to wait is in it
		})
	}
}

// A reader that is never less than half a million items behind reads beside the
// one who publishes, as fast as it can. What that costs the publisher is to be
// compared with a reader of another log of the same size, which has nothing to
// do with it and takes as much of the machine.
func BenchmarkAppendWithAReaderFarBehind(b *testing.B) {
	const behind = 1_000_000
	data := []byte("0123456789")
	full := func() *Log {
		l := &Log{MaxItems: 2 * behind, MaxBytes: 1 << 30}
		for range behind {
			l.Append("", data)
		}
		return l
	}
	for _, reads := range []string{"nothing", "this log", "another log"} {
		b.Run("reader of "+reads, func(b *testing.B) {
			l := full()
			read := l
			if reads == "another log" {
				read = full()
			}
			var wg sync.WaitGroup
			quit := make(chan struct{})
			var items atomic.Int64
			if reads != "nothing" {
				wg.Go(func() {
					buf := make([]Item, 0, 64)
					for {
						after, n := Cursor(""), 0 // from the oldest item, again and again
						for n < behind/2 {
							select {
							case <-quit:
								return
							default:
							}
							got, err := read.Read(ended, after, buf)
							if err != nil {
								break // it was overtaken: not kept any more
							}
							after, n = got[len(got)-1].Cursor, n+len(got)
							items.Add(int64(len(got)))
						}
					}
				})
			}
			for b.Loop() {
				l.Append("", data)
			}
			close(quit)
			wg.Wait()
			b.ReportMetric(float64(items.Load())/float64(b.N), "read/op")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	l := new(Log)
	for range 1000 {
		l.Append("", []byte("0123456789"))
	}
	for _, n := range []int{1, 64, 1000} {
		b.Run(fmt.Sprintf("items=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]Item, 0, n)
			after := At(l.epoch, uint64(1000-n))
			for b.Loop() {
				if items, err := l.Read(ended, after, buf); err != nil || len(items) != n {
					b.Fatal(len(items), err)
				}
			}
		})
	}
}
