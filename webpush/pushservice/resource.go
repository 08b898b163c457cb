package pushservice

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"
)

// subscribe makes a subscription over HTTP (RFC 8030, 4).
func (s *Service) subscribe(w http.ResponseWriter, r *http.Request) {
	if s.pages.Check(r) != nil {
		s.refuse(w, r, &refusal{status: http.StatusForbidden, token: "cross_origin", message: "user agents subscribe here, not pages of other sites"})
		return
	}
	key, err := subscribeKey(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	var agentID string
	if l, ok := link(r.Header, relSet); ok {
		if agentID, ok = s.resource(r, l, pathSet); !ok {
			// RFC 8030, 4.1: "A push service MUST return a 400 (Bad Request)
			// status code for requests that contain an invalid subscription
			// set."
			s.refuse(w, r, badRequest("bad_subscription_set", "the subscription set in Link is none of this service"))
			return
		}
	}
	sub, err := s.st.subscribeTo(r.Context(), s.clientOf(r), agentID, key)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	endpoint := s.base(r) + pathPush + sub.Push
	if f := s.st.o.Trace.Subscribed; f != nil {
		f(sub.Agent, endpoint)
	}
	// RFC 8030, 4: "A URI for the push message subscription resource that was
	// created in response to the request MUST be returned in the Location
	// header field. The push service MUST provide a URI for the push resource
	// corresponding to the push message subscription in a link relation of
	// type "urn:ietf:params:push"."
	h := w.Header()
	h.Set("Location", s.base(r)+pathSubscription+sub.ID)
	h.Add("Link", s.linkTo(r, pathPush+sub.Push, relPush))
	h.Add("Link", s.linkTo(r, pathSet+sub.Agent, relSet))
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
}

// subscribeKey reads the key that a subscription is to be restricted to.
//
// RFC 8292, 4.1: "A push service MUST ignore the body of a request that uses a
// different media type. For the "application/webpush-options+json" media type,
// a push service MUST ignore any members on this object that it does not
// understand."
func subscribeKey(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if typ, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || typ != "application/webpush-options+json" {
		return nil, nil
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOptionsBody))
	if err != nil {
		return nil, badRequest("bad_options", "the options can't be read, or are too long")
	}
	var options struct {
		VAPID string `json:"vapid"`
	}
	if err := json.Unmarshal(b, &options); err != nil {
		return nil, badRequest("bad_options", "the options are no JSON object with a string for vapid")
	}
	if options.VAPID == "" {
		return nil, nil
	}
	key, err := parsePoint(options.VAPID)
	if err != nil {
		return nil, badRequest("bad_key", "vapid is no uncompressed point on P-256 in base64url")
	}
	return key, nil
}

// subscribeTo makes a subscription in the set with that ID, or in a new one
// for "".
func (st *state) subscribeTo(ctx context.Context, client, id string, key []byte) (*subscription, error) {
	st.mu.Lock()
	if id != "" && st.agents[id] == nil {
		st.mu.Unlock()
		return nil, badRequest("bad_subscription_set", "there is no such subscription set")
	}
	// Before agentFor, for which another user agent may have to go.
	if err := st.charge(client, madeSubscription); err != nil {
		st.mu.Unlock()
		return nil, err
	}
	a, err := st.agentFor(id)
	if err != nil {
		st.mu.Unlock()
		return nil, err
	}
	sub, err := st.subscribeLocked(a, "", key)
	if err != nil {
		st.release(a)
	}
	st.mu.Unlock()
	if err != nil {
		return nil, err
	}
	_, err = st.confirm(ctx, sub)
	return sub, err
}

// subscription serves a subscription resource.
func (s *Service) subscription(w http.ResponseWriter, r *http.Request, id string) {
	s.st.mu.Lock()
	sub := s.st.subs[id]
	s.st.mu.Unlock()
	switch {
	case sub == nil:
		s.refuse(w, r, errNotFound)
	case r.Method == http.MethodDelete:
		// RFC 8030, 7.3: "A user agent can remove its push message
		// subscription by sending a DELETE request to the corresponding URI."
		s.done(w, r, s.st.unsubscribe(r.Context(), sub))
	default:
		s.monitor(w, r, sub.agent, sub)
	}
}

// set serves a subscription set.
func (s *Service) set(w http.ResponseWriter, r *http.Request, id string) {
	s.st.mu.Lock()
	a := s.st.agents[id]
	s.st.mu.Unlock()
	switch {
	case a == nil:
		s.refuse(w, r, errNotFound)
	case r.Method == http.MethodDelete:
		s.done(w, r, s.st.removeAgent(r.Context(), a))
	default:
		s.monitor(w, r, a, nil)
	}
}

// message serves a message to its user agent, or takes its acknowledgement.
func (s *Service) message(w http.ResponseWriter, r *http.Request, id string) {
	st := s.st
	st.mu.Lock()
	m := st.messages[id]
	if m == nil || !m.Expires.After(time.Now()) {
		st.mu.Unlock()
		s.refuse(w, r, errNotFound)
		return
	}
	if r.Method == http.MethodDelete {
		// RFC 8030, 6.2: "the user agent MUST acknowledge receipt of the
		// message by performing an HTTP DELETE on the push message resource."
		agent := m.sub.Agent
		n := st.acknowledge(m, AckDelivered)
		st.mu.Unlock()
		if f := st.o.Trace.Acked; f != nil {
			f(Ack{Agent: agent, Message: id, Code: AckDelivered})
		}
		s.done(w, r, st.commit.wait(r.Context(), n))
		return
	}
	push := m.sub.Push
	st.mu.Unlock()
	h := w.Header()
	c := m.Content
	// RFC 8030, 6: "The response headers SHOULD provide a URI for the push
	// resource corresponding to the push message subscription in a link
	// relation of type "urn:ietf:params:push"."
	h.Set("Link", s.linkTo(r, pathPush+push, relPush))
	h.Set("Cache-Control", "private")
	// RFC 8030, 7.2: "Stored push messages SHOULD include a Last-Modified
	// header field (Section 2.2 of [RFC7232]) indicating when delivery was
	// requested by an application server."
	h.Set("Last-Modified", m.Created.UTC().Format(http.TimeFormat))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox") // a page must not come out of what anybody can post
	h.Set("Content-Length", strconv.Itoa(len(c.Body)))
	if c.Type != "" {
		h.Set("Content-Type", c.Type)
	} else {
		h["Content-Type"] = nil // or net/http would guess
	}
	if c.Encoding != "" {
		h.Set("Content-Encoding", c.Encoding)
	}
	if c.Encryption != "" {
		h.Set("Encryption", "salt="+c.Encryption)
		h.Set("Crypto-Key", "dh="+c.CryptoKey)
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		w.Write(c.Body)
	}
}

// done answers a request that had nothing to say but that it is done.
func (s *Service) done(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
