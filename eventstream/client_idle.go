package eventstream

import (
	"io"
	"sync/atomic"
	"time"
)

// idleReader bounds the time that a read may wait, by a timer that ends the
// exchange. It runs only while something is waited for. All methods but fired
// belong to the goroutine that reads.
type idleReader struct {
	r      io.Reader
	before func() // called before each read; may be nil

	within time.Duration // 0 for no limit
	end    func()        // makes the wait fail
	timer  *time.Timer
	over   atomic.Bool
}

func newIdle(within time.Duration, end func()) *idleReader {
	return &idleReader{within: within, end: end}
}

func (i *idleReader) start() {
	switch {
	case i.within <= 0:
	case i.timer == nil:
		i.timer = time.AfterFunc(i.within, func() {
			i.over.Store(true)
			i.end()
		})
	default:
		i.timer.Reset(i.within)
	}
}

func (i *idleReader) stop() {
	if i.timer != nil {
		i.timer.Stop()
	}
}

func (i *idleReader) fired() bool { return i.over.Load() }

func (i *idleReader) error() error { return &IdleError{After: i.within} }

func (i *idleReader) Read(p []byte) (int, error) {
	if i.before != nil {
		i.before()
	}
	i.start()
	n, err := i.r.Read(p)
	i.stop()
	if err != nil && err != io.EOF && i.fired() {
		err = i.error()
	}
	return n, err
}
