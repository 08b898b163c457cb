package pushservice

// ack removes a message that the user agent is done with.
func (sess *session) ack(channel, version string, code AckCode) {
	st := sess.s.st
	st.mu.Lock()
	m := st.messages[version]
	if m == nil || m.sub.agent != sess.agent || m.sub.Channel != channel {
		// It expired, was replaced, or was acknowledged before.
		st.mu.Unlock()
		return
	}
	st.acknowledge(m, code)
	st.mu.Unlock()
	st.commit.kick()
	if f := st.o.Trace.Acked; f != nil {
		f(Ack{Agent: sess.agent.ID, Message: version, Code: code})
	}
}

// nack notes that something failed over a message. The protocol nowhere says
// what follows from that. Mozilla's own service counts the reports and does
// nothing else: Firefox has acknowledged the message by then, and reports that
// its service worker failed over it (seen in 153). Where it was not
// acknowledged, it waits still, for that or for the next connection, and one
// that always fails is given up like one that is never acknowledged. But this
// connection has answered: it is not overdue, and there is room for another
// message.
func (sess *session) nack(version string, code AckCode) {
	st := sess.s.st
	st.mu.Lock()
	m := st.messages[version]
	if _, ours := sess.inflight[version]; ours && m != nil && !sess.closed {
		sess.settled(m)
		m.attempts++
	}
	st.mu.Unlock()
	if code < NackException || code > NackInternal {
		code = 0
	}
	if f := st.o.Trace.Nacked; f != nil {
		f(Ack{Agent: sess.agent.ID, Message: version, Code: code})
	}
}

// acknowledge removes a message and tells who asked for a receipt. The caller
// holds mu.
//
// RFC 8030, 6.2: "If the push service receives the acknowledgement and the
// application has requested a delivery receipt, the push service MUST return a
// 204 (No Content) response to the application server monitoring the receipt
// subscription." A message that could not be decrypted, or that the
// application did not get, was not delivered, and is not tried again.
func (st *state) acknowledge(m *message, code AckCode) uint64 {
	status := statusDelivered
	if code != AckDelivered {
		status = statusNotDelivered
	}
	return st.commit.add(st.finish(m, status)...)
}

// settled takes a message out of flight: it is over, or was answered. The
// caller holds mu.
func (sess *session) settled(m *message) {
	full := len(sess.inflight) >= window
	delete(sess.inflight, m.ID)
	if full && len(sess.inflight) < window {
		go sess.wake() // nobody else may: it was not the user agent who made room
	}
	if len(sess.inflight) == 0 && sess.overdue != nil {
		sess.overdue.Stop()
		sess.overdue = nil
	}
}
