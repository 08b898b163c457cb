package webpush

import (
	"net/netip"
	"net/url"
	"strings"
)

// contact returns the "sub" claim of a subject. RFC 8292, 2.1: "The "sub" claim
// SHOULD include a contact URI for the application server as either a "mailto:"
// (email) [RFC6068] or an "https:" [RFC2818] URI." Apple's service answers 403
// to anything else, and to localhost.
func contact(subject string) (string, error) {
	s := strings.TrimSpace(subject)
	scheme, rest, ok := strings.Cut(s, ":")
	switch {
	case s == "":
		return "", faultSubjectMissing.config()
	case ok && strings.EqualFold(scheme, "mailto"):
		return mailContact(subject, rest)
	case ok && strings.EqualFold(scheme, "https"):
		return pageContact(subject, s)
	case !ok && strings.Contains(s, "@"):
		return mailContact(subject, s)
	}
	return "", faultSubjectScheme.config(quote(subject))
}

func mailContact(subject, address string) (string, error) {
	mail, _, _ := strings.Cut(address, "?") // a subject line may follow
	local, domain, ok := strings.Cut(mail, "@")
	if !ok || local == "" || domain == "" || !isHost(domain) || strings.ContainsFunc(address, notInAddress) {
		return "", faultSubjectMail.config(quote(subject))
	}
	if isLocal(domain) {
		return "", faultSubjectLocal.config(quote(subject))
	}
	return "mailto:" + address, nil
}

// notInAddress tells what can't stand in a mailto URI as it is, and the colon
// of a second scheme.
func notInAddress(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`<>"\,:;()[]`, r)
}

func pageContact(subject, s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.Hostname() == "" || !isHost(u.Hostname()) || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", faultSubjectURL.config(quote(subject))
	}
	if isLocal(u.Hostname()) {
		return "", faultSubjectLocal.config(quote(subject))
	}
	return u.String(), nil
}

func isLocal(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback() || a.IsUnspecified()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
