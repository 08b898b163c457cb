package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// ownHosts keeps a server that only this machine can reach from answering pages
// of elsewhere. To a browser a page of the origin http://attacker.example:8080
// is of the same origin as this server once the attacker has that name resolve
// to 127.0.0.1 (DNS rebinding): neither Origin nor Sec-Fetch-Site gives it
// away, but Host still has the attacker's name. So requests have to name an IP
// address, localhost, or the name in addr, which is what the server was told to
// listen on; others are told so, and of what the command has in flags for that. A
// server that is not on a loopback address may have any name, and next is
// returned as it is.
func ownHosts(next http.Handler, l net.Listener, addr, flags string) http.Handler {
	if tcp, ok := l.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return next
	}
	own := hostOf(addr)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := hostOf(r.Host); !isOwnHost(host, own) {
			// RFC 9110, 15.5.20: "The 421 (Misdirected Request) status code
			// indicates that the request was directed at a server that is unable
			// or unwilling to produce an authoritative response for the target URI."
			http.Error(w, fmt.Sprintf("This server is for this machine only and has no name but localhost, so it answers nothing for %q: "+
				"ask for %s, or start it with that name in %s.", host, reachable(l.Addr()), flags), http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isOwnHost reports whether no stranger can have host resolve to this machine.
func isOwnHost(host, own string) bool {
	switch _, err := netip.ParseAddr(host); {
	case err == nil, host == own:
		return true
	case host == "": // of HTTP/1.0, which no browser speaks
		return true
	}
	// RFC 6761, 6.3: names below localhost are loopback addresses everywhere.
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// hostOf is the name or address in a Host field or an -addr, without the port
// and brackets, in small letters.
func hostOf(s string) string {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	return strings.ToLower(strings.TrimSuffix(s, "."))
}
