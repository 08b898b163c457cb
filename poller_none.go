//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package pushwire

import "errors"

// polls is false where no way is known to wait for many sockets with one
// goroutine: each connection keeps its own.
const polls = false

// poll is never made here.
type poll struct{}

func newPoll() (*poll, error)  { return nil, errors.ErrUnsupported }
func (*poll) add(int) error    { return errors.ErrUnsupported }
func (*poll) remove(int)       {}
func (*poll) run(func([]hint)) {}
func (*poll) close()           {}
