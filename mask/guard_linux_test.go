package mask

import (
	"bytes"
	"syscall"
	"testing"
)

// guarded returns memory between two pages that may not be touched.
func guarded(t *testing.T, size int) []byte {
	page := syscall.Getpagesize()
	size = (size + page - 1) / page * page
	all, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(all) })
	for _, p := range [][]byte{all[:page], all[page+size:]} {
		if err := syscall.Mprotect(p, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return all[page : page+size]
}

// TestNothingOutsideIsTouched ends in a fault where a vector reaches over
// either end of the payload, for reading or for writing.
func TestNothingOutsideIsTouched(t *testing.T) {
	const maxLen = 1100
	dst, src := guarded(t, maxLen), guarded(t, maxLen)
	data := pattern(maxLen)
	each(t, func(t *testing.T, im implementation) {
		for n := 0; n <= maxLen; n++ {
			want := slow(data[:n], testKey, 0)
			for _, at := range []int{0, len(dst) - n} { // from the first byte on, and up to the last
				d, s := dst[at:at+n], src[at:at+n]
				copy(s, data)
				im.copyXOR(d, s, rotate(testKey, 0))
				im.xor(s, rotate(testKey, 0))
				if !bytes.Equal(d, want) || !bytes.Equal(s, want) {
					t.Fatalf("%d bytes at %d", n, at)
				}
			}
		}
	})
}
