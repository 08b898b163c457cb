package httpstream

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// Defaults of [PublishOptions].
const (
	DefaultPublishTimeout  = 10 * time.Second // of one attempt
	DefaultPublishAttempts = 8                // about half a minute of pauses
)

// maxPublished is how long the answer to a publication may be, in bytes.
const maxPublished = 64 << 10

// PublishOptions say how to publish. nil and the zero value are the defaults.
type PublishOptions struct {
	// HTTP sends the requests; nil is http.DefaultClient.
	HTTP *http.Client

	// Header is sent with every request. It is not modified.
	Header http.Header

	// Timeout is for one attempt.
	Timeout time.Duration

	// Attempts is how often to try at most.
	Attempts int

	// Backoff chooses the wait before an attempt, as that of
	// [FollowOptions].
	Backoff func(attempt int, hint time.Duration) time.Duration
}

// Publish sends a publication to the [Handler] at a URL and returns the cursor
// of its item. It tries again when there is no answer, or one that says that
// the server is out of order for now. A publication without a Key gets one at
// random, so that an attempt whose answer was lost does no harm: the server
// stores it once.
//
// The error is an [*topic.ItemError] for what can't be an item, a
// [*StatusError] for a refusal, or that of the last attempt; it does not say
// that nothing was stored if there was no answer. ctx bounds all of it.
func Publish(ctx context.Context, url string, p topic.Publication, o *PublishOptions) (topic.Cursor, error) {
	if o == nil {
		o = &PublishOptions{}
	}
	to, err := parseTarget(url)
	if err != nil {
		return "", err
	}
	if err := p.Check(); err != nil {
		return "", fmt.Errorf("httpstream: publish: %w", err)
	}
	if p.Key == "" {
		p.Key = rand.Text()
	}
	wait, attempts := o.Backoff, o.Attempts
	if wait == nil {
		wait = backoff
	}
	if attempts <= 0 {
		attempts = DefaultPublishAttempts
	}
	for attempt := 1; ; attempt++ {
		c, err := publishOnce(ctx, &to, &p, o)
		if err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return "", fmt.Errorf("httpstream: publish: %w", context.Cause(ctx))
		}
		if f := faultOf(err); isFinal(err) || f == faultTransport || f == faultRefused || attempt >= attempts {
			return "", final(err)
		}
		d := wait(attempt, hintOf(err))
		if d < 0 {
			return "", final(err)
		}
		if !sleep(ctx, d) {
			return "", fmt.Errorf("httpstream: publish: %w", context.Cause(ctx))
		}
	}
}

func publishOnce(ctx context.Context, to *target, p *topic.Publication, o *PublishOptions) (topic.Cursor, error) {
	timeout := positive(o.Timeout, DefaultPublishTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &SilentError{After: timeout})
	defer cancel()
	req, err := publication(ctx, to, p, o.Header)
	if err != nil {
		return "", &finalError{fmt.Errorf("httpstream: publish: %w", err)}
	}
	res, err := untimed(o.HTTP).Do(req)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return "", fmt.Errorf("httpstream: publish: %w", err)
	}
	defer res.Body.Close()
	if res.Request != nil && res.Request.Method != http.MethodPost {
		// RFC 9110, 15.4.3: "a user agent MAY change the request method from
		// POST to GET for the subsequent request", and all do.
		return "", &finalError{fmt.Errorf("httpstream: publish: a redirect to %s made a GET of it; publish there", res.Request.URL.Redacted())}
	}
	if res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
		return "", statusError(0, res.StatusCode, res.Header, b)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxPublished+1))
	if err != nil {
		return "", fmt.Errorf("httpstream: publish: the answer broke off: %w", err)
	}
	if len(b) > maxPublished {
		return "", &finalError{errors.New("httpstream: publish: the answer is too long")}
	}
	c, err := parsePublished(b)
	if err == nil {
		_, _, err = c.Split()
	}
	if err != nil {
		return "", &finalError{fmt.Errorf("httpstream: publish: what answers is not a topic's server: %w", err)}
	}
	return c, nil
}

// publication is the POST of a publication. A key that can't stand in a header
// field goes into the query.
func publication(ctx context.Context, to *target, p *topic.Publication, h http.Header) (*http.Request, error) {
	var pairs []string
	if p.Type != "" && p.Type != topic.DefaultType {
		pairs = append(pairs, "type", p.Type)
	}
	if !visible(p.Key) {
		pairs = append(pairs, "key", p.Key)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.with(pairs...), bytes.NewReader(p.Data))
	if err != nil {
		return nil, err
	}
	setHeader(req, h)
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	if p.Binary {
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	if visible(p.Key) {
		req.Header.Set("Idempotency-Key", p.Key)
	}
	req.Header.Set("Accept", typeJSON)
	return req, nil
}

// visible reports whether s has nothing but the visible characters of ASCII.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
