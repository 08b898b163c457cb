package pushwire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// target is a WebSocket URI that was checked and brought into one form.
type target struct {
	// url has the scheme ws or wss, the host in ASCII and lower case, a port
	// only where it is not the default, and neither user information nor
	// fragment.
	url  *url.URL
	user *url.Userinfo // nil for none
}

// parseTarget takes ws and wss URLs, and http and https as other names for
// them.
func parseTarget(raw string) (target, error) {
	// RFC 6455, 3: "Fragment identifiers are meaningless in the context of
	// WebSocket URIs and MUST NOT be used on these URIs." url.Parse forgets
	// an empty one, so the text is what we look at.
	if strings.Contains(raw, "#") {
		return target{}, errors.New("a WebSocket URL has no fragment (RFC 6455, 3); write %23 where # is meant as itself")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return target{}, parseFault(raw, err)
	}
	return newTarget(u)
}

// parseFault is what url.Parse says, without the URL that it quotes; where
// that may hold a password, without any detail.
func parseFault(raw string, err error) error {
	var ue *url.Error
	if strings.Contains(raw, "@") || !errors.As(err, &ue) {
		return errors.New("not a valid URL")
	}
	return fmt.Errorf("not a valid URL: %w", ue.Err)
}

// newTarget checks u and leaves it as it is. A fragment is dropped.
//
// RFC 6455, 4.1: "The components of the WebSocket URI passed into this
// algorithm (/host/, /port/, /resource name/, and /secure/ flag) MUST be
// valid according to the specification of WebSocket URIs".
func newTarget(u *url.URL) (target, error) {
	t := &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: asciiQuery(u.RawQuery)}
	switch strings.ToLower(u.Scheme) {
	case "ws", "http":
		t.Scheme = "ws"
	case "wss", "https":
		t.Scheme = "wss"
	case "":
		return target{}, errors.New("the URL has no scheme; it begins with ws:// or wss://")
	default:
		return target{}, fmt.Errorf("the scheme %q is none of ws, wss, http and https", u.Scheme)
	}
	if u.Opaque != "" || u.Host == "" {
		return target{}, errors.New("the URL has no host")
	}
	host, err := asciiHost(u.Hostname())
	if err != nil {
		return target{}, err
	}
	t.Host = host
	if strings.Contains(host, ":") {
		t.Host = "[" + host + "]"
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return target{}, fmt.Errorf("the port %q is not within 1 and 65535", p)
		}
		if p = strconv.FormatUint(n, 10); p != defaultPort(t.Scheme) {
			t.Host += ":" + p
		}
	}
	// RFC 6455, 3: the resource name begins with "/" if the path is empty.
	if t.Path == "" {
		t.Path = "/"
	}
	return target{t, u.User}, nil
}

// defaultPort is that of a scheme; proxies have theirs here too.
func defaultPort(scheme string) string {
	switch scheme {
	case "wss", "https":
		return "443"
	case "socks5", "socks5h":
		return "1080"
	}
	return "80"
}

// asciiHost returns the form of a host name or address that goes on the wire.
func asciiHost(h string) (string, error) {
	if strings.Contains(h, ":") {
		if _, err := netip.ParseAddr(h); err != nil {
			return "", fmt.Errorf("the host %q is not an IPv6 address", h)
		}
		return h, nil
	}
	if i := strings.IndexFunc(h, func(r rune) bool { return r >= utf8.RuneSelf }); i >= 0 {
		a, err := idna.Lookup.ToASCII(h)
		if err != nil {
			return "", fmt.Errorf("the host %q is not a valid internationalized name (%w)", h, err)
		}
		h = a
	}
	if h == "" {
		return "", errors.New("the URL has no host")
	}
	h = strings.ToLower(h)
	for i := range len(h) {
		c := h[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0) {
			return "", fmt.Errorf("the host %q has the byte %q, which is in no host name", h, c)
		}
	}
	return h, nil
}

// asciiQuery percent-encodes what is outside ASCII, as RFC 3987, 3.1, maps an
// IRI; url.URL does it for the path only. The rest is the caller's, and
// handshake.AppendRequest checks it.
func asciiQuery(q string) string {
	var b strings.Builder
	for i := range len(q) {
		if q[i] < utf8.RuneSelf {
			b.WriteByte(q[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", q[i])
		}
	}
	return b.String()
}

func (t target) secure() bool { return t.url.Scheme == "wss" }

// String is the URL without user information.
func (t target) String() string { return t.url.String() }

// host is the name or address without brackets; an IPv6 zone stays.
func (t target) host() string { return t.url.Hostname() }

// addr is what to connect to.
func (t target) addr() string { return hostPort(t.url) }

func hostPort(u *url.URL) string { return net.JoinHostPort(u.Hostname(), portOf(u)) }

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return defaultPort(u.Scheme)
}

// withoutZone takes the zone off an IPv6 address: it means something on this
// machine only (RFC 6874, 4).
func withoutZone(host string) string {
	host, _, _ = strings.Cut(host, "%")
	return host
}

// hostField is the value of Host.
//
// RFC 6455, 4.1: "/host/ plus optionally ":" followed by /port/ (when not
// using the default port)".
func (t target) hostField() string {
	h := withoutZone(t.host())
	if p := t.url.Port(); p != "" {
		return net.JoinHostPort(h, p)
	}
	if strings.Contains(h, ":") {
		return "[" + h + "]"
	}
	return h
}

// resource is the /resource name/ of RFC 6455, 3: path and query.
func (t target) resource() string { return t.url.RequestURI() }

// http is the URL as cookie jars and proxy functions know it.
func (t target) http() *url.URL {
	u := *t.url
	u.Scheme = map[bool]string{false: "http", true: "https"}[t.secure()]
	return &u
}

// sameOrigin compares scheme, host and port.
func (t target) sameOrigin(o target) bool {
	return t.url.Scheme == o.url.Scheme && t.url.Host == o.url.Host
}
