//go:build !(linux || darwin)

// Package guardpage has memory for tests of assembly: a byte read or written
// on either side of it is a fault, but not on this system.
package guardpage

import "testing"

// Memory returns size bytes.
func Memory(_ testing.TB, size int) []byte { return make([]byte, size) }
