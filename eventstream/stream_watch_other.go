//go:build !unix

package eventstream

import "syscall"

// waitReadable does not wait here: the read that follows does.
func waitReadable(syscall.RawConn) error { return nil }
