package handshake

import (
	"net/netip"
	"strings"
)

// An authority is host[:port], as in a Host field or an origin.
type authority struct {
	host string     // a name or an IPv4 address, as sent; empty for IPv6
	addr netip.Addr // IPv6
	port int        // noPort if none is given, or an empty one
}

const noPort = -1

// parseAuthority reads host[:port] (RFC 3986, 3.2.2 and 3.2.3) and takes less
// than the grammar offers: names of ASCII letters, digits, "-", ".", "_" and
// "~", and IPv6 addresses without a zone. Percent escapes, commas and the
// other delimiters appear in attacks and not in names.
func parseAuthority(s string) (a authority, ok bool) {
	end := len(s)
	if strings.HasPrefix(s, "[") {
		end = strings.IndexByte(s, ']') + 1
		if end == 0 {
			return a, false
		}
		addr, err := netip.ParseAddr(s[1 : end-1])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return a, false
		}
		a.addr = addr
	} else {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			end = i
		}
		a.host = s[:end]
		if !validName(a.host) {
			return a, false
		}
	}
	a.port, ok = parsePort(s[end:])
	return a, ok
}

// nameByte tells the bytes of a name.
var nameByte = bytesOf(alphanumeric + "-._~")

func validName(s string) bool {
	for i := 0; i < len(s); i++ {
		if !nameByte[s[i]] {
			return false
		}
	}
	return s != ""
}

// parsePort reads ":" and digits, or nothing. RFC 3986 allows the colon
// without digits.
func parsePort(s string) (port int, ok bool) {
	if s == "" || s == ":" {
		return noPort, true
	}
	if s[0] != ':' {
		return 0, false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		port = port*10 + int(s[i]-'0')
		if port > 65535 {
			return 0, false
		}
	}
	return port, true
}

// sameHost compares without regard to case, and addresses by value.
func (a authority) sameHost(b authority) bool {
	return strings.EqualFold(a.host, b.host) && a.addr == b.addr
}

// portOr returns the port, or the default of the scheme.
func (a authority) portOr(scheme string) int {
	switch {
	case a.port != noPort:
		return a.port
	case strings.EqualFold(scheme, "http"):
		return 80
	case strings.EqualFold(scheme, "https"):
		return 443
	}
	return noPort
}
