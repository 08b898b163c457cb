package pushservice

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// The types of items that monitors get.
const (
	// TypePush is a push message: JSON of a [Push].
	TypePush = "push"
	// TypeReceipt is a receipt: JSON of a [Receipt].
	TypeReceipt = "receipt"
	// TypeSkip stands for a message between two others that is not for this
	// reader: it is over, less urgent than asked for, or another
	// subscription's. It keeps cursors without holes, and holds nothing.
	TypeSkip = "skip"
)

// maxSkips is how many items a reader is told one by one that they are not
// for it. A longer gap is told once, as a reset.
const maxSkips = 64

// Push is a push message as monitors of a subscription or a subscription set
// get it. It is acknowledged with DELETE to Message.
type Push struct {
	Message    string    `json:"message"` // URL
	Push       string    `json:"push"`    // URL of the push resource it was sent to
	Created    time.Time `json:"created"`
	Expires    time.Time `json:"expires"`
	Type       string    `json:"contentType,omitempty"`
	Encoding   string    `json:"contentEncoding,omitempty"`
	Encryption string    `json:"encryption,omitempty"` // of the older aesgcm
	CryptoKey  string    `json:"cryptoKey,omitempty"`  // of the older aesgcm
	Data       string    `json:"data,omitempty"`       // base64url
}

// Receipt is what became of a message, as monitors of a receipt subscription
// get it: 204 when it was acknowledged, 410 when it never was.
type Receipt struct {
	Message string    `json:"message"` // URL
	Status  int       `json:"status"`
	Time    time.Time `json:"time"`
}

// feed is an ordered queue that can be read as a topic, by one reader and with
// the reader's choice. All methods are called under the lock of the state.
type feed interface {
	open() bool                                       // it still exists
	place() (epoch string, head uint64)               // head is the number of the newest there ever was
	next(after uint64) (seq uint64, ok bool)          // the first item behind after that is for the reader
	item(seq uint64) (typ string, v any, t time.Time) // the item with that number
	waiters() *waiters
}

// source is a feed as a [topic.Source], [topic.Waker] and [topic.Bounder].
type source struct {
	st   *state
	feed feed
}

var (
	_ topic.Source  = source{}
	_ topic.Waker   = source{}
	_ topic.Bounder = source{}
)

// errOver ends those who monitor.
//
// RFC 8030, 7.3: "If there are outstanding requests to an expired push message
// subscription resource (Section 6) from a user agent or to an expired receipt
// subscription resource (Section 6.3) from an application server, this MUST be
// signaled by returning a 404 (Not Found) status code."
var errOver = &httpstream.RefusedError{Status: http.StatusNotFound, Token: "not_found", Message: "The subscription is over."}

const defaultRead = 64

// Read implements [topic.Source].
func (s source) Read(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
	for {
		s.st.mu.Lock()
		items, err := s.read(after, buf)
		if err != nil || len(items) > 0 {
			s.st.mu.Unlock()
			return items, err
		}
		if err := ctx.Err(); err != nil {
			s.st.mu.Unlock()
			return nil, err
		}
		if after == "" || after == topic.Now {
			// What comes while it waits must not be taken for what was
			// there before, nor be passed over.
			epoch, head := s.feed.place()
			after = topic.At(epoch, head)
		}
		woken := make(chan struct{})
		w := &waiter{ready: func() bool { return s.ready(after) }, f: func() { close(woken) }}
		s.feed.waiters().add(w)
		s.st.mu.Unlock()
		select {
		case <-woken:
		case <-ctx.Done():
			s.st.mu.Lock()
			delete(*s.feed.waiters(), w)
			s.st.mu.Unlock()
		}
	}
}

// position makes a number of a cursor. The caller holds mu.
func (s source) position(after topic.Cursor) (uint64, error) {
	epoch, head := s.feed.place()
	switch after {
	case "":
		return s.oldest(), nil
	case topic.Now:
		return head, nil
	}
	e, seq, err := after.Split()
	if err != nil {
		return 0, err
	}
	if e != epoch || seq > head {
		return 0, s.gone(after, s.oldest())
	}
	return seq, nil
}

// oldest is the place before the first item for the reader. The caller holds
// mu.
func (s source) oldest() uint64 {
	if seq, ok := s.feed.next(0); ok {
		return seq - 1
	}
	_, head := s.feed.place()
	return head
}

func (s source) gone(after topic.Cursor, oldest uint64) error {
	epoch, head := s.feed.place()
	return &topic.GoneError{After: after, Oldest: topic.At(epoch, oldest), Head: topic.At(epoch, head)}
}

// read returns what is there. The caller holds mu.
func (s source) read(after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
	if s.st.closed {
		return nil, topic.ErrClosed
	}
	if !s.feed.open() {
		return nil, errOver
	}
	at, err := s.position(after)
	if err != nil {
		return nil, err
	}
	if cap(buf) == 0 {
		buf = make([]topic.Item, 0, defaultRead)
	}
	buf = buf[:0]
	epoch, _ := s.feed.place()
	for len(buf) < cap(buf) {
		seq, ok := s.feed.next(at)
		if !ok {
			break // what is behind at is for nobody, and not worth waking a radio
		}
		if seq-at-1 > maxSkips {
			if len(buf) > 0 {
				break
			}
			return nil, s.gone(after, seq-1)
		}
		for at+1 < seq && len(buf) < cap(buf) {
			at++
			buf = append(buf, topic.Item{Cursor: topic.At(epoch, at), Type: TypeSkip, Time: time.Now()})
		}
		if len(buf) == cap(buf) {
			break
		}
		typ, v, t := s.feed.item(seq)
		data, err := json.Marshal(v)
		if err != nil {
			panic("pushservice: " + err.Error()) // plain structs of ours
		}
		buf = append(buf, topic.Item{Cursor: topic.At(epoch, seq), Type: typ, Data: data, Time: t})
		at = seq
	}
	return buf, nil
}

