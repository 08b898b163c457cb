package pushservice

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// monitor serves what waits in a subscription, or in all of a user agent's
// (sub is nil), over any transport of httpstream.
//
// RFC 8030, 6, has it by HTTP/2 server push, which no HTTP library of today
// takes any more: browsers and Go's client have dropped it. What is the same: a
// request without more stays open until there is something, "Prefer: wait=0"
// is answered at once, with 204 when nothing waits, and each message is gone
// only once it was deleted.
func (s *Service) monitor(w http.ResponseWriter, r *http.Request, a *agent, sub *subscription) {
	least, err := parseUrgency(r.Header, VeryLow)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.st.mu.Lock()
	s.st.touch(a)
	if changes := s.st.use(a); changes != nil {
		s.st.commit.add(changes...)
		s.st.commit.kick()
	}
	crowded := len(a.waiting) >= maxReaders
	s.st.mu.Unlock()
	if crowded {
		s.refuse(w, r, errTooManyReads)
		return
	}
	s.follow(w, r, &agentFeed{st: s.st, base: s.base(r), a: a, sub: sub, least: least})
}

// receipts serves a receipt subscription (RFC 8030, 6.3) in the same way.
func (s *Service) receipts(w http.ResponseWriter, r *http.Request, id string) {
	s.st.mu.Lock()
	set := s.st.sets[id]
	if set == nil {
		s.st.mu.Unlock()
		s.refuse(w, r, errNotFound)
		return
	}
	if r.Method == http.MethodDelete {
		// RFC 8030, 7.3: "An application server can remove its receipt
		// subscription by sending a DELETE request to the corresponding URI."
		n := s.st.commit.add(s.st.dropReceiptSet(set)...)
		s.st.mu.Unlock()
		s.done(w, r, s.st.commit.wait(r.Context(), n))
		return
	}
	if changes := s.st.read(set); changes != nil {
		s.st.commit.add(changes...)
		s.st.commit.kick()
	}
	crowded := len(set.waiting) >= maxReaders
	s.st.mu.Unlock()
	if crowded {
		s.refuse(w, r, errTooManyReads)
		return
	}
	s.follow(w, r, &receiptFeed{st: s.st, base: s.base(r), set: set})
}

// follow serves a feed.
func (s *Service) follow(w http.ResponseWriter, r *http.Request, f feed) {
	httpstream.Handler(topic.Source(source{s.st, f}), &httpstream.Options{
		// Whoever knows the URL may read (RFC 8030, 8.3), so credentials
		// that a browser adds by itself play no part. But no page has
		// business here.
		Origins: handshake.Origins{Host: s.ownHost()},
		Group:   &s.monitors,
		Logger:  s.logger,
		Socket:  &pushwire.AcceptOptions{Config: pushwire.Config{Logger: s.logger}},
	}).ServeHTTP(w, preferred(r))
}

func (s *Service) ownHost() string {
	if s.public == nil {
		return ""
	}
	return s.public.Scheme + "://" + s.public.Host
}

// preferred puts into the query how long a request without a word of
// httpstream's protocol wants to wait: what Prefer says (RFC 7240, 4.3), or
// else as long as it may.
//
// RFC 8030, 6: "A user agent can also request the contents of the push message
// subscription resource immediately by including a Prefer header field
// [RFC7240] with a "wait" preference set to "0"."
func preferred(r *http.Request) *http.Request {
	if r.Header.Get("Upgrade") != "" || r.URL.Query().Has("wait") {
		return r
	}
	for _, streams := range [...]string{"text/event-stream", "application/x-ndjson"} {
		if strings.Contains(strings.ToLower(strings.Join(r.Header["Accept"], ",")), streams) {
			return r
		}
	}
	// RFC 7240, 2: "A server that does not recognize or is unable to comply
	// with particular preference tokens in the Prefer header field of a
	// request MUST ignore those tokens". A number is one.
	wait, _ := preference(r.Header, "wait")
	switch n, err := strconv.ParseUint(wait, 10, 16); {
	case err != nil:
		wait = "3600" // httpstream makes it what it allows
	case n == 0:
		return r // a short poll
	}
	c := r.Clone(r.Context())
	if c.URL.RawQuery != "" {
		c.URL.RawQuery += "&"
	}
	c.URL.RawQuery += "wait=" + url.QueryEscape(wait)
	return c
}
