//go:build !race

package frame

import "testing"

// Not under the race detector, which makes mask.NewKey's pool forget.
func TestAppendDoesNotAllocateWithCapacity(t *testing.T) {
	payload, dst := make([]byte, 1000), make([]byte, 0, 2000)
	for _, role := range []Role{Server, Client} {
		if n := testing.AllocsPerRun(100, func() {
			b := AppendMessage(dst, role, Binary, 0, payload)
			AppendClose(b, role, CodeNormal, "reason")
			Header{Length: 1 << 20}.Append(dst)
			Parse(b)
			ParseClose(nil)
		}); n != 0 {
			t.Errorf("%v: %v allocations", role, n)
		}
	}
}
