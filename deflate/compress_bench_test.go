package deflate_test

import (
	"compress/flate"
	"fmt"
	"io"
	"testing"

	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/internal/feed"
)

// BenchmarkCompress goes through messages of one connection, with a history of
// 4 KiB and without; "ratio" is compressed over plain. bench/ has the peers.
func BenchmarkCompress(b *testing.B) {
	for _, size := range []int{512, 4096} {
		messages := feed.Messages(1, 200, size)
		for _, takeover := range []bool{true, false} {
			name := fmt.Sprintf("%d/takeover=%t/", size, takeover)
			for _, level := range []int{1, 2, 3, 6, 9} {
				b.Run(fmt.Sprintf("%slevel%d", name, level), func(b *testing.B) {
					var z deflate.Compressor
					var window, dst []byte
					in, out := 0, 0
					b.ReportAllocs()
					for i := 0; b.Loop(); i++ {
						p := messages[i%len(messages)]
						dst = z.Append(dst[:0], window, level, 12, true, p)
						if takeover {
							window = deflate.AppendHistory(window, 12, p)
						}
						in += len(p)
						out += len(dst)
					}
					b.ReportMetric(float64(out)/float64(in), "ratio")
				})
			}
			for _, level := range []int{1, 6} {
				b.Run(fmt.Sprintf("%scompress/flate%d", name, level), func(b *testing.B) {
					var out byteCounter
					w, err := flate.NewWriter(&out, level)
					if err != nil {
						b.Fatal(err)
					}
					in := 0
					b.ReportAllocs()
					for i := 0; b.Loop(); i++ {
						p := messages[i%len(messages)]
						if !takeover {
							w.Reset(&out)
						}
						w.Write(p)
						w.Flush()
						in += len(p)
						out -= 4
					}
					b.ReportMetric(float64(out)/float64(in), "ratio")
				})
			}
		}
	}
}

// byteCounter counts what is written to it.
type byteCounter int

func (c *byteCounter) Write(p []byte) (int, error) { *c += byteCounter(len(p)); return len(p), nil }

var _ io.Writer = (*byteCounter)(nil)
