package masking

import "reflect"

// arena is what the payloads of one measurement take together at most, unless
// one alone takes more: a part of a first-level cache.
const arena = 16 << 10

// Payloads returns as many payloads of n bytes as a server might have at hand,
// each off bytes behind the beginning of a cache line. They are many because a
// payload that is masked over and over is not what happens: the processor then
// waits for what it has just stored, which does to a vector what it does not
// to a byte.
func Payloads(n, off int) [][]byte {
	const line = 64
	stride := (off + n + line - 1) / line * line
	count := max(1, arena/stride)
	buf := make([]byte, count*stride+line)
	buf = buf[-reflect.ValueOf(buf).Pointer()%line:]
	payloads := make([][]byte, count)
	for i := range payloads {
		at := i*stride + off
		payloads[i] = buf[at : at+n : at+n]
	}
	return payloads
}
