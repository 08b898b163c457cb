package mask

import (
	"fmt"
	"testing"
)

// benchSizes are a short chat message, the largest control frame, and
// payloads from below a page to a socket's buffer.
var benchSizes = []int{2, 4, 7, 16, 64, 125, 1 << 10, 4 << 10, 64 << 10}

func BenchmarkXOR(b *testing.B) {
	for _, im := range implementations {
		for _, n := range benchSizes {
			b.Run(fmt.Sprintf("%s/%d", im.name, n), func(b *testing.B) {
				skipMissing(b, im)
				p := make([]byte, n)
				b.SetBytes(int64(n))
				for b.Loop() {
					im.xor(p, 0x12345678)
				}
			})
		}
	}
}

func BenchmarkCopy(b *testing.B) {
	for _, im := range implementations {
		for _, n := range benchSizes {
			b.Run(fmt.Sprintf("%s/%d", im.name, n), func(b *testing.B) {
				skipMissing(b, im)
				dst, src := make([]byte, n), make([]byte, n)
				b.SetBytes(int64(n))
				for b.Loop() {
					im.copyXOR(dst, src, 0x12345678)
				}
			})
		}
	}
}

// BenchmarkMemclr is the limit that masking in place can come near to: it
// writes as much and reads nothing.
func BenchmarkMemclr(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := make([]byte, n)
			b.SetBytes(int64(n))
			for b.Loop() {
				clear(p)
			}
		})
	}
}

func BenchmarkNewKey(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			NewKey()
		}
	})
}

func skipMissing(tb testing.TB, im implementation) {
	if im.missing != "" {
		tb.Skipf("%s: %s", im.name, im.missing)
	}
}
