package pushservice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"
)

// grace is how long a message with TTL 0 may take to be acknowledged once it
// was handed to a connected user agent. It is never sent a second time.
const grace = 30 * time.Second

// send takes a message for a subscription (RFC 8030, 5).
func (s *Service) send(w http.ResponseWriter, r *http.Request, id string) {
	err := s.trySend(w, r, id)
	if err != nil {
		s.refuse(w, r, err)
	}
}

func (s *Service) trySend(w http.ResponseWriter, r *http.Request, id string) error {
	key, err := s.st.sendable(id)
	if err != nil {
		return err
	}
	ttl, err := parseTTL(r.Header)
	if err != nil {
		return err
	}
	urgency, err := parseUrgency(r.Header, Normal)
	if err != nil {
		return err
	}
	topic, err := parseTopic(r.Header)
	if err != nil {
		return err
	}
	c, err := parseContent(r.Header)
	if err != nil {
		return err
	}
	sender, err := s.authorize(r, key)
	if err != nil {
		return err
	}
	c.Body, err = s.readBody(w, r)
	if err != nil {
		return err
	}
	if sameKeys(sender, c) {
		// RFC 8292, 3.2: "a push service SHOULD reject push messages that
		// have identical values for these parameters with a 400 (Bad
		// Request) status code."
		return badRequest("key_reused", "the key that signs is also that of the key exchange")
	}
	// RFC 8030, 5.2: "A push service MAY retain a push message for a shorter
	// duration than requested. It indicates this by returning a TTL header
	// field in its response with the actual TTL."
	kept := min(ttl, s.st.o.MaxTTL)

	m := &message{
		messageRecord: messageRecord{ID: newID(), Created: time.Now(), Urgency: urgency, Topic: topic, Content: c},
		heap:          -1,
	}
	m.Expires = m.Created.Add(kept)
	_, wantsReceipt := preference(r.Header, "respond-async")
	wish := receiptWish{wanted: wantsReceipt}
	if wantsReceipt {
		if l, ok := link(r.Header, relReceipt); ok {
			if wish.set, ok = s.resource(r, l, pathReceipts); !ok {
				return badRequest("bad_receipt_subscription", "the receipt subscription in Link is none of this service")
			}
		} else {
			wish.client = s.clientOf(r)
		}
	}
	if f := s.st.o.Trace.Received; f != nil {
		f(m.ID, r)
	}
	set, err := s.st.send(r.Context(), id, m, kept == 0, wish)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("TTL", strconv.FormatInt(int64(kept/time.Second), 10))
	// RFC 8030, 5: "A URI for the push message resource that was created in
	// response to the request MUST be returned in the Location header field."
	h.Set("Location", s.base(r)+pathMessage+m.ID)
	h.Set("Content-Length", "0")
	if wantsReceipt {
		// RFC 8030, 5.1: "it MUST return a 202 (Accepted) response. [...] The
		// push service MUST also provide a URI for the receipt subscription
		// resource in a link relation of type
		// "urn:ietf:params:push:receipt"."
		h.Add("Link", s.linkTo(r, pathReceipts+set, relReceipt))
		h.Set("Preference-Applied", "respond-async")
		w.WriteHeader(http.StatusAccepted)
		return nil
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

// readBody reads the body up to the limit.
func (s *Service) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := s.st.o.MaxPayload
	tooLarge := &refusal{status: http.StatusRequestEntityTooLarge, token: "too_large",
		message: fmt.Sprintf("a message has %d bytes at most", limit)}
	if r.ContentLength > int64(limit) {
		return nil, tooLarge
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limit)))
	var mbe *http.MaxBytesError
	if errors.As(err, &mbe) {
		return nil, tooLarge
	}
	if err != nil {
		return nil, badRequest("body_cut", "the body was not read to its end")
	}
	return bytes.Clone(b), nil // without the room that ReadAll made for more
}

// sendable returns the key that the subscription is restricted to.
func (st *state) sendable(push string) ([]byte, error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	s, err := st.pushed(push)
	if err != nil {
		return nil, err
	}
	return s.Key, nil
}

// pushed finds the subscription of a push resource. The caller holds mu.
//
// RFC 8030, 7.3: "A push service MUST return a 404 (Not Found) status code if
// an application server attempts to send a push message to an expired push
// message subscription." Where the user agent removed it, we are as exact as
// the browsers' vendors and say 410.
func (st *state) pushed(push string) (*subscription, error) {
	if s := st.pushes[push]; s != nil {
		return s, nil
	}
	if st.gone.has(push) {
		return nil, errGone
	}
	return nil, errNotFound
}

// receiptWish is whether a sender wants a receipt, and where.
type receiptWish struct {
	wanted bool
	set    string // the ID of a receipt subscription; "" for a new one
	client string // who asks for a new one
}

