//go:build amd64 || arm64 || s390x || ppc64le || riscv64 || loong64

package pushwire

import (
	"reflect"
	"testing"
)

// Size classes of the allocator that a Conn and its parts have to fit in, in
// bytes. One more field can make every connection 32 bytes larger. The Conn and
// its place are what an idle one holds in a Poller, the Conn alone any other; the
// rest is borrowed.
const (
	connMax     = 416
	aloneMax    = 576
	intakeMax   = 384
	outgoingMax = 240
	polledMax   = 80
)

func TestConnFitsItsSizeClass(t *testing.T) {
	for _, p := range []struct {
		part reflect.Type
		max  uintptr
	}{
		{reflect.TypeFor[Conn](), connMax},
		{reflect.TypeFor[alone](), aloneMax},
		{reflect.TypeFor[intake](), intakeMax},
		{reflect.TypeFor[outgoing](), outgoingMax},
		{reflect.TypeFor[polled](), polledMax},
	} {
		if size := p.part.Size(); size > p.max {
			t.Errorf("a %v has %d bytes, want at most %d", p.part, size, p.max)
		} else {
			t.Logf("a %v has %d bytes", p.part, size)
		}
	}
}
