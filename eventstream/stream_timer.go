package eventstream

import (
	"math/rand/v2"
	"time"
)

// startTimer begins to look after heartbeat and lifetime. One timer serves
// both; it has no goroutine until it fires. Sending does not touch it: it looks
// for itself when the last write was.
func (s *Stream) startTimer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	if wait, ok := s.next(time.Now()); ok {
		s.timer = time.AfterFunc(wait, s.tick)
	}
}

// next is the time until there may be something to do. The caller holds mu.
func (s *Stream) next(now time.Time) (wait time.Duration, ok bool) {
	if s.beat > 0 {
		wait, ok = s.last.Add(s.beat).Sub(now), true
	}
	if !s.until.IsZero() {
		if left := s.until.Sub(now); !ok || left < wait {
			wait, ok = left, true
		}
	}
	return max(wait, 0), ok
}

// tick does what is due and sets the timer anew.
func (s *Stream) tick() {
	s.mu.Lock()
	now := time.Now()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	if !s.until.IsZero() && !now.Before(s.until) {
		s.mu.Unlock()
		s.end(EndLifetime, nil)
		if s.raw {
			s.tidy()
		}
		return
	}
	silent := s.beat > 0 && now.Sub(s.last) >= s.beat
	s.mu.Unlock()

	// A stream on which somebody writes is not idle. On net/http nothing may
	// be written any more once the handler has returned.
	if silent && s.requestLives() && s.turn.TryLock() {
		s.put(heartbeat)
		s.leave()
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	now = time.Now()
	wait, _ := s.next(now)
	if silent && wait == 0 {
		wait = s.beat // another one is at it, for longer than a heartbeat
	}
	s.timer.Reset(wait)
}

func (s *Stream) requestLives() bool { return s.request == nil || s.request.Err() == nil }

// lifetime is d less up to a quarter of it, so that clients that came together
// do not come back together.
func lifetime(d time.Duration) time.Duration {
	if spread := d / 4; spread > 0 {
		d -= rand.N(spread + 1)
	}
	return d
}
