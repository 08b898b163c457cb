package eventstream

import (
	"bytes"
	"strings"
)

// indexByte is IndexByte of package strings or bytes.
func indexByte[T string | []byte](s T, c byte) int {
	switch s := any(s).(type) {
	case string:
		return strings.IndexByte(s, c)
	case []byte:
		return bytes.IndexByte(s, c)
	}
	panic("unreachable")
}

// countByte is Count of package strings or bytes, for one byte.
func countByte[T string | []byte](s T, c byte) int {
	switch s := any(s).(type) {
	case string:
		return strings.Count(s, string(rune(c)))
	case []byte:
		return bytes.Count(s, []byte{c})
	}
	panic("unreachable")
}
