package pushwire

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Times of [Redial].
const (
	redialFirst      = 100 * time.Millisecond // longest pause before the first new attempt
	redialMost       = 30 * time.Second       // to which the longest pause doubles
	redialSettled    = 10 * time.Second       // a connection that lived this long was a success
	redialRetryAfter = 5 * time.Minute        // the most that a Retry-After is obeyed
)

// Redial dials again and again. Each step yields a fresh connection, or the
// error of an attempt that failed ([Dial] tells which); after an error it goes
// on unless the loop ends. It yields nothing more once ctx has ended.
//
//	for c, err := range pushwire.Redial(ctx, url, nil) {
//		if err != nil {
//			log.Print(err)
//			continue
//		}
//		for m, err := range c.Messages(ctx) { ... }
//	}
//
// The loop body uses the connection until it has ended, and then comes back
// for the next one. A connection that the body leaves open is closed with
// CloseNow, also when the body leaves the loop: to keep one, use Dial.
//
// The first attempt is made at once. A new one waits a random time of at most
// 100 ms, which doubles with each failure up to 30 s; a connection that lived
// 10 s sets it back. When a server answers 429 or 503 with Retry-After, that
// time is added to the pause, but at most 5 minutes. Each attempt has 10 s,
// whatever the deadline of ctx is, so that one silent server does not use up
// the time of all attempts.
//
// Redial does not tell which errors are worth another attempt: the body can
// leave the loop, for example at a [*DialError] with status 401.
func Redial(ctx context.Context, url string, o *DialOptions) iter.Seq2[*Conn, error] {
	return func(yield func(*Conn, error) bool) {
		var b backoff
		for ctx.Err() == nil {
			c, res, err := redialOnce(ctx, url, o)
			if ctx.Err() != nil {
				if c != nil {
					c.CloseNow()
				}
				return
			}
			began := time.Now()
			more := lend(c, err, yield)
			if c != nil && time.Since(began) >= redialSettled {
				b.reset()
			}
			if !more || !pause(ctx, b.next()+retryAfter(res)) {
				return
			}
		}
	}
}

// lend gives c to the loop body and closes it afterwards, even if that panics.
// One that has ended is left alone: its close frame may still be on the way.
func lend(c *Conn, err error, yield func(*Conn, error) bool) bool {
	if c != nil {
		defer func() {
			if c.Err() == nil {
				c.CloseNow()
			}
		}()
	}
	return yield(c, err)
}

func redialOnce(ctx context.Context, url string, o *DialOptions) (*Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, handshakeTimeout, errHandshakeTimeout)
	defer cancel()
	return Dial(ctx, url, o)
}

// backoff chooses the pauses.
//
// RFC 6455, 7.2.3: "The first reconnect attempt SHOULD be delayed by a random
// amount of time." "Should the first reconnect attempt fail, subsequent
// reconnect attempts SHOULD be delayed by increasingly longer amounts of
// time, using a method such as truncated binary exponential backoff."
type backoff struct {
	most time.Duration // of the next pause; 0 is redialFirst
}

// next is the pause before the next attempt: anything up to the bound, so that
// the clients of a server that fell do not come back all at the same moment.
func (b *backoff) next() time.Duration {
	most := max(b.most, redialFirst)
	b.most = min(2*most, redialMost)
	return rand.N(most)
}

func (b *backoff) reset() { b.most = 0 }

// retryAfter is the pause that a refusal asks for (RFC 9110, 10.2.3), within
// bounds; 0 for none.
func retryAfter(res *http.Response) time.Duration {
	if res == nil || res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	v := res.Header.Get("Retry-After")
	var d time.Duration
	if n, err := strconv.ParseUint(v, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		d = time.Duration(min(n, uint64(redialRetryAfter/time.Second))) * time.Second
	} else if t, err := http.ParseTime(v); err == nil {
		d = time.Until(t)
	}
	return min(max(d, 0), redialRetryAfter)
}

// pause waits, and reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
