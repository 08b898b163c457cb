package pushservice

import (
	"bytes"
	"context"
	"slices"
	"time"
)

// agentFor returns the user agent with that ID, or a new one when there is
// none (and "" never is). It is stored with its first subscription. The caller
// holds mu.
func (st *state) agentFor(id string) (*agent, error) {
	if a := st.agents[id]; a != nil {
		return a, nil
	}
	if st.closed {
		return nil, errClosed
	}
	if err := st.roomForAgent(); err != nil {
		return nil, err
	}
	a := newAgent(newAgentID())
	a.Seen, a.Fresh = time.Now(), true
	st.agents[a.ID] = a
	return a, nil
}

// release forgets a user agent that has nothing and is not connected. Who
// monitors it is told that it is over. The caller holds mu.
func (st *state) release(a *agent) {
	if len(a.subs) == 0 && a.session == nil && !a.stored {
		delete(st.agents, a.ID)
		a.waiting.notify()
	}
}

// touch notes that the user agent was seen. The caller holds mu.
func (st *state) touch(a *agent) {
	if now := time.Now(); now.Sub(a.Seen) > seenEvery {
		a.Seen = now
		if a.stored {
			st.commit.add(put(KindAgent, a.ID, a.agentRecord))
			st.commit.kick()
		}
	}
}

// subscribe makes a subscription at the wish of a client. With a channel that
// the user agent has already it returns the one there is, if the key is the
// same. It returns when the store has it, and says whether it is the first to
// do so.
func (st *state) subscribe(ctx context.Context, client string, a *agent, channel string, key []byte) (s *subscription, first bool, err error) {
	st.mu.Lock()
	if a.subs[channel] == nil {
		if err := st.charge(client, madeSubscription); err != nil {
			st.mu.Unlock()
			return nil, false, err
		}
	}
	s, err = st.subscribeLocked(a, channel, key)
	st.mu.Unlock()
	if err != nil {
		return nil, false, err
	}
	first, err = st.confirm(ctx, s)
	return s, first, err
}

// confirm waits until the store has a subscription, and says whether it is the
// first to know. When it comes to nothing, the last of those who wait takes it
// back: nobody has its URL, and the user agent will make another.
func (st *state) confirm(ctx context.Context, s *subscription) (first bool, err error) {
	err = st.commit.wait(ctx, s.change)
	st.mu.Lock()
	defer st.mu.Unlock()
	s.asking--
	switch {
	case err == nil:
		first, s.kept = !s.kept, true
	case s.kept || s.asking > 0 || st.subs[s.ID] != s:
		// Somebody else has its URL or may get it: another connection of the
		// user agent, that registered the same channel.
	default:
		st.commit.add(st.drop(s, false)...)
		if len(s.agent.subs) == 0 {
			st.commit.add(st.dropAgentRecord(s.agent)...)
		}
	}
	return first, err
}

// subscribeLocked is subscribe without the wait. Whoever gets a subscription has
// to call confirm. The caller holds mu.
func (st *state) subscribeLocked(a *agent, channel string, key []byte) (*subscription, error) {
	if st.closed {
		return nil, errClosed
	}
	if st.agents[a.ID] != a {
		return nil, errNotFound
	}
	if s := a.subs[channel]; s != nil {
		if !bytes.Equal(s.Key, key) {
			return nil, errConflict
		}
		s.asking++
		return s, nil
	}
	if len(a.subs) >= st.o.MaxSubscriptions {
		return nil, errTooManySubs
	}
	if st.commit.full() {
		return nil, errStoreFull
	}
	s := &subscription{
		subscriptionRecord: subscriptionRecord{
			ID: newID(), Push: newID(), Agent: a.ID, Channel: channel, Key: bytes.Clone(key), Created: time.Now(),
		},
		agent:  a,
		topics: make(map[string]*message),
	}
	if channel == "" {
		s.Channel = s.ID
	}
	a.subs[s.Channel] = s
	st.subs[s.ID], st.pushes[s.Push] = s, s
	var changes []Change
	if !a.stored {
		a.stored = true
		changes = append(changes, put(KindAgent, a.ID, a.agentRecord))
	}
	changes = append(changes, put(KindSubscription, s.ID, s.subscriptionRecord))
	s.change = st.commit.add(changes...)
	s.asking++
	st.settle(a)
	return s, nil
}