// ready reports whether Read would not wait. The caller holds mu.
func (s source) ready(after topic.Cursor) bool {
	if s.st.closed || !s.feed.open() {
		return true
	}
	at, err := s.position(after)
	if err != nil {
		return true
	}
	_, ok := s.feed.next(at)
	return ok
}

// Wake implements [topic.Waker].
func (s source) Wake(after topic.Cursor, f func()) (stop func()) {
	s.st.mu.Lock()
	defer s.st.mu.Unlock()
	if after == topic.Now {
		epoch, head := s.feed.place()
		after = topic.At(epoch, head)
	}
	w := &waiter{ready: func() bool { return s.ready(after) }, f: f}
	if w.ready() {
		go w.run()
	} else {
		s.feed.waiters().add(w)
	}
	return func() {
		w.over.Store(true)
		s.st.mu.Lock()
		defer s.st.mu.Unlock()
		delete(*s.feed.waiters(), w)
	}
}

// Bounds implements [topic.Bounder]. Items and Bytes are of all that a reader
// without a choice would get.
func (s source) Bounds(context.Context) (topic.Bounds, error) {
	s.st.mu.Lock()
	defer s.st.mu.Unlock()
	if !s.feed.open() {
		return topic.Bounds{}, errOver
	}
	epoch, head := s.feed.place()
	return topic.Bounds{Oldest: topic.At(epoch, s.oldest()), Head: topic.At(epoch, head)}, nil
}

// agentFeed is what waits for a user agent, or in one of its subscriptions.
type agentFeed struct {
	st   *state
	base string // URL of the service
	a    *agent
	sub  *subscription // nil for all
	// RFC 8030, 6: "The push service MUST NOT deliver messages with lower
	// urgency than the value of the header field".
	least Urgency

	// None of the messages behind from, up to to, is for this reader, and none
	// will be. A reader that waits behind thousands of them is asked at each
	// new message, and must not look at all of them each time.
	from, to uint64
}

func (f *agentFeed) open() bool {
	if f.sub != nil {
		return f.st.subs[f.sub.ID] == f.sub
	}
	return f.st.agents[f.a.ID] == f.a
}

func (f *agentFeed) place() (string, uint64) { return f.a.place() }

func (f *agentFeed) waiters() *waiters { return &f.a.waiting }

func (f *agentFeed) next(after uint64) (uint64, bool) {
	at := after
	if f.from <= after {
		at = max(after, f.to)
	}
	now := time.Now()
	for _, m := range f.a.queue[f.a.after(at):] {
		if (f.sub == nil || m.sub == f.sub) && m.Urgency >= f.least && m.Expires.After(now) && !m.handed {
			return m.Seq, true
		}
	}
	if at == after {
		f.from = after
	}
	f.to = f.a.seq
	return 0, false
}

func (f *agentFeed) item(seq uint64) (string, any, time.Time) {
	m := f.a.queue[f.a.after(seq-1)]
	m.handed = m.transient
	c := m.Content
	return TypePush, Push{
		Message: f.base + pathMessage + m.ID, Push: f.base + pathPush + m.sub.Push,
		Created: m.Created, Expires: m.Expires,
		Type: c.Type, Encoding: c.Encoding, Encryption: c.Encryption, CryptoKey: c.CryptoKey,
		Data: base64.RawURLEncoding.EncodeToString(c.Body),
	}, m.Created
}

// place returns the epoch and the newest number, and gives the agent an epoch
// when it needs one: numbers are not stored, so that each start of the service
// has another. The caller holds mu.
func (a *agent) place() (string, uint64) {
	if a.epoch == "" {
		a.epoch = topic.NewEpoch()
	}
	return a.epoch, a.seq
}

// receiptFeed is a receipt subscription.
type receiptFeed struct {
	st   *state
	base string
	set  *receiptSet
}

func (f *receiptFeed) open() bool              { return f.st.sets[f.set.id] == f.set }
func (f *receiptFeed) place() (string, uint64) { return f.set.epoch, f.set.seq }
func (f *receiptFeed) waiters() *waiters       { return &f.set.waiting }

func (f *receiptFeed) next(after uint64) (uint64, bool) {
	l := f.set.list
	switch {
	case len(l) == 0 || after == math.MaxUint64 || after >= l[len(l)-1].seq:
		return 0, false
	case after < l[0].seq:
		return l[0].seq, true
	}
	return after + 1, true
}

func (f *receiptFeed) item(seq uint64) (string, any, time.Time) {
	r := f.set.list[seq-f.set.list[0].seq]
	return TypeReceipt, Receipt{f.base + pathMessage + r.Message, r.Status, r.Time}, r.Time
}
