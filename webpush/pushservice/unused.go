package pushservice

import "math/rand/v2"

// unused holds what was made and never used since, by anybody. When there is no
// room for a new one, one of these has to go, and chance says which: whoever
// fills the service with them loses most, and who has just come hardly ever.
type unused[T comparable] struct {
	list []T
	at   map[T]int
}

func (u *unused[T]) add(v T) {
	if _, ok := u.at[v]; ok {
		return
	}
	if u.at == nil {
		u.at = make(map[T]int)
	}
	u.at[v] = len(u.list)
	u.list = append(u.list, v)
}

func (u *unused[T]) remove(v T) {
	i, ok := u.at[v]
	if !ok {
		return
	}
	last := len(u.list) - 1
	u.list[i] = u.list[last]
	u.at[u.list[i]] = i
	delete(u.at, v)
	clear(u.list[last:])
	u.list = u.list[:last]
}

// any returns one of them by chance.
func (u *unused[T]) any() (v T, ok bool) {
	if len(u.list) == 0 {
		return v, false
	}
	return u.list[rand.IntN(len(u.list))], true
}

// settle sees to it that a user agent is among the unused ones if it may go:
// nobody sent to it, it never came back, and it is not connected. The caller
// holds mu.
func (st *state) settle(a *agent) {
	if a.Fresh && a.stored && a.session == nil {
		st.unusedAgents.add(a)
	} else {
		st.unusedAgents.remove(a)
	}
}

// use notes that a user agent is used. The caller holds mu.
func (st *state) use(a *agent) []Change {
	if !a.Fresh {
		return nil
	}
	a.Fresh = false
	st.settle(a)
	if !a.stored {
		return nil
	}
	return []Change{put(KindAgent, a.ID, a.agentRecord)}
}

// roomForAgent makes room for one more user agent, if it can. The caller holds
// mu.
func (st *state) roomForAgent() error {
	if len(st.agents) < st.o.MaxAgents {
		return nil
	}
	if st.commit.full() {
		return errStoreFull
	}
	a, ok := st.unusedAgents.any()
	if !ok {
		return errTooManyAgents
	}
	st.commit.add(st.dropAgent(a, false)...)
	st.commit.kick()
	return nil
}

// roomForSet makes room for one more receipt subscription, if it can. The
// caller holds mu.
func (st *state) roomForSet() ([]Change, error) {
	if len(st.sets) < st.o.MaxReceiptSets {
		return nil, nil
	}
	s, ok := st.unusedSets.any()
	if !ok {
		return nil, errTooManySets
	}
	return st.dropReceiptSet(s), nil
}

// read notes that somebody reads a receipt subscription. The caller holds mu.
func (st *state) read(s *receiptSet) []Change {
	if !s.Fresh {
		return nil
	}
	s.Fresh = false
	st.unusedSets.remove(s)
	return []Change{put(KindReceiptSet, s.id, s.receiptSetRecord)}
}
