package eventstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// request makes the request of one attempt. It ends with ctx, whatever the
// caller has made it with.
func (r *reading) request(ctx context.Context) (*http.Request, error) {
	c := r.client
	var req *http.Request
	var err error
	if c.Request != nil {
		req, err = c.Request(ctx)
	} else {
		req, err = http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	}
	if err == nil && (req == nil || req.URL == nil) {
		err = errors.New("there is none")
	}
	if err == nil && (req.URL.Scheme == "" || req.URL.Host == "") {
		err = fmt.Errorf("the URL %q is not absolute", req.URL)
	}
	if err != nil {
		return nil, &finalError{fmt.Errorf("eventstream: client: the request can't be made: %w", err)}
	}
	if own := req.Context(); own != ctx {
		both, cancel := context.WithCancelCause(own)
		context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) }) // ctx ends with the attempt
		req = req.WithContext(both)
	}
	if req.Header == nil {
		req.Header = make(http.Header)
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", mediaType)
	}
	if req.Header.Get("Cache-Control") == "" {
		// HTML, 9.2.2: "Set request's cache mode to "no-store"."
		req.Header.Set("Cache-Control", "no-cache")
	}
	if id := c.LastEventID(); id != "" && validFieldValue(id) {
		req.Header.Set("Last-Event-ID", id)
	}
	return req, nil
}

// validFieldValue reports whether net/http sends a field with this value.
//
// RFC 9110, 5.5: "field-content = field-vchar [ 1*( SP / HTAB / field-vchar )
// field-vchar ]", where vchars are those of ASCII and all bytes above it.
func validFieldValue(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
