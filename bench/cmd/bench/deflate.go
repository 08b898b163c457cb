//go:build linux

package main

import (
	"bytes"
	"fmt"
	"runtime"
	"time"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/deflaters"
	"github.com/pushwire/pushwire/bench/report"
	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/internal/feed"
)

var deflateSizes = []int{512, 4 << 10}

// deflateSpan is the processor time after which no further pass over the
// messages begins.
const deflateSpan = 50 * time.Millisecond

// deflates measures compressors and inflaters, each with the messages of one
// connection, on one P.
func deflates(s settings, r *report.Results) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for round := range s.rounds {
		for _, size := range deflateSizes {
			messages := feed.Messages(uint64(size), s.messages, size)
			for _, takeover := range []bool{true, false} {
				for _, c := range deflaters.Compressors {
					values, err := compressRound(c, takeover, messages)
					if err != nil {
						return fmt.Errorf("%s, messages of %d bytes: %w", c.Name, size, err)
					}
					r.Add(report.Sample{Case: report.DeflateCase(size, takeover), Candidate: c.Name, Round: round + 1, Values: values})
				}
				packed := compressAll(takeover, messages)
				for _, c := range deflaters.Inflaters {
					values, err := inflateRound(c, takeover, messages, packed)
					if err != nil {
						return fmt.Errorf("%s, messages of %d bytes: %w", c.Name, size, err)
					}
					r.Add(report.Sample{Case: report.InflateCase(size, takeover), Candidate: c.Name, Round: round + 1, Values: values})
				}
			}
		}
	}
	return nil
}

// compressRound checks one pass over the messages, measures as many as fill
// the time, and then what the garbage collector leaves of the compressor.
func compressRound(c deflaters.Compressor, takeover bool, messages [][]byte) (map[string]float64, error) {
	var dst, window []byte
	appendTo := c.New(takeover)
	inflate := deflaters.Inflaters[0].New()
	in, out := 0, 0
	for i, p := range messages {
		dst = appendTo(dst[:0], p)
		got, err := inflate(nil, window, dst)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(got, p) {
			return nil, fmt.Errorf("message %d is not what it was", i)
		}
		if takeover {
			window = deflate.AppendHistory(window, c.Bits, p)
		}
		in += len(p)
		out += len(dst)
	}
	runtime.GC()
	begin, calls := child.CPUTime(), 0
	for child.CPUTime()-begin < deflateSpan {
		for _, p := range messages {
			dst = appendTo(dst[:0], p)
		}
		calls += len(messages)
	}
	cpu := child.CPUTime() - begin
	with := heapBytes()
	runtime.KeepAlive(appendTo)
	appendTo = nil
	without := heapBytes()
	runtime.KeepAlive(dst)
	runtime.KeepAlive(window)
	runtime.KeepAlive(messages)
	pooled := 0.0
	if c.Pooled {
		pooled = 1
	}
	return map[string]float64{
		"ns":         float64(cpu) / float64(calls),
		"ratio":      float64(out) / float64(in),
		"heap_bytes": float64(with - without),
		"pooled":     pooled,
	}, nil
}

// compressAll returns the messages as the inflaters get them, with a window of
// 4 KiB.
func compressAll(takeover bool, messages [][]byte) [][]byte {
	var z deflate.Compressor
	var window []byte
	packed := make([][]byte, len(messages))
	for i, p := range messages {
		packed[i] = z.Append(nil, window, 1, 12, true, p)
		if takeover {
			window = deflate.AppendHistory(window, 12, p)
		}
	}
	return packed
}

func inflateRound(c deflaters.Inflater, takeover bool, messages, packed [][]byte) (map[string]float64, error) {
	appendTo := c.New()
	var dst []byte
	pass := func(check bool) error {
		var window []byte
		for i, p := range packed {
			var err error
			if dst, err = appendTo(dst[:0], window, p); err != nil {
				return err
			}
			if check && !bytes.Equal(dst, messages[i]) {
				return fmt.Errorf("message %d is not what it was", i)
			}
			if takeover {
				window = deflate.AppendHistory(window, 12, dst)
			}
		}
		return nil
	}
	if err := pass(true); err != nil {
		return nil, err
	}
	runtime.GC()
	begin, calls := child.CPUTime(), 0
	for child.CPUTime()-begin < deflateSpan {
		if err := pass(false); err != nil {
			return nil, err
		}
		calls += len(packed)
	}
	cpu := child.CPUTime() - begin
	with := heapBytes()
	runtime.KeepAlive(appendTo)
	appendTo = nil
	without := heapBytes()
	runtime.KeepAlive(dst)
	runtime.KeepAlive(packed)
	runtime.KeepAlive(messages)
	return map[string]float64{
		"ns":         float64(cpu) / float64(calls),
		"heap_bytes": float64(with - without),
	}, nil
}

// heapBytes is what lives on the heap. Two collections empty the pools too.
func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
