package pushwire

import (
	"crypto/tls"
	"math"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/pushwire/pushwire/handshake"
)

// Gate bounds the connections that a server has at a time, so that a flood of
// them takes neither all descriptors nor all memory of the process. The zero
// value is ready, with the defaults of its fields. One Gate may serve many
// handlers and listeners, which then share its limits. The fields must not be
// changed once it is used; the methods may be called from any goroutine.
//
// A connection counts until its transport is closed, or given back by
// [Conn.Detach]. [Serve] and [AcceptConn] count it from the first moment, so
// that those that never send a request are bounded too; [Handler] and
// [Accept] from its opening handshake, since what came before is net/http's
// (golang.org/x/net/netutil has a listener with a limit).
//
// Who finds the gate closed is told 503, or 429 where it is the address that
// has too many. Serve and AcceptConn, which do not wait for the request then,
// tell it 64 of them at a time, and close the others, and all under TLS,
// without a word.
type Gate struct {
	// MaxConns is how many connections there may be; negative is no limit.
	// The default leaves an eighth of the descriptors that the process may
	// have (RLIMIT_NOFILE), 128 of them at least or a half where that is less,
	// to the rest of the program; where no such limit is known there is none.
	MaxConns int

	// MaxPerAddress is how many there may be from one address. The default is
	// no limit: behind a proxy all of them come from the proxy's.
	MaxPerAddress int

	// Address says what one address is to MaxPerAddress, given that of the
	// peer: RemoteAddr of the connection, or of the *http.Request, where
	// middleware may have put what a proxy told. What it returns "" for is not
	// counted. nil takes IPv4 addresses as they are, and of IPv6 ones the
	// first 64 bits, which is what one customer gets. It is called before
	// anything of the connection was read, so it must be quick.
	Address func(remote string) string

	mu     sync.Mutex
	open   int
	from   map[string]*ticket // by address, with MaxPerAddress
	common ticket             // of all connections that are not counted by address
	told   int                // those turned away that take their answer
}

// processGate is that of all who set none: descriptors belong to the process.
var processGate Gate

func (o *AcceptOptions) gate() *Gate {
	if o.Gate != nil {
		return o.Gate
	}
	return &processGate
}

// ticket is what a connection holds while it counts. Those from one address
// share it, so that a connection needs no memory of its own.
type ticket struct {
	gate    *Gate
	address string
	open    int // connections that hold it; guarded by gate.mu
}

// turnedAwayMax is how many connections that were turned away may take their
// answer at a time. Each has refusalTimeout for it.
const turnedAwayMax = 64

var (
	errGateFull = &handshake.Error{
		Status: http.StatusServiceUnavailable, Token: "handshake_too_many_connections",
		Reason: "the server has as many connections as it may have (try again later)",
		Header: http.Header{"Retry-After": {"10"}},
	}
	errGateAddress = &handshake.Error{
		Status: http.StatusTooManyRequests, Token: "handshake_too_many_from_address",
		Reason: "there are too many connections from your address (close some of them first)",
		Header: http.Header{"Retry-After": {"10"}},
	}
)

// Len returns how many connections there are.
func (g *Gate) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// enter counts a connection. remote may be "", and is then nc's.
func (g *Gate) enter(remote string, nc net.Conn) (*ticket, error) {
	if remote == "" && nc != nil && g.MaxPerAddress > 0 {
		remote = nc.RemoteAddr().String()
	}
	address := ""
	if g.MaxPerAddress > 0 {
		if g.Address != nil {
			address = g.Address(remote)
		} else {
			address = addressOf(remote)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open >= g.max() {
		return nil, errGateFull
	}
	t := &g.common
	if address != "" {
		if t = g.from[address]; t == nil {
			t = &ticket{address: address}
			if g.from == nil {
				g.from = make(map[string]*ticket)
			}
			g.from[address] = t
		} else if t.open >= g.MaxPerAddress {
			return nil, errGateAddress
		}
	}
	if t.gate == nil {
		t.gate = g
	}
	t.open++
	g.open++
	return t, nil
}

// leave is the end of a connection that has entered; of a nil ticket nothing.
func (t *ticket) leave() {
	if t == nil {
		return
	}
	g := t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	if t.open--; t.open == 0 && t.address != "" {
		delete(g.from, t.address)
	}
}

// leaveGate is leave for a handshake that was refused, once.
func (a *agreed) leaveGate() {
	a.ticket.leave()
	a.ticket = nil
}

// leaveGate is leave for a connection, once.
func (c *Conn) leaveGate() { c.ticket.Swap(nil).leave() }

func (g *Gate) max() int {
	switch {
	case g.MaxConns > 0:
		return g.MaxConns
	case g.MaxConns < 0:
		return math.MaxInt
	}
	return defaultMaxConns()
}

// defaultMaxConns is the default of [Gate.MaxConns].
var defaultMaxConns = sync.OnceValue(func() int { return maxConnsOf(descriptors()) })

// maxConnsOf returns how many of so many descriptors connections may take.
func maxConnsOf(descriptors uint64) int {
	if descriptors > math.MaxInt32 {
		return math.MaxInt // as good as no limit
	}
	n := int(descriptors)
	return n - min(max(n/8, 128), n/2)
}

// turnAway closes a connection that did not get in for err. Where it is to be
// told so it returns what does that, and closes it, within refusalTimeout.
func (g *Gate) turnAway(nc net.Conn, err error) (tell func()) {
	if _, isTLS := nc.(*tls.Conn); isTLS { // its handshake costs more than an answer is worth
		nc.Close()
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.told >= turnedAwayMax {
		nc.Close()
		return nil
	}
	g.told++
	return func() {
		refuseConn(nc, &handshake.Request{}, err)
		g.mu.Lock()
		g.told--
		g.mu.Unlock()
	}
}

// addressOf returns the IP address of a host and port, or as much of it as
// one peer has; whatever else it is, it stays as it is.
func addressOf(remote string) string {
	var ip netip.Addr
	if ap, err := netip.ParseAddrPort(remote); err == nil {
		ip = ap.Addr()
	} else if ip, err = netip.ParseAddr(remote); err != nil {
		return remote
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		p, _ := ip.Prefix(64)
		return p.String()
	}
	return ip.String()
}
