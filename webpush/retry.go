package webpush

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"time"
)

const (
	// DefaultAttempts is how often a message is tried.
	DefaultAttempts = 4

	// DefaultBase is the bound of the first wait.
	DefaultBase = 500 * time.Millisecond

	// DefaultMaxWait is the longest wait, a service's own Retry-After included.
	DefaultMaxWait = 30 * time.Second
)

// Retry says how often, and when, a message is tried again. It is after 429,
// after 5xx and after errors of the network, and never after anything else: no
// other answer changes by itself.
//
// The waits are random between 0 and a bound that doubles ("full jitter"), so
// that what failed together does not come back together. What a service asks
// for in Retry-After is waited for before that. If it asks for more than
// MaxWait, the error comes back at once, and its RetryAfter says how long.
//
// After an error of the network nobody knows whether the service has the
// message, so it may arrive twice. A Topic prevents that while the user agent
// is away.
type Retry struct {
	Attempts int           // in all; 0 means DefaultAttempts, 1 tries once
	Base     time.Duration // bound of the first wait; 0 means DefaultBase
	MaxWait  time.Duration // of one wait; 0 means DefaultMaxWait
}

func (r Retry) attempts() int {
	if r.Attempts <= 0 {
		return DefaultAttempts
	}
	return r.Attempts
}

// next tells how long to wait after attempt n, counted from 1, has failed with
// err. again is false if there is none after it.
func (r Retry) next(n int, err error) (wait time.Duration, again bool) {
	if n >= r.attempts() || !passing(err) {
		return 0, false
	}
	bound, most := r.Base, r.MaxWait
	if bound <= 0 {
		bound = DefaultBase
	}
	if most <= 0 {
		most = DefaultMaxWait
	}
	for range n - 1 {
		if bound >= most {
			break
		}
		bound *= 2
	}
	wait = rand.N(min(bound, most) + 1)
	var se *StatusError
	if errors.As(err, &se) && se.RetryAfter > 0 {
		if se.RetryAfter > most {
			return 0, false
		}
		// RFC 8030, 8.4: "how long the application server is requested to wait
		// before it makes another request to the push resource"
		wait = min(se.RetryAfter+wait, max(most, se.RetryAfter))
	}
	return wait, true
}

// passing tells the errors that may be gone the next time.
func passing(err error) bool {
	var se *StatusError
	if errors.As(err, &se) {
		return se.StatusCode == 429 || se.StatusCode >= 500
	}
	var ne *NetworkError
	if !errors.As(err, &ne) {
		return false
	}
	var (
		guard     *GuardError
		untrusted *tls.CertificateVerificationError
		dns       *net.DNSError
	)
	switch {
	case errors.As(err, &guard), errors.As(err, &untrusted):
		return false
	case errors.As(err, &dns) && dns.IsNotFound:
		return false
	}
	return true
}

// pause waits, and reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
