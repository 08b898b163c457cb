package eventstream

import (
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// maxBehind is how many bytes of Group.SendRaw may wait for a stream whose
	// client does not take the write before them. One piece may be larger.
	maxBehind = 64 << 10
	// patience is how long a fan-out waits without any progress before it
	// takes the writes under way for stuck and goes on beside them.
	patience = 2 * time.Millisecond
	// perWorker is how many streams are worth a goroutine.
	perWorker = 256
	// touchStep is how many streams are touched before they are written to.
	touchStep = 64
)

// Send encodes ev once and sends it as SendRaw does. The error is that of
// [Append]; nothing is sent then. ev is not retained.
func (g *Group) Send(ev Event) error {
	p, err := Append(nil, ev)
	if err == nil {
		g.SendRaw(p)
	}
	return err
}

// SendRaw sends p, whole events made by [Append], to all streams that are open
// now. A client that does not read delays neither the others nor the caller: the
// write to it goes on in a goroutine of its own, one for each such stream, until
// it is taken or its deadline ends the stream. What comes meanwhile waits, up to
// 64 KiB; a stream for which more would have to wait ends with [EndBehind].
//
// Each stream gets what one goroutine sends in that order. p is shared by all
// streams and not copied: it must not be changed any more, not even after
// SendRaw has returned. Errors are those of the streams; see [Stream.Context].
func (g *Group) SendRaw(p []byte) {
	if len(p) == 0 {
		return
	}
	f := fanOut{p: p, streams: g.snapshot(), done: make(chan struct{}, 1)}
	if len(f.streams) > 0 {
		f.run()
	}
}

// fanOut is one event on its way to many streams. Workers take the streams in
// turn. One whose write is stuck is lost for the rest; others take its place.
type fanOut struct {
	p       []byte
	streams []*Stream
	next    atomic.Int64 // the next stream to take
	claimed atomic.Int64 // streams in which p has its place
	written atomic.Int64 // streams that are done
	workers atomic.Int64
	done    chan struct{} // a value when the last worker has ended
}

func (f *fanOut) start(n int) {
	f.workers.Add(int64(n))
	for range n {
		go f.work()
	}
}

func (f *fanOut) work() {
	for {
		i := f.next.Add(1) - 1
		if i >= int64(len(f.streams)) {
			break
		}
		if i%touchStep == 0 {
			for _, s := range f.streams[i:min(i+touchStep, int64(len(f.streams)))] {
				s.Touch()
			}
		}
		s := f.streams[i]
		mine := s.claim(f.p)
		f.claimed.Add(1)
		if mine {
			s.put(f.p)
			s.leave()
		}
		f.written.Add(1)
	}
	if f.workers.Add(-1) == 0 {
		select {
		case f.done <- struct{}{}:
		default:
		}
	}
}

// run returns when every stream has p, or has it before it and is stuck.
func (f *fanOut) run() {
	f.start(min(runtime.GOMAXPROCS(0), 1+len(f.streams)/perWorker))
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for seen := int64(0); ; {
		select {
		case <-f.done:
			return
		case <-timer.C:
		}
		if n := f.written.Load(); n != seen {
			seen = n
		} else if f.claimed.Load() == int64(len(f.streams)) {
			return
		} else {
			f.start(int(f.workers.Load()) + 1) // twice as many: many may be stuck
		}
		timer.Reset(patience)
	}
}

// claim gives p its place in the order of what goes out. mine: the caller has
// got turn, and writes p. Otherwise the stream has ended, or the goroutine that
// has turn writes p before it gives turn back.
func (s *Stream) claim(p []byte) (mine bool) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return false
	}
	if s.turn.TryLock() {
		s.mu.Unlock()
		return true
	}
	if s.behind > 0 && s.behind+len(p) > maxBehind {
		s.mu.Unlock()
		s.end(EndBehind, nil)
		return false
	}
	s.pending = append(s.pending, p)
	s.behind += len(p)
	s.mu.Unlock()
	return false
}

// settle writes what was claimed meanwhile, in one piece, and gives turn back.
// It does so under mu, so that nothing can be left pending without a holder.
func (s *Stream) settle() {
	for {
		s.mu.Lock()
		if len(s.pending) == 0 || s.err != nil { // at the end it is finish that writes
			s.turn.Unlock()
			s.mu.Unlock()
			return
		}
		pending := s.takePending()
		s.mu.Unlock()
		if len(pending) == 1 {
			s.put(pending[0])
			continue
		}
		buf := buffers.get()
		for _, p := range pending {
			buf.b = append(buf.b, p...)
		}
		if s.put(buf.b) == nil {
			buf.free()
		}
	}
}

// takePending empties pending. The caller holds mu.
func (s *Stream) takePending() [][]byte {
	p := s.pending
	s.pending, s.behind = nil, 0
	return p
}

// writeRest writes what was pending when the stream came to a clean end. It
// reports whether the client took it before the deadline. The caller holds
// turn.
func (s *Stream) writeRest(pending [][]byte, deadline time.Time) bool {
	if deadline.IsZero() {
		deadline = time.Now().Add(farewell)
	}
	s.out.arm(deadline, 0)
	defer s.out.disarm()
	for _, p := range pending {
		if s.zip != nil {
			var err error
			if p, err = s.zip.append(nil, p); err != nil {
				return false
			}
		}
		if s.out.write(p) != nil {
			return false
		}
	}
	return true
}
