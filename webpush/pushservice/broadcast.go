package pushservice

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

// broadcasts are Mozilla's: a version for each ID, of which the user agents
// that follow it are told, without messages and acknowledgements.
type broadcasts struct {
	mu       sync.Mutex
	versions map[string]string
	by       map[string]map[*session]struct{} // who follows an ID
}

// news are the versions that differ from the ones that a user agent has.
func (b *broadcasts) news(has map[string]string) (news map[string]string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, version := range has {
		if v, ok := b.versions[id]; ok && v != version {
			if news == nil {
				news = make(map[string]string)
			}
			news[id] = v
		}
	}
	return news
}

// follow adds IDs to those that a connection follows, and returns the versions
// that differ from the ones the user agent has. IDs without a version are
// followed too, within the bound of what one connection may follow.
func (b *broadcasts) follow(sess *session, has map[string]string) (news map[string]string) {
	b.mu.Lock()
	for id := range has {
		if !sess.follows[id] {
			if len(sess.follows) >= maxSubscribed {
				continue
			}
			if sess.follows == nil {
				sess.follows = make(map[string]bool)
			}
			sess.follows[id] = true
			if b.by == nil {
				b.by = make(map[string]map[*session]struct{})
			}
			if b.by[id] == nil {
				b.by[id] = make(map[*session]struct{})
			}
			b.by[id][sess] = struct{}{}
		}
	}
	b.mu.Unlock()
	return b.news(has)
}

// leave ends what a connection follows.
func (b *broadcasts) leave(sess *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range sess.follows {
		delete(b.by[id], sess)
		if len(b.by[id]) == 0 {
			delete(b.by, id)
		}
	}
	sess.follows = nil
}

// Broadcast gives an ID another version and tells the connected user agents
// that follow it; those that connect later are told then. A connection with no
// room for it is left out, and hears of it when it connects anew. Versions are
// not stored: the application sets them again after a restart.
func (s *Service) Broadcast(id, version string) error {
	if id == "" || len(id) > maxBroadcastID || len(version) > maxBroadcastVers {
		return fmt.Errorf("pushservice: a broadcast has an ID of 1 to %d bytes and a version of at most %d", maxBroadcastID, maxBroadcastVers)
	}
	b := &s.broadcasts
	b.mu.Lock()
	if _, ok := b.versions[id]; !ok && len(b.versions) >= maxBroadcasts {
		b.mu.Unlock()
		return fmt.Errorf("pushservice: there are %d broadcasts already", maxBroadcasts)
	}
	if b.versions == nil {
		b.versions = make(map[string]string)
	}
	b.versions[id] = version
	to := make([]*session, 0, len(b.by[id]))
	for sess := range b.by[id] {
		to = append(to, sess)
	}
	b.mu.Unlock()
	p, err := json.Marshal(serverMessage{Type: typeOfBroadcast, Broadcasts: map[string]string{id: version}})
	if err != nil {
		return err
	}
	m := pushwire.Prepare(frame.Text, p)
	for _, sess := range to {
		sess.c.Send(context.Background(), m) // DropNewest: never waits
	}
	return nil
}
