//go:build !unix

package storm

import (
	"errors"
	"os"
	"time"
)

const canLimit = false

var errNotHere = errors.New("this system has no such thing")

func limitDescriptors(uint64) error { return errNotHere }
func cpuTime() time.Duration        { return 0 }
func hold(*os.Process) error        { return errNotHere }
func goOn(*os.Process) error        { return errNotHere }
