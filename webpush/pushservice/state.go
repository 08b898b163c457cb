package pushservice

import (
	"cmp"
	"container/heap"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// What can stand in the way of a change to the state. Each has its answer in
// HTTP and in Mozilla's protocol.
var (
	errNotFound      = errors.New("pushservice: there is no such resource")
	errGone          = errors.New("pushservice: the subscription was removed")
	errConflict      = errors.New("pushservice: the channel has a subscription with another key")
	errTooManyAgents = errors.New("pushservice: there are too many user agents")
	errTooManySubs   = errors.New("pushservice: the user agent has too many subscriptions")
	errTooManySets   = errors.New("pushservice: there are too many receipt subscriptions")
	errTooManyReads  = errors.New("pushservice: too many requests wait for the user agent's messages")
	errNoRoom        = errors.New("pushservice: too many messages wait in all")
)

// state is all that the service knows. mu guards everything in it, and all
// fields of the agents, subscriptions, messages and receipt sets that are
// reached from it; it is never held during I/O. A change is made here first
// and handed to the committer under the same lock, so that the store sees
// changes in the order in which they were made.
type state struct {
	o      Options
	commit *committer

	mu       sync.Mutex
	agents   map[string]*agent
	subs     map[string]*subscription // by the ID of the subscription resource
	pushes   map[string]*subscription // by the ID of the push resource
	messages map[string]*message
	sets     map[string]*receiptSet
	gone     goneList
	expiry   expiryHeap
	bytes    int64 // that all messages count for
	closed   bool
	clients  clients

	unusedAgents unused[*agent]
	unusedSets   unused[*receiptSet]

	timer   *time.Timer // for the message that expires first
	timerAt time.Time
	sweeper *time.Timer
}

// agent is a user agent; to RFC 8030 it is a subscription set.
type agent struct {
	agentRecord
	stored  bool
	subs    map[string]*subscription // by channel
	queue   []*message               // what waits, in order of seq
	seq     uint64                   // of the newest message there ever was
	bytes   int64                    // that the queue counts for
	session *session                 // Mozilla's protocol, while connected
	epoch   string                   // of the numbers, made when first needed
	waiting waiters                  // who monitors for messages now
}

type agentRecord struct {
	ID    string    `json:"id"`
	Seen  time.Time `json:"seen"`
	Fresh bool      `json:"fresh,omitempty"` // nobody sent to it yet, and it never came back
}

type subscription struct {
	subscriptionRecord
	agent  *agent
	count  int // messages that wait
	topics map[string]*message
	bucket bucket
	change uint64 // what to wait for until the store has it
	asking int    // who waits for that
	kept   bool   // somebody was told that the store has it
}

type subscriptionRecord struct {
	ID      string    `json:"id"`
	Push    string    `json:"push"`
	Agent   string    `json:"agent"`
	Channel string    `json:"channel"`       // Mozilla's channelID; the ID itself for RFC 8030
	Key     []byte    `json:"key,omitempty"` // the application server's point, nil when anyone may send
	Created time.Time `json:"created"`
}

type message struct {
	messageRecord
	sub       *subscription
	attempts  int  // connections that had it for attemptTime and did not acknowledge it
	transient bool // TTL 0: not stored, handed out once, and gone with the connection
	handed    bool // a transient one was handed out
	replaces  bool // it took the place of another one with its topic
	heap      int  // place in the expiry heap, -1 when it is not in it
	over      bool // acknowledged, replaced, expired or removed
}

type messageRecord struct {
	ID      string    `json:"id"`
	Sub     string    `json:"sub"`
	Seq     uint64    `json:"seq"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Urgency Urgency   `json:"urgency"`
	Topic   string    `json:"topic,omitempty"`
	Receipt string    `json:"receipt,omitempty"` // a receipt set's ID
	Content content   `json:"content"`
}

// messageCost is what a message takes in memory beside its content, in bytes:
// the message, its places in maps, the queue and the heap.
const messageCost = 512

// cost is what a message counts for where bytes are bounded.
func (m *message) cost() int64 {
	c := &m.Content
	return int64(messageCost + len(c.Body) + len(c.Type) + len(c.Encoding) + len(c.Encryption) + len(c.CryptoKey))
}

// content is what the user agent gets of a request.
type content struct {
	Type       string `json:"type,omitempty"`       // Content-Type
	Encoding   string `json:"encoding,omitempty"`   // Content-Encoding
	Encryption string `json:"encryption,omitempty"` // of the older aesgcm: salt
	CryptoKey  string `json:"cryptoKey,omitempty"`  // of the older aesgcm: dh
	Body       []byte `json:"body,omitempty"`
}

func newState(o Options) *state {
	st := &state{
		o:        o,
		commit:   newCommitter(o.Store, o.Logger),
		agents:   make(map[string]*agent),
		subs:     make(map[string]*subscription),
		pushes:   make(map[string]*subscription),
		messages: make(map[string]*message),
		sets:     make(map[string]*receiptSet),
	}
	return st
}

// newID makes the name of a resource. RFC 8030, 8.3: "Encoding a large amount
// of random entropy (at least 120 bits) in the path component ensures that it
// is difficult to successfully guess a valid capability URL." These are 130;
// and nothing in them tells which user agent they belong to (8.2).
func newID() string { return rand.Text() }

func newAgentID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// put is a change that keeps v.
func put(k Kind, id string, v any) Change {
	b, err := json.Marshal(v)
	if err != nil {
		panic("pushservice: " + err.Error()) // plain structs of ours
	}
	return Change{k, id, b}
}

func forget(k Kind, id string) Change { return Change{Kind: k, ID: id} }

// load fills the state from the store.
func (st *state) load(ctx context.Context) error {
	if st.o.Store == nil {
		return nil
	}
	var subs []*subscription
	var messages []*message
	var receipts []receipt
	err := st.o.Store.Load(ctx, func(c Change) error {
		var v any
		switch c.Kind {
		case KindAgent:
			a := newAgent(c.ID)
			st.agents[c.ID], v = a, &a.agentRecord
			a.stored = true
		case KindSubscription:
			s := &subscription{topics: make(map[string]*message), kept: true}
			subs, v = append(subs, s), &s.subscriptionRecord
		case KindMessage:
			m := &message{heap: -1}
			messages, v = append(messages, m), &m.messageRecord
		case KindReceiptSet:
			r := newReceiptSet(c.ID)
			st.sets[c.ID], v = r, &r.receiptSetRecord
		case KindReceipt:
			receipts = append(receipts, receipt{})
			v = &receipts[len(receipts)-1]
		case KindGone:
			var at time.Time
			if err := json.Unmarshal(c.Value, &at); err != nil {
				return fmt.Errorf("pushservice: the record %c %s can't be read: %w", c.Kind, c.ID, err)
			}
			st.gone.loaded(c.ID, at)
			return nil
		default:
			return fmt.Errorf("pushservice: the store has a record of the unknown kind %q", c.Kind)
		}
		if err := json.Unmarshal(c.Value, v); err != nil {
			return fmt.Errorf("pushservice: the record %c %s can't be read: %w", c.Kind, c.ID, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range subs {
		a := st.agents[s.Agent]
		if a == nil { // a batch is kept whole, so this was not written by us
			return fmt.Errorf("pushservice: the store has a subscription of a user agent that it does not have")
		}
		s.agent = a
		a.subs[s.Channel] = s
		st.subs[s.ID], st.pushes[s.Push] = s, s
	}
	slices.SortFunc(messages, func(a, b *message) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return cmp.Compare(a.Seq, b.Seq)
	})
	for _, m := range messages {
		s := st.subs[m.Sub]
		if s == nil { // nor this
			return fmt.Errorf("pushservice: the store has a message of a subscription that it does not have")
		}
		st.enqueue(m, s) // numbered anew, in a new epoch
	}
	slices.SortFunc(receipts, func(a, b receipt) int { return a.Time.Compare(b.Time) })
	for _, r := range receipts {
		if set := st.sets[r.Set]; set != nil {
			set.append(r)
		}
	}
	st.gone.sort()
	for _, a := range st.agents {
		st.settle(a)
	}
	for _, s := range st.sets {
		if s.Fresh {
			st.unusedSets.add(s)
		}
	}
	return nil
}

func newAgent(id string) *agent {
	return &agent{agentRecord: agentRecord{ID: id}, subs: make(map[string]*subscription)}
}

// enqueue adds a message whose fields are complete but for its number. The
// caller holds mu.
func (st *state) enqueue(m *message, s *subscription) {
	a := s.agent
	a.seq++
	m.sub, m.Sub, m.Seq = s, s.ID, a.seq
	a.queue = append(a.queue, m)
	n := m.cost()
	a.bytes += n
	st.bytes += n
	s.count++
	if m.Topic != "" {
		s.topics[m.Topic] = m
	}
	st.messages[m.ID] = m
	heap.Push(&st.expiry, m)
	st.armExpiry()
}

// remove takes a message out of everything but the store and returns the
// change that the store needs. The caller holds mu.
func (st *state) remove(m *message) []Change {
	m.over = true
	s, a := m.sub, m.sub.agent
	if i, ok := slices.BinarySearchFunc(a.queue, m.Seq, func(q *message, seq uint64) int {
		return cmp.Compare(q.Seq, seq)
	}); ok {
		a.queue = slices.Delete(a.queue, i, i+1)
	}
	n := m.cost()
	a.bytes -= n
	st.bytes -= n
	s.count--
	if s.topics[m.Topic] == m {
		delete(s.topics, m.Topic)
	}
	delete(st.messages, m.ID)
	if m.heap >= 0 {
		heap.Remove(&st.expiry, m.heap)
	}
	if a.session != nil {
		a.session.settled(m)
	}
	a.waiting.notify()
	if m.transient {
		return nil
	}
	return []Change{forget(KindMessage, m.ID)}
}

// after returns the place in the queue of the first message behind seq. The
// caller holds mu.
func (a *agent) after(seq uint64) int {
	i, found := slices.BinarySearchFunc(a.queue, seq, func(m *message, seq uint64) int { return cmp.Compare(m.Seq, seq) })
	if found {
		i++
	}
	return i
}
