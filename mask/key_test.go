package mask

import (
	"encoding/binary"
	"math"
	"sync"
	"testing"
)

// TestKeysLookRandom finds a generator that is broken, not one that is weak:
// over 200,000 keys each bit is set half of the time, bits of neighbouring
// keys are independent, each byte value comes up as often as any other, and
// there are no more repetitions than chance gives.
func TestKeysLookRandom(t *testing.T) {
	const n = 200_000
	var set, same [32]int
	var values [4][256]int
	seen := make(map[uint32]bool, n)
	repeated := 0
	var prev uint32
	for range n {
		key := NewKey()
		v := binary.LittleEndian.Uint32(key[:])
		for bit := range 32 {
			set[bit] += int(v >> bit & 1)
			same[bit] += int(^(v ^ prev) >> bit & 1)
		}
		for i, b := range key {
			values[i][b]++
		}
		if seen[v] {
			repeated++
		}
		seen[v] = true
		prev = v
	}
	// Six standard deviations of a binomial: one false alarm in 5e8 for each
	// of the figures below.
	bound := func(p float64) float64 { return 6 * math.Sqrt(n*p*(1-p)) }
	for bit := range 32 {
		if d := math.Abs(float64(set[bit]) - n/2); d > bound(0.5) {
			t.Errorf("bit %d is set %d times of %d", bit, set[bit], n)
		}
		if d := math.Abs(float64(same[bit]) - n/2); d > bound(0.5) {
			t.Errorf("bit %d is as in the key before %d times of %d", bit, same[bit], n)
		}
	}
	for i := range values {
		for b, c := range values[i] {
			if d := math.Abs(float64(c) - n/256.0); d > bound(1/256.0) {
				t.Errorf("byte %d is %#x %d times of %d", i, b, c, n)
			}
		}
	}
	// n*n/2/2^32 = 4.7 repetitions are to be expected.
	if repeated > 30 {
		t.Errorf("%d keys repeat", repeated)
	}
}

func TestNewKeyFromManyGoroutinesGivesDifferentKeys(t *testing.T) {
	const goroutines, each = 50, 200
	var wg sync.WaitGroup
	keys := make([][4]byte, goroutines*each)
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				keys[g*each+i] = NewKey()
			}
		})
	}
	wg.Wait()
	seen := make(map[[4]byte]bool)
	for _, k := range keys {
		seen[k] = true
	}
	// 0.012 repetitions are to be expected among 10,000.
	if lost := len(keys) - len(seen); lost > 3 {
		t.Errorf("%d of %d keys repeat", lost, len(keys))
	}
}

func TestGeneratorsDifferAndReseed(t *testing.T) {
	a, b := new(generator), new(generator)
	one, other := [2][4]byte{a.next(), a.next()}, [2][4]byte{b.next(), b.next()}
	if one == other {
		t.Fatal("two generators give the same keys")
	}
	// A generator of the same state that is not reseeded goes another way.
	for a.have || a.left > 0 {
		a.next()
	}
	twin := *a
	twin.left = reseedAfter
	same := 0
	for range 4 {
		if a.next() == twin.next() {
			same++
		}
	}
	if same == 4 {
		t.Error("the generator was not reseeded")
	}
	if want := reseedAfter - 4; a.left != want {
		t.Errorf("left = %d after a seed and 4 keys, want %d", a.left, want)
	}
}
