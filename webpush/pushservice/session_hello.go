package pushservice

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/handshake"
)

var (
	errNoHello     = errors.New("pushservice: the first message has to be hello")
	errSecondHello = errors.New("pushservice: hello comes once")
)

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
