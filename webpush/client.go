package webpush

import (
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const (
	// DefaultConcurrency is how many messages SendAll has under way.
	DefaultConcurrency = 128

	// DefaultPerOrigin is how many of them go to the same push service, so that
	// one which is slow or answers 429 does not hold up the others.
	DefaultPerOrigin = 64

	// DefaultTimeout is how long one attempt may take, from the dial to the end
	// of the answer.
	DefaultTimeout = 30 * time.Second
)

// A Client sends push messages. Key and Subject are required; the zero value of
// every other field is its default. Fields must not be changed after the first
// use, and a Client must not be copied then. Any goroutine may use it.
type Client struct {
	// Key identifies the application to push services. It has to be the one
	// that pages subscribed with.
	Key *Key

	// Subject is whom a push service turns to when something goes wrong: a
	// mailto: or https: URI, or a mail address. It is checked at the first use.
	Subject string

	// HTTP is what requests go out by; nil means a client of its own, which
	// knows no proxy. Its CheckRedirect is not used: a push service has no
	// business to redirect, and the token is for one origin only. See [Guard]
	// for its Transport.
	HTTP *http.Client

	Concurrency int           // of SendAll; 0 means DefaultConcurrency
	PerOrigin   int           // of SendAll; 0 means DefaultPerOrigin
	Timeout     time.Duration // of one attempt; 0 means DefaultTimeout
	Retry       Retry
	Guard       Guard

	// Logger gets a record for each attempt that is made again (Debug) and for
	// each message that was not taken (Warn; Info if the subscription has
	// ended). Records name the origin of an endpoint only. nil logs nothing.
	Logger *slog.Logger

	once    sync.Once
	err     error        // of the fields
	http    *http.Client // a copy of HTTP or our own
	contact string       // the subject as a URI
	origins origins
}

// setup checks the fields once.
func (c *Client) setup() error {
	c.once.Do(func() {
		if c.Key == nil || c.Key.signer == nil {
			c.err = faultKeyMissing.config()
			return
		}
		if c.contact, c.err = contact(c.Subject); c.err != nil {
			return
		}
		t, err := c.transport()
		if err != nil {
			c.err = err
			return
		}
		c.http = &http.Client{}
		if c.HTTP != nil {
			*c.http = *c.HTTP
		}
		c.http.Transport = t
		c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	})
	return c.err
}

func (c *Client) concurrency() int {
	if c.Concurrency <= 0 {
		return DefaultConcurrency
	}
	return c.Concurrency
}

func (c *Client) perOrigin() int {
	if c.PerOrigin <= 0 {
		return DefaultPerOrigin
	}
	return c.PerOrigin
}

func (c *Client) timeout() time.Duration {
	if c.Timeout <= 0 {
		return DefaultTimeout
	}
	return c.Timeout
}

// CloseIdleConnections closes connections that no message is using.
func (c *Client) CloseIdleConnections() {
	if c.setup() == nil {
		c.http.CloseIdleConnections()
	}
}
