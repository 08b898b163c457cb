package topic

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// appendBytes is the size of the data in the benchmarks.
const appendBytes = 100

// Who publishes pays for its copy of the data, the item and its cursor.
func BenchmarkAppend(b *testing.B) {
	data := make([]byte, appendBytes)
	for i := range data {
		data[i] = 'a'
	}
	run := func(name string, l *Log, each func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(appendBytes)
			for b.Loop() {
				if l.Append("type", data) == "" {
					b.Fatal("not stored")
				}
				if each != nil {
					each()
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
	run("readers=0", new(Log), nil)
	aged := &Log{MaxAge: 1 << 40}
	run("readers=0/age", aged, nil)
	aged.Close()

	for _, n := range []int{1, 100, 10_000} {
		l := new(Log)
		var called atomic.Int64
		stop := make(chan struct{})
		var wake func(c *Cursor)
		wake = func(c *Cursor) {
			l.Wake(Now, func() {
				called.Add(1)
				select {
				case <-stop:
				default:
					wake(c)
				}
			})
		}
		for range n {
			wake(nil)
		}
		run(fmt.Sprintf("wakers=%d", n), l, nil)
		close(stop)
		l.Close()
	}
}

// A reader far behind reads beside the one who publishes.
func BenchmarkAppendWithAReaderFarBehind(b *testing.B) {
	const behind = 1_000_000
	data := []byte("0123456789")
	for _, readers := range []int{0, 1} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			l := &Log{MaxItems: 2 * behind, MaxBytes: 1 << 30}
			for range behind {
				l.Append("", data)
			}
			var wg sync.WaitGroup
			ctx, cancel := context.WithCancel(context.Background())
			for range readers {
				wg.Go(func() {
					var after Cursor
					buf := make([]Item, 0, 64)
					for ctx.Err() == nil {
						items, err := l.Read(ctx, after, buf)
						if err != nil {
							after = "" // to the end, and once more
							continue
						}
						after = items[len(items)-1].Cursor
					}
				})
			}
			for b.Loop() {
				l.Append("", data)
			}
			cancel()
			wg.Wait()
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
