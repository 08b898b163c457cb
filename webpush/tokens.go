package webpush

import (
	"context"
	"sync"
	"time"
)

const (
	// tokenLife is how long a token is valid: half of what RFC 8292, 2 allows,
	// so that a clock that is wrong by hours does no harm on either side.
	tokenLife = 12 * time.Hour

	// tokenUse is how long a token is used. RFC 8292, 5: "Application servers
	// are therefore encouraged to reuse tokens, which permits the push service
	// to cache the results of signature validation."
	tokenUse = 6 * time.Hour

	// maxOrigins is how many push services are remembered. Browsers have a
	// handful; who stores any endpoint that a page sends may meet
	// more, and each costs about a kilobyte.
	maxOrigins = 1024
)

// origins is what a Client keeps for each push service. Its zero value is
// ready; any goroutine may use it.
type origins struct {
	mu sync.Mutex
	m  map[string]*origin // guarded by mu, as are the fields of each but turn
}

// origin is one push service, by the origin of its endpoints.
type origin struct {
	turn chan struct{} // holds a value while somebody signs

	field   string    // the Authorization field
	signed  time.Time // when, by the wall clock
	used    time.Time // last
	receipt string    // the receipt subscription that it gave
}

// get returns what is known of an origin, and forgets another one where there
// are too many. mu is held.
func (o *origins) get(name string, now time.Time) *origin {
	if e := o.m[name]; e != nil {
		e.used = now
		return e
	}
	if o.m == nil {
		o.m = map[string]*origin{}
	}
	if len(o.m) >= maxOrigins {
		oldest := ""
		for n, e := range o.m {
			if oldest == "" || e.used.Before(o.m[oldest].used) {
				oldest = n
			}
		}
		delete(o.m, oldest)
	}
	e := &origin{turn: make(chan struct{}, 1), used: now}
	o.m[name] = e
	return e
}

// fresh tells whether the token can be used now. A clock that was set back
// since makes it a token of the future.
func (e *origin) fresh(now time.Time) bool {
	return e.field != "" && !now.Before(e.signed) && now.Before(e.signed.Add(tokenUse))
}

// authorization returns the Authorization field for an origin, and a receipt
// subscription if one is known. The key signs once where many ask at the same
// time, which counts when it is in a store elsewhere; ctx ends the wait for
// another's signature.
func (o *origins) authorization(ctx context.Context, key *Key, name, subject string) (field, receipt string, err error) {
	now := time.Now().Round(0) // by the wall clock: a machine that slept is to notice
	o.mu.Lock()
	e := o.get(name, now)
	field, receipt = e.field, e.receipt
	fresh := e.fresh(now)
	o.mu.Unlock()
	if fresh {
		return field, receipt, nil
	}

	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return "", "", context.Cause(ctx)
	}
	now = time.Now().Round(0) // somebody may have signed since
	o.mu.Lock()
	field, receipt = e.field, e.receipt
	fresh = e.fresh(now)
	o.mu.Unlock()
	if fresh {
		return field, receipt, nil
	}
	field, err = key.authorization(name, subject, now.Add(tokenLife))
	if err != nil {
		return "", "", err
	}
	o.mu.Lock()
	e.field, e.signed = field, now
	receipt = e.receipt
	o.mu.Unlock()
	return field, receipt, nil
}

// keepReceipt remembers the receipt subscription of an origin. RFC 8030, 5.1:
// "For subsequent receipt requests to the same origin [RFC6454], the
// application server SHOULD include the returned receipt subscription".
func (o *origins) keepReceipt(name, receipt string) {
	o.mu.Lock()
	o.get(name, time.Now().Round(0)).receipt = receipt
	o.mu.Unlock()
}
