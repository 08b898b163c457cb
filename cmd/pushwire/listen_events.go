package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

// listenEvents follows an event stream of whichever server: the IDs of its
// events are no cursors, and there is no other transport.
func listenEvents(ctx context.Context, c console, url string, o *listening) int {
	client := &eventstream.Client{After: o.after, MaxEvent: o.max, Idle: o.idle, HTTP: o.client}
	client.Request = func(ctx context.Context) (*http.Request, error) {
		method, body := http.MethodGet, io.Reader(nil)
		if o.post != "" {
			method, body = http.MethodPost, strings.NewReader(o.post)
		}
		req, err := http.NewRequestWithContext(ctx, method, url, body)
		if err != nil {
			return nil, err
		}
		req.Header = o.header.Clone()
		if o.post != "" && req.Header.Get("Content-Type") == "" {
			req.Header.Set("Content-Type", "application/json")
		}
		return req, nil
	}
	client.OnRetry = func(err error, wait time.Duration) {
		fmt.Fprintf(c.err, "%s; trying again in %v\n", strings.TrimPrefix(err.Error(), "eventstream: "), wait.Round(time.Millisecond))
	}
	n := 0
	for ev, err := range client.Events(ctx) {
		if ctx.Err() != nil {
			break // Ctrl-C
		}
		if err == nil {
			err = o.print(c.out, printed{id: ev.ID, typ: ev.Type, data: ev.Data})
		}
		if err != nil {
			fmt.Fprintf(c.err, "pushwire listen: %s\n", harmless(err.Error()))
			var se *eventstream.StatusError
			if errors.As(err, &se) && len(se.Body) > 0 {
				printLines(c.err, "", bytes.TrimSpace(se.Body))
			}
			return exitFailed
		}
		if n++; n == o.enough {
			break
		}
	}
	return o.end(c, n)
}
