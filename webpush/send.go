package webpush

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

const (
	// maxDrain is how much of an answer is read so that its connection can be
	// used again, and drainTime how long. What says more, or says it slower,
	// loses the connection.
	maxDrain  = 64 << 10
	drainTime = 2 * time.Second
)

// A NetworkError is an attempt that came to no answer. The text has the origin
// of the endpoint and no more of it.
type NetworkError struct {
	Origin string
	Err    error
}

func (e *NetworkError) Error() string {
	return fmt.Sprintf("webpush: no answer from %s: %v", e.Origin, e.Err)
}

// Unwrap returns the cause.
func (e *NetworkError) Unwrap() error { return e.Err }

// Timeout reports whether the time was up.
func (e *NetworkError) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}

// Temporary reports whether another attempt is worth it.
func (e *NetworkError) Temporary() bool { return passing(e) }

// Token returns the stable name of the fault, for counting.
func (e *NetworkError) Token() string { return "webpush_network" }

// Send encrypts a message for one subscription, posts it, and tries again as
// [Client.Retry] says. Errors are:
//
//   - a [*StatusError]: the service refused; errors.Is tells [ErrGone],
//     [ErrTooLarge], [ErrRateLimited] and [ErrUnauthorized];
//   - a [*NetworkError]: there was no answer; a [*GuardError] is within it if
//     the endpoint is not at a public address;
//   - a [*SubscriptionError], [*ConfigError] or [*SizeError]: nothing was sent;
//   - that of the key, where it is in a store: nothing was sent either;
//   - that of ctx, with the last of the others if there was one.
func (c *Client) Send(ctx context.Context, sub *Subscription, m *Message) (*Accepted, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("webpush: %w", context.Cause(ctx))
	}
	out, err := c.prepare(sub, m)
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		a, err := c.attempt(ctx, out)
		if err == nil {
			a.Attempts = n
			return a, nil
		}
		if ctx.Err() != nil {
			return nil, ended(ctx, err)
		}
		wait, again := c.Retry.next(n, err)
		if again {
			// No use to wait for what can't be done in time.
			if end, ok := ctx.Deadline(); ok && time.Until(end) <= wait {
				again = false
			}
		}
		c.log(ctx, out, n, wait, again, err)
		if !again {
			return nil, err
		}
		if !pause(ctx, wait) {
			return nil, ended(ctx, err)
		}
	}
}

// ended is the error of a context that ended, with what failed before.
func ended(ctx context.Context, last error) error {
	cause := context.Cause(ctx)
	if errors.Is(last, cause) {
		return last
	}
	return fmt.Errorf("webpush: %w (%w)", cause, last)
}

func (c *Client) log(ctx context.Context, out *outgoing, n int, wait time.Duration, again bool, err error) {
	if c.Logger == nil {
		return
	}
	if again {
		c.Logger.LogAttrs(ctx, slog.LevelDebug, "webpush: trying again", slog.String("origin", out.origin), slog.Int("attempt", n), slog.Duration("wait", wait), slog.Any("error", err))
		return
	}
	level := slog.LevelWarn
	if errors.Is(err, ErrGone) {
		level = slog.LevelInfo // which is how subscriptions end
	}
	c.Logger.LogAttrs(ctx, level, "webpush: not sent", slog.String("origin", out.origin), slog.Int("attempts", n), slog.Any("error", err))
}

// attempt posts the message once.
func (c *Client) attempt(ctx context.Context, out *outgoing) (*Accepted, error) {
	limited, cancel := context.WithTimeoutCause(ctx, c.timeout(), errTimeout)
	defer cancel()
	req, err := c.request(limited, out)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, networkError(limited, out.origin, err)
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		if res.StatusCode == http.StatusBadRequest && req.Header.Get("Link") != "" {
			// The service may have forgotten the receipt subscription: the
			// next message asks for a new one.
			c.origins.keepReceipt(out.origin, "")
		}
		return nil, refusal(out.origin, res, cancel)
	}
	drain(res, nil, cancel)
	a := accepted(out.url, res)
	if a.Receipts != "" {
		c.origins.keepReceipt(out.origin, a.Receipts)
	}
	return a, nil
}

// errTimeout is the cause of an attempt that took too long.
var errTimeout = &timeoutError{}

type timeoutError struct{}

func (*timeoutError) Error() string { return "the attempt took too long" }
func (*timeoutError) Timeout() bool { return true }

// networkError takes the endpoint out of what net/http says: it is a secret.
// RFC 8030, 8.5: "Server request logs can reveal subscription-related URIs".
func networkError(ctx context.Context, origin string, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if cause := context.Cause(ctx); cause != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		err = cause
	}
	return &NetworkError{origin, err}
}

// refusal reads what the service has to say.
func refusal(origin string, res *http.Response, cancel func()) error {
	body := drain(res, make([]byte, 0, 512), cancel)
	return &StatusError{
		StatusCode: res.StatusCode,
		Origin:     origin,
		Words:      words(res.Header, body),
		RetryAfter: retryAfter(res.Header, time.Now()),
		Header:     res.Header,
		Body:       body,
	}
}

// drain reads an answer to its end, within bounds, and keeps the beginning if
// keep is not nil. cancel ends the request.
func drain(res *http.Response, keep []byte, cancel func()) []byte {
	if res.Body == http.NoBody || res.ContentLength == 0 {
		return keep
	}
	t := time.AfterFunc(drainTime, cancel)
	defer t.Stop()
	if keep != nil {
		// What came before an error is as good as what comes without one.
		b, _ := io.ReadAll(io.LimitReader(res.Body, maxWords))
		keep = append(keep, b...)
	}
	io.CopyN(io.Discard, res.Body, maxDrain)
	return keep
}
