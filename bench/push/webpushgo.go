//go:build linux

package push

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/SherClockHolmes/webpush-go"
)

// webpushGo has its defaults too.
var webpushGo = Candidate{
	Name: "webpush-go",
	Note: "padding to its record size; a token for each message",
	newSender: func(j *Job) (func(context.Context) error, error) {
		sub := &webpush.Subscription{}
		if err := json.Unmarshal(j.Subscription, sub); err != nil {
			return nil, err
		}
		o := &webpush.Options{
			HTTPClient:      &http.Client{Transport: j.transport()},
			Subscriber:      mail,
			VAPIDPublicKey:  j.Public,
			VAPIDPrivateKey: j.Private,
			TTL:             ttl,
		}
		return func(ctx context.Context) error {
			res, err := webpush.SendNotificationWithContext(ctx, Payload, sub, o)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				return err
			}
			if res.StatusCode != http.StatusCreated {
				return fmt.Errorf("the service answered %s", res.Status)
			}
			return nil
		}, nil
	},
}
