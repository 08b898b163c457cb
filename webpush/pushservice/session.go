package pushservice

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"strings"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// session is a connection of Mozilla's protocol after its hello. What is under
// mu of the state:
//
//	sent       the number of the last message that was taken to be written
//	inflight   those that were written and wait for the user agent's answer
//	greeted    the hello was answered, and messages may follow
//	writing    a goroutine writes what waits; it ends when nothing is left
//	closed     the connection is over, or another one took its place
//
// A connection on which nothing happens has the goroutine that reads and no
// other, and no timer.
type session struct {
	s     *Service
	c     *pushwire.Conn
	r     *handshake.Request
	agent *agent

	sent     uint64
	inflight map[string]time.Time // by message ID: when it was written
	greeted  bool
	writing  bool
	closed   bool
	overdue  *time.Timer // while anything is in flight

	follows map[string]bool // broadcasts, under the lock of broadcasts
}

var (
	errNoHello     = errors.New("pushservice: the first message has to be hello")
	errSecondHello = errors.New("pushservice: hello comes once")
)

// serveAgent serves a connection.
func (s *Service) serveAgent(ctx context.Context, c *pushwire.Conn, r *handshake.Request) {
	var sess *session
	err := aside(func() (err error) {
		sess, err = s.hello(ctx, c, r)
		return err
	})
	if err == nil {
		defer sess.end()
		err = sess.serve(ctx)
	}
	if c.Err() == nil {
		c.Close(frame.CodePolicy, closeReason(err))
	}
}

// closeReason says why we end a connection, in the bytes that fit.
func closeReason(err error) string {
	reason := printable(strings.TrimPrefix(err.Error(), "pushservice: "))
	const most = 123 // RFC 6455, 5.5 and 5.5.1: 125 bytes less two of the code
	for len(reason) > most {
		reason = reason[:most]
		reason = printable(reason[:len(reason)-1])
	}
	return reason
}

// hello waits for the first message and answers it.
func (s *Service) hello(ctx context.Context, c *pushwire.Conn, r *handshake.Request) (*session, error) {
	first, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	_, p, err := c.Read(first)
	if err != nil {
		return nil, errNoHello
	}
	m, err := parseAgentMessage(p)
	if err != nil {
		return nil, err
	}
	if m.Type != typeHello {
		return nil, errNoHello
	}
	sess := &session{s: s, c: c, r: r, inflight: make(map[string]time.Time)}
	if err := sess.enter(m.UAID); err != nil {
		// Mozilla's protocol tells in the hello's answer that it failed.
		pushwire.WriteJSON(ctx, c, serverMessage{Type: typeHello, Status: statusOf(err), UseWebPush: true})
		return nil, err
	}
	if err := sess.greet(ctx, m.Broadcasts); err != nil {
		sess.end()
		return nil, err
	}
	return sess, nil
}

// greet answers hello and lets messages and broadcasts follow. Nothing may come
// before the answer: Firefox drops what it does not expect.
func (sess *session) greet(ctx context.Context, has map[string]string) error {
	s := sess.s
	news := s.broadcasts.news(has)
	err := pushwire.WriteJSON(ctx, sess.c, serverMessage{
		Type: typeHello, UAID: sess.agent.ID, Status: 200, UseWebPush: true, Broadcasts: news,
	})
	if err != nil {
		return err
	}
	maps.Copy(has, news)
	if err := sess.follow(ctx, has); err != nil { // with what changed since
		return err
	}
	if f := s.st.o.Trace.Hello; f != nil {
		f(sess.agent.ID)
	}
	s.st.mu.Lock()
	sess.greeted = true
	s.st.mu.Unlock()
	sess.wake()
	return nil
}

// enter takes the place of the user agent's connection.
func (sess *session) enter(uaid string) error {
	st := sess.s.st
	st.mu.Lock()
	a, err := st.agentFor(uaid)
	if err != nil {
		st.mu.Unlock()
		return err
	}
	old := a.session
	if old != nil {
		old.leave()
	}
	sess.agent, a.session = a, sess
	st.settle(a)
	var changes []Change
	if uaid != "" && a.ID == uaid { // it came back
		changes = append(changes, st.use(a)...)
	}
	for i := 0; i < len(a.queue); {
		if m := a.queue[i]; m.attempts >= st.o.MaxAttempts {
			// RFC 8030, 6.2: "The push service MAY cease to retry delivery
			// of the message prior to its advertised expiration".
			changes = append(changes, st.finish(m, statusNotDelivered)...)
		} else {
			i++
		}
	}
	st.commit.add(changes...)
	st.touch(a)
	st.mu.Unlock()
	st.commit.kick()
	if old != nil {
		go old.c.Close(frame.CodePolicy, "another connection of this user agent took over")
	}
	return nil
}

// end leaves the user agent, which may have another connection by then.
func (sess *session) end() {
	st := sess.s.st
	sess.s.broadcasts.leave(sess)
	st.mu.Lock()
	defer st.mu.Unlock()
	sess.leave()
	if a := sess.agent; a.session == sess {
		a.session = nil
		st.settle(a)
		st.touch(a)
		st.release(a)
	}
}

