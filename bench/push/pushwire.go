//go:build linux

package push

import (
	"context"
	"net/http"
	"time"

	"github.com/pushwire/pushwire/webpush"
)

// pushwire has its defaults: padding to 128 bytes, a token that is used again.
var pushwire = Candidate{
	Name: "pushwire",
	Note: "padding to multiples of 128 B; a token is used for 6 h",
	newSender: func(j *Job) (func(context.Context) error, error) {
		key, err := webpush.ParseKey(j.Private)
		if err != nil {
			return nil, err
		}
		sub, err := webpush.ParseSubscription(j.Subscription)
		if err != nil {
			return nil, err
		}
		c := &webpush.Client{
			Key: key, Subject: subject, HTTP: &http.Client{Transport: j.transport()},
			Guard: webpush.Guard{Any: true}, // the service is on this machine
			Retry: webpush.Retry{Attempts: 1},
		}
		m := &webpush.Message{Payload: Payload, TTL: ttl * time.Second}
		return func(ctx context.Context) error {
			_, err := c.Send(ctx, sub, m)
			return err
		}, nil
	},
}
