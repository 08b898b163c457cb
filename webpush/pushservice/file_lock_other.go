//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package pushservice

import (
	"os"
	"runtime"
)

const isWindows = runtime.GOOS == "windows"

// lockFile does nothing where the system has no flock.
func lockFile(*os.File) error { return nil }