// leave stops writing and forgets the messages that are not sent twice. The
// caller holds mu.
func (sess *session) leave() {
	if sess.closed {
		return
	}
	sess.closed = true
	if sess.overdue != nil {
		sess.overdue.Stop()
	}
	st := sess.s.st
	now := time.Now()
	for id, at := range sess.inflight {
		if m := st.messages[id]; m != nil && now.Sub(at) >= attemptTime {
			m.attempts++
		}
	}
	for i := 0; i < len(sess.agent.queue); {
		if m := sess.agent.queue[i]; m.transient {
			st.commit.add(st.finish(m, statusNotDelivered)...)
		} else {
			i++
		}
	}
	st.commit.kick()
}

// serve reads until the connection ends or the user agent breaks the protocol.
func (sess *session) serve(ctx context.Context) error {
	for msg, err := range sess.c.Messages(ctx) {
		if err != nil {
			return err
		}
		err := aside(func() error {
			m, err := parseAgentMessage(msg.Data)
			if err != nil {
				return err
			}
			return sess.handle(ctx, m)
		})
		if err != nil {
			return err
		}
	}
	return errClosed
}

// aside calls f on a goroutine of its own and waits for it, as if it had been
// called here. JSON, and the hooks of an application, need more stack than a
// goroutine that waits for the next message should keep: 4 to 8 KiB for each
// connection.
func aside(f func() error) (err error) {
	var panicked any
	returned := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		err = f()
		returned = true
	}()
	<-done
	switch {
	case returned:
		return err
	case panicked == nil: // the hook of a test that fails
		runtime.Goexit()
	}
	panic(panicked)
}

// handle does what one message asks for.
func (sess *session) handle(ctx context.Context, m agentMessage) error {
	switch m.Type {
	case typeHello:
		return errSecondHello
	case typeRegister:
		return sess.register(ctx, m)
	case typeUnregister:
		return sess.unregister(ctx, m)
	case typeAck:
		for _, u := range m.Updates {
			code := u.Code
			if code == 0 {
				code = AckDelivered // older user agents send none
			}
			sess.ack(u.ChannelID, u.Version, code)
		}
		sess.wake()
	case typeNack:
		sess.nack(m.Version, AckCode(m.Code))
		sess.wake()
	case typeBroadcast:
		return sess.follow(ctx, m.Broadcasts)
	case typePing:
		return sess.c.Write(ctx, frame.Text, []byte("{}"))
	}
	return nil
}

// follow follows broadcasts and tells what is new of them.
func (sess *session) follow(ctx context.Context, has map[string]string) error {
	if news := sess.s.broadcasts.follow(sess, has); len(news) > 0 {
		return pushwire.WriteJSON(ctx, sess.c, serverMessage{Type: typeOfBroadcast, Broadcasts: news})
	}
	return nil
}

// register makes a subscription.
func (sess *session) register(ctx context.Context, m agentMessage) error {
	key, err := m.key()
	if err != nil {
		return err
	}
	answer := serverMessage{Type: typeRegister, ChannelID: m.ChannelID, Status: 200}
	client, _ := ctx.Value(clientKey{}).(string)
	sub, first, err := sess.s.st.subscribe(ctx, client, sess.agent, m.ChannelID, key)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		answer.Status = statusOf(err)
	} else {
		answer.Endpoint = sess.base() + pathPush + sub.Push
		if f := sess.s.st.o.Trace.Subscribed; f != nil && first {
			f(sess.agent.ID, answer.Endpoint)
		}
	}
	return pushwire.WriteJSON(ctx, sess.c, answer)
}

// base is the URL of the service as the user agent sees it.
func (sess *session) base() string {
	if p := sess.s.public; p != nil {
		return p.Scheme + "://" + p.Host + sess.s.prefix
	}
	if sess.r.Secure {
		return "https://" + sess.r.Host
	}
	return "http://" + sess.r.Host
}

func statusOf(err error) int {
	switch s := refusalOf(err).status; s {
	case 429: // Firefox tries again after any 5xx, and gives up after all else
		return 500
	default:
		return s
	}
}

// unregister removes a subscription; that there is none is fine, as the user
// agent may have asked before and lost the answer.
func (sess *session) unregister(ctx context.Context, m agentMessage) error {
	st := sess.s.st
	st.mu.Lock()
	sub := sess.agent.subs[m.ChannelID]
	st.mu.Unlock()
	answer := serverMessage{Type: typeUnregister, ChannelID: m.ChannelID, Status: 200}
	if sub != nil {
		if err := st.unsubscribe(ctx, sub); err != nil && !errors.Is(err, errNotFound) {
			if ctx.Err() != nil {
				return err
			}
			answer.Status = statusOf(err)
		}
	}
	return pushwire.WriteJSON(ctx, sess.c, answer)
}

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
