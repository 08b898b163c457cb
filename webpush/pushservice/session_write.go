package pushservice

import (
	"context"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

// wake sees to it that what waits is written. It may be called by anyone.
func (sess *session) wake() {
	st := sess.s.st
	st.mu.Lock()
	start := !sess.writing && !sess.closed && sess.nextLocked() != nil
	if start {
		sess.writing = true
	}
	st.mu.Unlock()
	if start {
		go sess.write()
	}
}

// nextLocked returns the next message to be written, if the window is open.
// The caller holds mu.
func (sess *session) nextLocked() *message {
	if !sess.greeted || len(sess.inflight) >= window {
		return nil
	}
	now := time.Now()
	q := sess.agent.queue
	for i := sess.agent.after(sess.sent); i < len(q); i++ {
		if q[i].Expires.After(now) && !q[i].handed {
			return q[i]
		}
	}
	return nil
}

// write writes messages until nothing waits or the window is full. One
// goroutine does.
func (sess *session) write() {
	st := sess.s.st
	for {
		st.mu.Lock()
		m := sess.nextLocked()
		if m == nil || sess.closed {
			sess.writing = false
			st.mu.Unlock()
			return
		}
		sess.sent = m.Seq
		now := time.Now()
		sess.inflight[m.ID] = now
		m.handed = m.transient
		if sess.overdue == nil && st.o.AckTimeout != forever {
			sess.overdue = time.AfterFunc(st.o.AckTimeout, sess.checkOverdue)
		}
		st.mu.Unlock()
		if err := pushwire.WriteJSON(context.Background(), sess.c, notification(m, now.Unix())); err != nil {
			return // the connection is over, and with it the session
		}
		if f := st.o.Trace.Delivered; f != nil {
			f(sess.agent.ID, m.ID)
		}
	}
}

// checkOverdue ends a connection that leaves a message without an
// acknowledgement: the user agent hangs, or lost it.
func (sess *session) checkOverdue() {
	st := sess.s.st
	st.mu.Lock()
	if sess.closed || len(sess.inflight) == 0 {
		st.mu.Unlock()
		return
	}
	oldest := time.Now()
	for _, at := range sess.inflight {
		if at.Before(oldest) {
			oldest = at
		}
	}
	left := st.o.AckTimeout - time.Since(oldest)
	if left > 0 {
		sess.overdue.Reset(left)
	}
	st.mu.Unlock()
	if left <= 0 {
		sess.c.Close(frame.CodeGoingAway, "a message was not acknowledged in time")
	}
}
