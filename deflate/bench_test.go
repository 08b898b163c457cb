package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"testing"
)

// BenchmarkInflate inflates one message with the history of its context, as a
// connection does. The rows with std are compress/flate used the same way: a
// reader kept and reset with the history as dictionary.
func BenchmarkInflate(b *testing.B) {
	type row struct {
		name          string
		text, history []byte
	}
	for _, r := range []row{
		{"json 433 B", jsonText(8, 433), jsonText(7, 4<<10)},
		{"json 4 KiB", jsonText(8, 4<<10), jsonText(7, 4<<10)},
		{"json 64 KiB", jsonText(8, 64<<10), jsonText(7, 4<<10)},
		{"json 1 MiB", jsonText(8, 1<<20), nil},
		{"noise 64 KiB", noise(8, 64<<10, 256), nil},
		{"zeros 1 MiB", make([]byte, 1<<20), nil},
	} {
		payload := deflated(b, 6, r.history, r.text)
		b.Run(fmt.Sprintf("%s/ours", r.name), func(b *testing.B) {
			var z Inflater
			z.Reset(maxBits, nil)
			b.SetBytes(int64(len(r.text)))
			b.ReportAllocs()
			for b.Loop() {
				z.Reset(maxBits, r.history)
				for p, err := payload, error(nil); err == nil; {
					var n int
					_, n, err = z.Next(p, true)
					p = p[n:]
				}
				if z.err != io.EOF {
					b.Fatal(z.err)
				}
			}
		})
		b.Run(fmt.Sprintf("%s/std", r.name), func(b *testing.B) {
			// An end of the stream, so that the reader does not ask for more.
			whole := append(bytes.Clone(payload), Tail+"\x01\x00\x00\xff\xff"...)
			in := bytes.NewReader(whole)
			z := flate.NewReader(in)
			out := make([]byte, 32<<10)
			b.SetBytes(int64(len(r.text)))
			b.ReportAllocs()
			for b.Loop() {
				in.Reset(whole)
				z.(flate.Resetter).Reset(in, r.history)
				for err := error(nil); err == nil; {
					_, err = z.Read(out)
				}
			}
		})
	}
}
