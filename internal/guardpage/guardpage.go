//go:build linux || darwin

// Package guardpage has memory for tests of assembly: a byte read or written
// on either side of it is a fault.
package guardpage

import (
	"syscall"
	"testing"
)

// Memory returns at least size bytes, whole pages, between two pages that may
// not be touched. It is gone when the test ends.
func Memory(t testing.TB, size int) []byte {
	t.Helper()
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
