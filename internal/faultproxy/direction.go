package faultproxy

import (
	"io"
	"net"
	"time"
)

// outcome is how a direction has ended.
type outcome int

const (
	finished outcome = iota // by itself: the other one may go on
	cut                     // and the other one has to end too
)

// apart is the time between two single bytes: without it the kernel joins them
// before they are read.
const apart = 20 * time.Microsecond

// direction is one way of a connection. It belongs to its goroutine.
type direction struct {
	p        *Proxy
	to, from *net.TCPConn
	steps    []Step        // that are still to come
	passed   int           // bytes since the last step
	single   int           // bytes that are to pass one at a time
	ended    chan struct{} // closed once the other direction has cut
}

// run passes bytes on until the direction ends.
func (d *direction) run() outcome {
	buf := make([]byte, 16<<10)
	for {
		n, err := d.from.Read(buf)
		for rest := buf[:n]; len(rest) > 0; {
			piece := rest
			if d.p.calm.Load() {
				d.steps, d.single = nil, 0
			}
			if len(d.steps) > 0 {
				if left := d.steps[0].After - d.passed; left <= 0 {
					if out, over := d.step(); over {
						return out
					}
					continue
				} else if left < len(piece) {
					piece = piece[:left]
				}
			}
			if d.single > 0 {
				piece = piece[:1]
				d.single--
			}
			if _, err := d.to.Write(piece); err != nil {
				return cut
			}
			if d.single > 0 {
				time.Sleep(apart)
			}
			d.p.bytes.Add(int64(len(piece)))
			d.passed += len(piece)
			rest = rest[len(piece):]
		}
		if err == io.EOF {
			d.to.CloseWrite()
			return finished
		}
		if err != nil {
			d.reset() // a reset there is one here
			return cut
		}
	}
}

// step lets the next fault happen; over says that the direction has ended.
func (d *direction) step() (out outcome, over bool) {
	s := d.steps[0]
	d.steps, d.passed = d.steps[1:], 0
	d.p.counts[s.Fault].Add(1)
	switch s.Fault {
	case Delay:
		return cut, !d.wait(s.For)
	case Bytes:
		d.single = s.Count
		return finished, false
	case Stall:
		d.wait(s.For)
		d.reset()
	case Reset:
		d.reset()
	case HalfClose:
		d.to.CloseWrite()
		d.wait(s.For)
	case Truncate:
	}
	return cut, true
}

// wait waits, and reports false where the connection ended before.
func (d *direction) wait(span time.Duration) bool {
	t := time.NewTimer(span)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-d.ended:
	case <-d.p.done:
	}
	return false
}

// reset makes closing both sockets a reset.
func (d *direction) reset() {
	d.to.SetLinger(0)
	d.from.SetLinger(0)
}
