package pushservice

import (
	"context"
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