// send takes a message in and returns when it is kept, with the receipt
// subscription that its receipt will go to.
func (st *state) send(ctx context.Context, push string, m *message, now bool, wish receiptWish) (string, error) {
	st.mu.Lock()
	n, set, sess, err := st.sendLocked(push, m, now, wish)
	st.mu.Unlock()
	if err != nil {
		return "", err
	}
	if sess != nil {
		// In parallel with the store: should that fail, the sender tries
		// again and the user agent may see the message twice.
		sess.wake()
	}
	if err := st.commit.wait(ctx, n); err != nil {
		st.takeBack(ctx, m)
		return "", err
	}
	return set, nil
}

// takeBack removes a message that the store did not take: its sender tries
// again, and each time would add another. One that took the place of an older
// message stays, lest both are lost; and so does one whose sender has gone, as
// it does not know.
func (st *state) takeBack(ctx context.Context, m *message) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if ctx.Err() == nil && !m.over && !m.replaces && m.sub != nil {
		st.commit.add(st.remove(m)...)
	}
}

func (st *state) sendLocked(push string, m *message, now bool, wish receiptWish) (n uint64, set string, _ *session, err error) {
	s, err := st.pushed(push)
	if err != nil {
		return 0, "", nil, err
	}
	if st.closed {
		return 0, "", nil, errClosed
	}
	if wait, ok := s.bucket.take(m.Created, st.o.Rate, st.o.Burst); !ok {
		// RFC 8030, 8.4: "A push service MAY return a 429 (Too Many Requests)
		// status code [RFC6585] when an application server has exceeded its
		// rate limit for push message delivery to a push resource."
		return 0, "", nil, &refusal{http.StatusTooManyRequests, "rate_limited", "this subscription gets too many messages", wait}
	}
	if st.commit.full() {
		return 0, "", nil, errStoreFull
	}
	a := s.agent
	old := s.topics[m.Topic]
	if m.Topic == "" {
		old = nil
	}
	if err := st.roomFor(m, s, old); err != nil {
		return 0, "", nil, err
	}
	var changes []Change
	if wish.wanted {
		r, more, err := st.receiptSetFor(wish.client, wish.set)
		if errors.Is(err, errNotFound) {
			// RFC 8030, 5.1: "A push service MUST return a 400 (Bad Request)
			// status code for requests that contain an invalid receipt
			// subscription."
			err = badRequest("bad_receipt_subscription", "there is no such receipt subscription")
		}
		if err != nil {
			return 0, "", nil, err
		}
		changes = more
		set = r.id
		m.Receipt = set
	}
	changes = append(changes, st.use(a)...)
	if old != nil {
		// RFC 8030, 5.4: "A push message replacement request creates a new
		// push message resource and simultaneously deletes any existing
		// message resource that has a matching topic. [...] Delivery receipts
		// for such deleted messages SHOULD be suppressed."
		m.replaces = true
	}
	if now {
		// RFC 8030, 5.2: "If the user agent is unavailable, a push message
		// with a zero TTL expires and is never delivered."
		if a.session == nil && len(a.waiting) == 0 {
			changes = append(changes, st.receipt(m, statusNotDelivered)...)
			if old != nil {
				changes = append(changes, st.remove(old)...)
			}
			return st.commit.add(changes...), set, nil, nil
		}
		m.transient = true
		m.Expires = m.Created.Add(grace)
	}
	st.enqueue(m, s)
	if !m.transient {
		changes = append(changes, put(KindMessage, m.ID, m.messageRecord))
	}
	if old != nil {
		changes = append(changes, st.remove(old)...)
	}
	woken := a.waiting.notify()
	if m.transient && a.session == nil && woken == 0 { // who waits, waits for something else
		changes = append(changes, st.finish(m, statusNotDelivered)...)
	}
	return st.commit.add(changes...), set, a.session, nil
}

// roomFor holds a message that may replace another against the limits. The
// caller holds mu.
func (st *state) roomFor(m *message, s *subscription, old *message) error {
	n, count := m.cost(), 1
	if old != nil {
		n -= old.cost()
		count = 0
	}
	if s.count+count > st.o.MaxMessages || s.agent.bytes+n > st.o.MaxAgentBytes {
		// Room comes when the user agent reads, or a message expires.
		wait := time.Hour
		if q := s.agent.queue; len(q) > 0 {
			for _, w := range q {
				wait = min(wait, w.Expires.Sub(m.Created))
			}
		}
		wait = max(wait, time.Duration(min(math.Ceil(1/st.o.Rate), longestWait.Seconds()))*time.Second)
		return &refusal{http.StatusTooManyRequests, "queue_full", "too many messages wait for this user agent", wait}
	}
	if st.bytes+n > st.o.MaxBytes {
		return errNoRoom
	}
	return nil
}
