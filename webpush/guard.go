package webpush

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// A Guard decides which addresses are dialed. Endpoints come from outside: a
// page may send any URL as its subscription, and who posts to it without a look
// is a way into the sender's own network.
//
// The zero value dials public addresses only. It looks at the address that is
// connected to, after names were resolved, so that a name which changes its
// address between a check and its use (DNS rebinding) gains nothing.
type Guard struct {
	// Allow are more addresses that may be dialed: a push service of one's own,
	// a proxy.
	Allow []netip.Prefix

	// Any lets every address be dialed, as tests need it, and is the way to use
	// a transport that the guard can't look into.
	Any bool
}

// notPublic are the addresses that are nobody's on the Internet, by IANA's
// registries of special-purpose addresses, with what they are.
var notPublic = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"}, // Linux connects 0.0.0.0 to itself
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "of a provider's own network"},
	{netip.MustParsePrefix("127.0.0.0/8"), "this machine"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"}, // the metadata of clouds is here
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved for protocols"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a former 6to4 relay"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"}, // with broadcast

	{netip.MustParsePrefix("::1/128"), "this machine"},
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("2001::/23"), "reserved for protocols"}, // with Teredo
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation"},
	{netip.MustParsePrefix("2002::/16"), "6to4"}, // which holds any IPv4 address
	{netip.MustParsePrefix("3fff::/20"), "for documentation"},
}

var (
	global6 = netip.MustParsePrefix("2000::/3") // all that is given out of IPv6
	// RFC 6052, 2.1: the last 32 bits are an IPv4 address, behind a translator.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// special says what an address is that is not public, "" for one that is.
func special(a netip.Addr) string {
	a = a.Unmap().WithZone("") // ::ffff:127.0.0.1 is 127.0.0.1
	if nat64.Contains(a) {
		b := a.As16()
		if what := special(netip.AddrFrom4([4]byte(b[12:]))); what != "" {
			return what + ", through NAT64"
		}
		return ""
	}
	for _, s := range notPublic {
		if s.prefix.Contains(a) {
			return s.what
		}
	}
	if a.Is6() && !global6.Contains(a) {
		return "not given out"
	}
	return ""
}

// Check returns a [*GuardError] if the address may not be dialed.
func (g Guard) Check(a netip.Addr) error {
	if g.Any {
		return nil
	}
	what := special(a)
	if what == "" {
		return nil
	}
	plain := a.Unmap().WithZone("")
	for _, p := range g.Allow {
		if p.Contains(plain) {
			return nil
		}
	}
	return &GuardError{Addr: a, What: what}
}

// Control is for the field of the same name of a net.Dialer: it stops a
// connection before its first packet.
func (g Guard) Control(network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil { // a Unix socket, or whatever else is no address of IP
		if g.Any {
			return nil
		}
		return &GuardError{What: "it is no IP address"}
	}
	return g.Check(ap.Addr())
}

// checkConn is for connections that somebody else's dialer made: nothing has
// been written to them yet. One that does not say where it leads to is not let
// through, whatever the reason.
func (g Guard) checkConn(c net.Conn) error {
	addr := c.RemoteAddr()
	if addr == nil {
		return &GuardError{What: "the connection does not tell its remote address"}
	}
	return g.Control("", addr.String(), nil)
}

// A GuardError is an address that the [Guard] does not let through. Sending is
// not tried again: the subscription is forged, or for another network.
type GuardError struct {
	Addr netip.Addr // not valid where the address is none of IP, or not known
	What string     // what the address is, as "private"
}

func (e *GuardError) Error() string {
	if !e.Addr.IsValid() {
		return fmt.Sprintf("webpush: nobody can tell whether the endpoint is at a public address (%s), so nothing is sent to it; Guard.Any lets it through", e.What)
	}
	return fmt.Sprintf("webpush: the endpoint is at %v (%s: not public, so it is not dialed; Guard.Allow makes exceptions)", e.Addr, e.What)
}

// Token returns the stable name of the fault, for counting.
func (e *GuardError) Token() string { return "webpush_guard" }
