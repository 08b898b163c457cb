package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/pushwire/pushwire/webpush"
)

func webpushSend(ctx context.Context, c console, args []string) int {
	f := flags(c, "webpush send", "FILE",
		"Sends a message to each subscription in a file: JSON as a page makes it of its",
		"PushSubscription, one or many, one after another. - reads them from the standard",
		"input. Prints a line for each; those that have ended are called gone. The exit",
		"status is 0 when all push services took it, 1 otherwise, 2 for a wrong command line.")
	client := &webpush.Client{}
	m := &webpush.Message{}
	n := &webpush.Notification{}
	key := f.String("key", "", "`file` with the private key, as \"pushwire webpush keys -out\" writes it")
	f.StringVar(&client.Subject, "subject", "", "whom push services can turn to: a mail `address` or an https URL")
	text := f.String("message", "", "`text` of the message; without it, and without -title, a message without data is sent")
	f.StringVar(&n.Title, "title", "", "`title` of a declarative notification, which is sent in place of a text")
	f.StringVar(&n.Body, "body", "", "its `text`")
	f.StringVar(&n.Navigate, "navigate", "/", "the `URL` that it opens")
	f.DurationVar(&m.TTL, "ttl", 0, "`time` that the push service keeps it for a browser that is not there; 0 for four weeks, negative for now or never")
	urgency := f.String("urgency", "", "how much it matters, as a `word`: very-low, low, normal or high")
	f.StringVar(&m.Topic, "topic", "", "`name`: a later message of the same one replaces this one")
	f.BoolVar(&client.Guard.Any, "any", false, "send to addresses that are not public too, as a push service on this machine")
	if status, ok := parse(f, c, args, 1); !ok {
		return status
	}
	switch {
	case *key == "":
		fmt.Fprintln(c.err, "pushwire webpush send: -key is missing; \"pushwire webpush keys -out FILE\" makes one")
		return exitUsage
	case n.Title != "" && *text != "":
		fmt.Fprintln(c.err, "pushwire webpush send: -title and -message exclude each other")
		return exitUsage
	}
	m.Urgency = webpush.Urgency(*urgency)
	failed, err := sendFile(ctx, c, client, *key, f.Arg(0), func() (*webpush.Message, error) {
		return messageOf(m, n, *text)
	})
	if err != nil {
		fmt.Fprintf(c.err, "pushwire webpush send: %v\n", err)
		return exitFailed
	}
	if failed {
		return exitFailed
	}
	return exitOK
}

// messageOf fills in what the flags say.
func messageOf(m *webpush.Message, n *webpush.Notification, text string) (*webpush.Message, error) {
	if m.TTL < 0 {
		m.TTL = webpush.TTLNow
	}
	switch {
	case n.Title != "":
		declared, err := n.Message()
		if err != nil {
			return nil, err
		}
		m.Payload, m.ContentType = declared.Payload, declared.ContentType
	case text != "":
		m.Payload = []byte(text)
	}
	return m, nil
}

// sendFile sends to what is in the file, and tells whether one of them failed.
func sendFile(ctx context.Context, c console, client *webpush.Client, key, file string, message func() (*webpush.Message, error)) (failed bool, err error) {
	m, err := message()
	if err != nil {
		return false, err
	}
	if client.Key, err = readKey(key); err != nil {
		return false, err
	}
	in := c.in
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return false, err
		}
		defer opened.Close()
		in = opened
	}
	defer client.CloseIdleConnections()
	var unread error
	sent := 0
	for r := range client.SendAll(ctx, subscriptions(in, &unread), m) {
		sent++
		switch {
		case r.Err == nil:
			fmt.Fprintf(c.out, "sent %d %s\n", r.Accepted.StatusCode, r.Accepted.Location)
		case errors.Is(r.Err, webpush.ErrGone):
			failed = true
			fmt.Fprintf(c.out, "gone %s\n", r.Subscription.Endpoint)
		default:
			failed = true
			fmt.Fprintf(c.err, "%v\n", r.Err)
			var mistake *webpush.ConfigError
			if errors.As(r.Err, &mistake) {
				return true, nil // it would be the same for all
			}
		}
	}
	if unread == nil && sent == 0 && ctx.Err() == nil {
		unread = errors.New("there is no subscription")
	}
	return failed, unread
}

// subscriptions reads JSON values until the end, or until one is no
// subscription, which unread then says.
func subscriptions(in io.Reader, unread *error) iter.Seq[*webpush.Subscription] {
	return func(yield func(*webpush.Subscription) bool) {
		d := json.NewDecoder(in)
		for n := 1; ; n++ {
			sub := &webpush.Subscription{}
			err := d.Decode(sub)
			if err == nil && sub.Endpoint == "" { // null
				err = errors.New("it is null")
			}
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				*unread = fmt.Errorf("subscription %d: %w", n, err)
				return
			}
			if !yield(sub) {
				return
			}
		}
	}
}
