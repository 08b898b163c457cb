//go:build amd64 || arm64 || s390x || ppc64le || riscv64 || loong64

package pushwire

import (
	"reflect"
	"testing"
)

// connMax is the size class of the allocator that a Conn has to fit in, in
// bytes, less the word that the allocator puts before what holds pointers. One
// more field makes every connection 128 bytes larger.
const connMax = 1024 - 8

func TestConnFitsItsSizeClass(t *testing.T) {
	if size := reflect.TypeFor[Conn]().Size(); size > connMax {
		t.Errorf("a Conn has %d bytes, want at most %d", size, connMax)
	}
}
