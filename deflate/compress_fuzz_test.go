package deflate_test

import (
	"bytes"
	"testing"

	"github.com/pushwire/pushwire/deflate"
)

// FuzzCompress: what is compressed, in any pieces, with any history, level and
// window, is a valid message that inflates to itself, looks back no further
// than it may, is no longer than documented, and does not depend on what the
// compressor did before.
func FuzzCompress(f *testing.F) {
	for i, d := range compressData {
		p := d.make(2000)
		f.Add(p[:200*i], p[200*i:], byte(i+1), byte(i), uint16(100*i))
	}
	f.Add([]byte("Hello"), []byte("Hello"), byte(1), byte(7), uint16(0))
	f.Add([]byte{}, []byte{}, byte(9), byte(0), uint16(0))
	used := new(deflate.Compressor)
	f.Fuzz(func(t *testing.T, history, p []byte, level, bits byte, cut uint16) {
		if len(p) > 1<<17 {
			return // slowInflate is slow
		}
		l, b := 1+int(level%9), 8+int(bits%8)
		before := bytes.Clone(history)
		got := used.Append(nil, history, l, b, true, p)
		if !bytes.Equal(before, history) {
			t.Fatal("history was modified")
		}
		if len(got) > outputBound(len(p)) {
			t.Fatalf("%d bytes from %d", len(got), len(p))
		}
		checkCompressed(t, got, history, b, p)
		if want := new(deflate.Compressor).Append(nil, history, l, b, true, p); !bytes.Equal(got, want) {
			t.Fatal("a fresh compressor gives other bytes")
		}
		// In two pieces, the first flushed and itself of two slices.
		first := p[:min(int(cut), len(p))]
		got = used.Append(nil, history, l, b, false, first[:len(first)/2], first[len(first)/2:])
		window := deflate.AppendHistory(deflate.AppendHistory(nil, b, history), b, first)
		got = used.Append(got, window, l, b, true, p[len(first):])
		checkCompressed(t, got, history, b, p)
	})
}
