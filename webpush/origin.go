package webpush

import (
	"net/netip"
	"net/url"
	"strings"
)

// maxEndpoint is the longest endpoint that is taken, in bytes. Those of the
// vendors have 150 to 600.
const maxEndpoint = 2 << 10

// parseEndpoint reads the URL of a push resource. The query belongs to it:
// Windows has its whole secret there.
func parseEndpoint(s string) (*url.URL, error) {
	if s == "" {
		return nil, faultEndpointMissing.subscription()
	}
	if len(s) > maxEndpoint {
		return nil, faultEndpointURL.subscription()
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return nil, faultEndpointURL.subscription()
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.User != nil || u.Host == "" || strings.Contains(s, "#") {
		return nil, faultEndpointURL.subscription()
	}
	name, port := u.Hostname(), u.Port()
	if name == "" || strings.HasSuffix(u.Host, ":") || port != "" && !isPort(port) || !isHost(name) {
		return nil, faultEndpointHost.subscription(quote(u.Host))
	}
	// RFC 8030, 8: "All URIs therefore use the "https" scheme". A service on
	// this machine is nobody else's to listen to.
	if u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(name)) {
		return nil, faultEndpointScheme.subscription(quote(u.Scheme))
	}
	return u, nil
}

// isHost tells the names that DNS and TLS know, and addresses. Hostname has
// taken the brackets of the latter away.
func isHost(name string) bool {
	if strings.Contains(name, ":") {
		a, err := netip.ParseAddr(name)
		return err == nil && a.Zone() == ""
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}

func isPort(s string) bool {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || len(s) > 5 {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n > 0 && n < 1<<16
}

func isLoopback(name string) bool {
	if a, err := netip.ParseAddr(name); err == nil {
		return a.IsLoopback()
	}
	return strings.EqualFold(name, "localhost")
}

// originOf serializes the origin of a URL that parseEndpoint took. RFC 6454,
// 6.2: scheme and host in lower case, and the port "If the port part of the
// origin triple is different from the default port for the protocol given by
// the scheme part".
func originOf(u *url.URL) string {
	name, port := strings.ToLower(u.Hostname()), strings.TrimLeft(u.Port(), "0")
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return u.Scheme + "://" + name
	}
	return u.Scheme + "://" + name + ":" + port
}
