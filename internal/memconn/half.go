package memconn

import (
	"io"
	"net"
	"sync"
	"time"
)

// minBuffer is the first capacity of a ring, in bytes; it doubles up to the
// half's limit.
const minBuffer = 512

// keepBuffer is the largest ring that an empty half holds on to, in bytes.
const keepBuffer = 4 << 10

// half is one direction: a ring of bytes with a reading and a writing side.
//
// All fields but mu and cond are guarded by mu. mu is held for copies only,
// never while waiting; every wait is on cond, and every change that a waiting
// call could be waiting for ends with a Broadcast.
type half struct {
	mu   sync.Mutex
	cond sync.Cond

	ring  []byte
	start int // index of the first unread byte
	n     int // unread bytes, from start on, wrapping around
	limit int // len(ring) never exceeds it
	chunk int // most bytes that one read returns; 0 is no limit

	writing bool  // a write that is not finished owns the writing side
	readErr error // set once the reading side is closed: what read returns
	sendErr error // set once the writing side is closed: what write returns

	reader, writer deadline
}

// deadline is when the calls of one side give up. The timer only wakes them
// up: whether the time has come is decided by the clock, so a timer that fires
// while its deadline is being moved does no harm.
type deadline struct {
	at    time.Time // zero: never
	timer *time.Timer
}

// passed reports whether the deadline has been reached.
func (d *deadline) passed() bool {
	return !d.at.IsZero() && !time.Now().Before(d.at)
}

func newHalf(limit int) *half {
	h := &half{limit: limit}
	h.cond.L = &h.mu
	return h
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.readErr != nil:
			return 0, h.readErr
		case h.reader.passed():
			return 0, errTimeout
		case len(p) == 0:
			return 0, nil
		case h.n > 0:
			if h.chunk > 0 && len(p) > h.chunk {
				p = p[:h.chunk]
			}
			n := h.take(p)
			h.cond.Broadcast()
			return n, nil
		case h.sendErr != nil:
			return 0, io.EOF
		}
		h.cond.Wait()
	}
}

func (h *half) write(p []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.writing {
		if err := h.writeFault(); err != nil {
			return 0, err
		}
		h.cond.Wait()
	}
	h.writing = true
	defer func() {
		h.writing = false
		h.cond.Broadcast()
	}()
	for {
		if err := h.writeFault(); err != nil {
			return n, err
		}
		if m := h.put(p[n:]); m > 0 {
			n += m
			h.cond.Broadcast()
		}
		if n == len(p) {
			return n, nil
		}
		h.cond.Wait()
	}
}

// writeFault says why a write cannot go on, or nil.
func (h *half) writeFault() error {
	switch {
	case h.sendErr != nil:
		return h.sendErr
	case h.writer.passed():
		return errTimeout
	case h.readErr != nil:
		return io.ErrClosedPipe
	}
	return nil
}

// take moves bytes from the ring into p.
func (h *half) take(p []byte) int {
	n := min(len(p), h.n)
	first := copy(p[:n], h.ring[h.start:])
	copy(p[first:n], h.ring)
	h.start = (h.start + n) % len(h.ring)
	h.n -= n
	if h.n == 0 {
		h.start = 0
		if len(h.ring) > keepBuffer {
			h.ring = nil
		}
	}
	return n
}

// put moves as much of p into the ring as there is room for.
func (h *half) put(p []byte) int {
	n := min(len(p), h.limit-h.n)
	if n == 0 {
		return 0
	}
	if h.n+n > len(h.ring) {
		h.grow(h.n + n)
	}
	end := (h.start + h.n) % len(h.ring)
	first := copy(h.ring[end:], p[:n])
	copy(h.ring, p[first:n])
	h.n += n
	return n
}

// grow makes a ring of at least n bytes; n is at most h.limit.
func (h *half) grow(n int) {
	size := max(len(h.ring), minBuffer)
	for size < n {
		size *= 2
	}
	ring := make([]byte, min(size, h.limit))
	first := copy(ring, h.ring[h.start:min(h.start+h.n, len(h.ring))])
	copy(ring[first:], h.ring[:h.n-first])
	h.ring, h.start = ring, 0
}

// closeRead ends the reading side: nobody will read what is in the ring.
func (h *half) closeRead() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readErr = net.ErrClosed
	h.ring, h.start, h.n = nil, 0, 0
	h.clear(&h.reader)
	h.cond.Broadcast()
}

// closeWrite ends the writing side; later writes return err, unless it is a
// second closing, weaker than the first.
func (h *half) closeWrite(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sendErr == nil || err == net.ErrClosed {
		h.sendErr = err
	}
	if err == net.ErrClosed {
		h.clear(&h.writer)
	}
	h.cond.Broadcast()
}

// setDeadline moves d, which is one of h's two.
func (h *half) setDeadline(d *deadline, t time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d == &h.reader && h.readErr != nil || d == &h.writer && h.sendErr == net.ErrClosed {
		return net.ErrClosed
	}
	h.clear(d)
	defer h.cond.Broadcast()
	if t.IsZero() {
		return nil
	}
	// t may have no monotonic reading. Taken relative to now it has one, so
	// that timer and comparison follow the same clock.
	now := time.Now()
	wait := t.Sub(now)
	d.at = now.Add(wait)
	if wait <= 0 {
		return nil
	}
	if d.timer == nil {
		d.timer = time.AfterFunc(wait, func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.cond.Broadcast()
		})
	} else {
		d.timer.Reset(wait)
	}
	return nil
}

// clear takes the deadline d away.
func (h *half) clear(d *deadline) {
	d.at = time.Time{}
	if d.timer != nil {
		d.timer.Stop()
	}
}
