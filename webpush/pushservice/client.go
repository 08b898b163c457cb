package pushservice

import (
	"container/list"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

const (
	maxClients    = 16_384 // clients whose recent requests are remembered
	maxClientName = 64     // bytes of a name that is kept as it is
)

// clientKey is where the context of a user agent's connection has the name of
// the client that opened it.
type clientKey struct{}

// clientOf names who a request comes from; "" is nobody in particular, who is
// not limited.
func (s *Service) clientOf(r *http.Request) string {
	name := r.RemoteAddr
	if f := s.st.o.Client; f != nil {
		name = f(r)
	}
	name = network(name)
	if len(name) > maxClientName { // a header field, perhaps, that the client wrote
		sum := sha256.Sum256([]byte(name))
		name = string(sum[:])
	}
	return name
}

// network is what an IP address, with or without a port, counts as: itself, and
// of IPv6 the first 64 bits, as a host has the others to itself (RFC 4291,
// 2.5.1). Any other name stays as it is; a Unix socket's is one client.
func network(name string) string {
	a, err := netip.ParseAddr(strings.Trim(name, "[]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(name)
		if err != nil {
			return name
		}
		a = ap.Addr()
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}

// made is a thing that anybody can have the service keep by asking for it.
type made int

const (
	madeSubscription made = iota
	madeReceiptSet
	mades
)

var madeLimits = [mades]struct{ token, message string }{
	madeSubscription: {"subscribes_too_fast", "this client makes subscriptions too fast"},
	madeReceiptSet:   {"receipts_too_fast", "this client makes receipt subscriptions too fast; name one that you have"},
}

// clients limit how fast each client has new things kept. Those that were not
// seen for the longest time make room: their buckets have filled the most since.
// All is under the lock of the state.
type clients struct {
	recent list.List // of *client, that which was seen last in front
	byName map[string]*list.Element
}

type client struct {
	name    string
	buckets [mades]bucket
}

// take lets a client have one thing more, or says when it may.
func (c *clients) take(name string, what made, now time.Time, rate float64, burst int) error {
	if name == "" {
		return nil
	}
	e := c.byName[name]
	if e == nil {
		if c.byName == nil {
			c.byName = make(map[string]*list.Element)
		}
		if c.recent.Len() >= maxClients {
			old := c.recent.Remove(c.recent.Back()).(*client)
			delete(c.byName, old.name)
		}
		e = c.recent.PushFront(&client{name: name})
		c.byName[name] = e
	} else {
		c.recent.MoveToFront(e)
	}
	wait, ok := e.Value.(*client).buckets[what].take(now, rate, burst)
	if ok {
		return nil
	}
	l := madeLimits[what]
	return &refusal{status: http.StatusTooManyRequests, token: l.token, message: l.message, retry: wait}
}

// charge is take with the limits of the service. The caller holds mu.
func (st *state) charge(client string, what made) error {
	return st.clients.take(client, what, time.Now(), st.o.ClientRate, st.o.ClientBurst)
}
