package pushwire

import (
	"fmt"
	"net/http"
	"net/url"
)

// redirect looks at an answer other than 101. If it is a redirect that o
// allows to follow, d is made ready for the next hop; otherwise the error
// says why this is the end. done is how many redirects were followed before.
//
// RFC 6455, 4.1: "the server might redirect the client using a 3xx status
// code (but clients are not required to follow them)".
func (d *dialing) redirect(a *answer, done int) error {
	to := a.head.Header.Get("Location")
	if !isRedirect(a.head.Status) || to == "" {
		return fmt.Errorf("the server answered %s instead of 101", statusText(a.head.Status, a.head.Phrase))
	}
	if d.o.MaxRedirects <= 0 {
		return fmt.Errorf("the server answered %s instead of 101, and redirects are followed only with DialOptions.MaxRedirects", statusText(a.head.Status, a.head.Phrase))
	}
	if done >= d.o.MaxRedirects {
		return fmt.Errorf("redirected %d times already, the most that DialOptions.MaxRedirects allows", done)
	}
	loc, err := url.Parse(to)
	if err != nil {
		return fmt.Errorf("redirected to a place that is %w", parseFault(to, err))
	}
	next, err := newTarget(d.to.url.ResolveReference(loc))
	if err != nil {
		return fmt.Errorf("redirected to a place that can't be dialled: %w", err)
	}
	if d.to.secure() && !next.secure() {
		return fmt.Errorf("redirected to %s, which would give up TLS", next)
	}
	if next.sameOrigin(d.to) {
		next.user = d.to.user
	} else {
		d.forgetCredentials()
		next.user = nil // what another server puts there is not the caller's
	}
	d.to = next
	return nil
}

// isRedirect tells the statuses whose Location is a place to go now. The
// request is a GET without a body, so they all mean the same.
func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// forgetCredentials takes all that is for the origin of the caller's URL out
// of what further hops get. It does not come back on a way that leads home:
// by then somebody else chose the path.
func (d *dialing) forgetCredentials() {
	d.host = ""
	for _, name := range credentials {
		takeField(d.header, name)
	}
	if d.tls != nil {
		d.tls = d.tls.Clone()
		d.tls.Certificates = nil
		d.tls.GetClientCertificate = nil
		// The name to verify, and the keys to hide it, are that origin's too.
		d.tls.ServerName, d.tls.EncryptedClientHelloConfigList = "", nil
	}
}
