package pushservice

import (
	"context"
	"errors"

	"github.com/pushwire/pushwire"
)

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