// unsubscribe removes a subscription and what waits in it, at the wish of its
// user agent: who sends to it later is told that it is gone.
func (st *state) unsubscribe(ctx context.Context, s *subscription) error {
	st.mu.Lock()
	if st.subs[s.ID] != s {
		st.mu.Unlock()
		return errNotFound
	}
	changes := st.drop(s, true)
	a := s.agent
	if len(a.subs) == 0 {
		changes = append(changes, st.dropAgentRecord(a)...)
	}
	n := st.commit.add(changes...)
	st.mu.Unlock()
	return st.commit.wait(ctx, n)
}

// dropAgentRecord forgets in the store a user agent that has no subscription
// left. The caller holds mu.
func (st *state) dropAgentRecord(a *agent) []Change {
	var changes []Change
	if a.stored {
		a.stored = false
		changes = append(changes, forget(KindAgent, a.ID))
	}
	st.settle(a)
	st.release(a)
	return changes
}

// removeAgent removes a user agent, or subscription set, with all it has.
//
// RFC 8030, 7.3.1: "A user agent can request that a subscription set be
// removed by sending a DELETE request to the subscription set URI. This MUST
// also remove all push message subscriptions in the set."
func (st *state) removeAgent(ctx context.Context, a *agent) error {
	st.mu.Lock()
	if st.agents[a.ID] != a {
		st.mu.Unlock()
		return errNotFound
	}
	n := st.commit.add(st.dropAgent(a, true)...)
	st.mu.Unlock()
	return st.commit.wait(ctx, n)
}

// dropAgent is removeAgent for who holds mu.
func (st *state) dropAgent(a *agent, asked bool) []Change {
	var changes []Change
	for _, s := range a.subs {
		changes = append(changes, st.drop(s, asked)...)
	}
	changes = append(changes, st.dropAgentRecord(a)...)
	if a.session == nil {
		delete(st.agents, a.ID)
	}
	a.waiting.notify()
	return changes
}

// drop takes a subscription out. asked says that the user agent wished it. The
// caller holds mu.
func (st *state) drop(s *subscription, asked bool) []Change {
	a := s.agent
	delete(a.subs, s.Channel)
	delete(st.subs, s.ID)
	delete(st.pushes, s.Push)
	// What hangs on a record goes before it: a crash may come between.
	var changes []Change
	for _, m := range slices.Clone(a.queue) {
		if m.sub == s {
			changes = append(changes, st.finish(m, statusNotDelivered)...)
		}
	}
	if asked {
		changes = append(changes, st.gone.add(s.Push, time.Now())...)
	}
	a.waiting.notify()
	return append(changes, forget(KindSubscription, s.ID))
}

// goneList are the push resources of removed subscriptions, the oldest first,
// bounded by maxGone.
type goneList struct {
	at    map[string]time.Time
	order []string
}

func (g *goneList) has(id string) bool {
	_, ok := g.at[id]
	return ok
}

// loaded adds one that the store had; sort brings them in order afterwards.
func (g *goneList) loaded(id string, at time.Time) {
	if g.at == nil {
		g.at = make(map[string]time.Time)
	}
	g.at[id] = at
	g.order = append(g.order, id)
}

func (g *goneList) sort() {
	slices.SortFunc(g.order, func(a, b string) int { return g.at[a].Compare(g.at[b]) })
}

func (g *goneList) add(id string, at time.Time) []Change {
	g.loaded(id, at)
	changes := []Change{put(KindGone, id, at)}
	for len(g.order) > maxGone {
		delete(g.at, g.order[0])
		changes = append(changes, forget(KindGone, g.order[0]))
		g.order = g.order[1:]
	}
	return changes
}
