package pushwire

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/pushwire/pushwire/handshake"
)

// credentials are the fields of DialOptions.Header that are for the origin of
// the URL alone. Host is no secret, but names that origin.
var credentials = []string{
	"Authorization", "Cookie", "Cookie2", "Proxy-Authorization", "Host",
}

// takeHeader splits o.Header into what has its own place in the request and
// the rest, and checks it.
func (d *dialing) takeHeader() error {
	d.header = d.o.Header.Clone()
	if d.header == nil {
		d.header = make(http.Header)
	}
	for _, own := range []struct {
		name  string
		to    *string
		valid func(string) bool
	}{
		{"Host", &d.host, httpguts.ValidHostHeader},
		{"Origin", &d.origin, httpguts.ValidHeaderFieldValue},
	} {
		v := takeField(d.header, own.name)
		if len(v) > 1 {
			return fmt.Errorf("DialOptions.Header has %d values of %s; one is the most", len(v), own.name)
		}
		if len(v) == 1 {
			if *own.to = v[0]; v[0] == "" || !own.valid(v[0]) {
				return fmt.Errorf("DialOptions.Header has a %s that is not valid: %q", own.name, v[0])
			}
		}
	}
	return handshake.CheckHeader(d.header)
}

// addCookies merges the Jar's cookies with those in h.
//
// RFC 6265, 5.4: "the user agent MUST NOT attach more than one Cookie header
// field."
func (d *dialing) addCookies(h http.Header) {
	if d.o.Jar == nil {
		return
	}
	cookies := d.o.Jar.Cookies(d.to.http())
	if len(cookies) == 0 {
		return
	}
	r := http.Request{Header: make(http.Header)}
	if own := takeField(h, "Cookie"); len(own) > 0 {
		r.Header.Set("Cookie", strings.Join(own, "; "))
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	h["Cookie"] = r.Header["Cookie"]
}

// takeCookies gives those of an answer to the Jar.
func (d *dialing) takeCookies(h http.Header) {
	if d.o.Jar == nil {
		return
	}
	if cookies := (&http.Response{Header: h}).Cookies(); len(cookies) > 0 {
		d.o.Jar.SetCookies(d.to.http(), cookies)
	}
}

// addAuthorization turns the URL's user information into Basic
// authorization, unless the caller has set another.
func (d *dialing) addAuthorization(h http.Header) {
	if d.to.user != nil && !hasField(h, "Authorization") {
		h.Set("Authorization", basicAuth(d.to.user))
	}
}

// basicAuth is the value of RFC 7617, 2.
func basicAuth(u *url.Userinfo) string {
	password, _ := u.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password))
}

// takeField removes the field from h, in whatever case its name was put
// there, and returns its values.
func takeField(h http.Header, name string) []string {
	var values []string
	for k, v := range h {
		if strings.EqualFold(k, name) {
			values = append(values, v...)
			delete(h, k)
		}
	}
	return values
}

func hasField(h http.Header, name string) bool {
	for k := range h {
		if strings.EqualFold(k, name) {
			return true
		}
	}
	return false
}
