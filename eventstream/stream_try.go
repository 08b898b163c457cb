package eventstream

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// TrySendRaw is SendRaw that does not wait: it hands p to the socket as far as
// that takes it, and reports whether the stream has taken p over. Where the
// socket took a part, a goroutine writes the rest, which has Options.WriteTimeout
// as any write has, and until it is out TrySendRaw takes nothing: so p must not
// be changed any more, not even after TrySendRaw has returned. It takes nothing,
// either, while another goroutine sends, and where nothing can tell whether a
// write would wait: on net/http, under TLS and on what is no plain socket.
// SendRaw is for these.
func (s *Stream) TrySendRaw(p []byte) (taken bool, err error) {
	k, ok := s.out.(*connSink)
	if !ok || !triesSockets || k.raw == nil || len(p) == 0 || !s.turn.TryLock() {
		if e := s.ended(); e != nil {
			return false, e
		}
		return false, nil
	}
	s.mu.Lock()
	if e := s.err; e != nil {
		s.mu.Unlock()
		s.leave()
		return false, e
	}
	s.last = time.Now()
	s.writing = true
	s.mu.Unlock()
	if s.zip != nil {
		if p, err = s.zip.append(nil, p); err != nil {
			err = s.done(fmt.Errorf("the compressor failed: %w", err))
			s.leave()
			return false, err
		}
	}
	n, err := tryWrite(k.raw, p)
	if isTimeout(err) { // the deadline of an earlier write is still there
		s.mu.Lock()
		if s.err == nil { // else it is that of the end
			k.nc.SetWriteDeadline(time.Time{})
			k.due = lazyDeadline{}
		}
		s.mu.Unlock()
		n, err = tryWrite(k.raw, p)
	}
	if err == nil && n < len(p) {
		go s.rest(p[n:])
		return true, nil
	}
	err = s.done(err)
	s.leave()
	return err == nil, err
}

// Touch reads the memory that TrySendRaw and Send begin with, and does nothing
// else. Who sends to thousands of streams in turn finds little of each in the
// processor's caches, and waits for one line after the other; a loop that touches
// some dozens before it sends to them has them come side by side.
func (s *Stream) Touch() {
	s.over.Load()
	runtime.KeepAlive(s.beat) // a load that stays: of the second line, and never written to
	if k, ok := s.out.(*connSink); ok && k.raw != nil {
		k.nc.LocalAddr() // lies behind the lock of the descriptor
	}
}

// rest writes what the socket did not take at once. The turn was handed over
// to it.
func (s *Stream) rest(p []byte) {
	if s.begin() != nil { // it ended meanwhile; the client has a part of an event
		s.mu.Lock()
		s.writing, s.broken = false, true
		s.mu.Unlock()
	} else {
		s.done(s.out.write(p))
	}
	s.leave()
}

// attempt carries p into, and the outcome out of, the callback of a
// syscall.RawConn. It is borrowed, so that a stream that waits holds none.
type attempt struct {
	p   []byte
	n   int
	err error
	do  func(fd uintptr) bool // bound once
}

var attempts = sync.Pool{New: func() any {
	a := new(attempt)
	a.do = a.write
	return a
}}

// tryWrite writes what the socket takes without waiting.
func tryWrite(raw syscall.RawConn, p []byte) (n int, err error) {
	a := attempts.Get().(*attempt)
	a.p = p
	err = raw.Write(a.do)
	if err == nil {
		err = a.err
	}
	n = a.n
	a.p, a.n, a.err = nil, 0, nil
	attempts.Put(a)
	return n, err
}

// plainSocket returns what reaches the descriptor of a plain TCP or Unix socket,
// nil for anything else: the socket under a tls.Conn is not to be written to and
// can stay silent while a record waits inside it, and a wrapper may change Read
// and Write.
func plainSocket(nc net.Conn) syscall.RawConn {
	var sc syscall.Conn
	switch nc := nc.(type) {
	case *net.TCPConn:
		sc = nc
	case *net.UnixConn:
		sc = nc
	default:
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}
