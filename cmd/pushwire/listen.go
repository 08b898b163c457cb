package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

func listen(ctx context.Context, c console, args []string) int {
	f := flags(c, "listen", "URL",
		"Follows the event stream at an http or https URL and prints each event as it",
		"comes: a line with its type and ID, then its data, indented. A stream that is",
		"lost is opened again after the last event. Ctrl-C ends it, and so does a server",
		"that answers 204.")
	client := &eventstream.Client{}
	header := http.Header{}
	f.Func("header", "`Name: value` of an extra request field; may be given again", headerFlag(header))
	f.StringVar(&client.After, "id", "", "`ID` of the last event that was seen, to go on after it")
	f.IntVar(&client.MaxEvent, "max", eventstream.DefaultMaxEvent, "largest event to take, in `bytes`; a larger one ends it")
	f.DurationVar(&client.Idle, "idle", eventstream.DefaultIdle, "`time` of silence after which the stream counts as lost; negative for none")
	asJSON := f.Bool("json", false, "print each event as a line of JSON with id, type and data")
	post := f.String("post", "", "ask with POST and this `body`, as JSON, in place of GET")
	insecure := f.Bool("insecure", false, "take any certificate, for a server that has a self-signed one")
	if status, ok := parse(f, c, args, 1); !ok {
		return status
	}

	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	if *insecure {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // asked for by the flag
	}
	client.HTTP = &http.Client{Transport: transport}
	client.Request = func(ctx context.Context) (*http.Request, error) {
		method, body := http.MethodGet, io.Reader(nil)
		if *post != "" {
			method, body = http.MethodPost, strings.NewReader(*post)
		}
		req, err := http.NewRequestWithContext(ctx, method, f.Arg(0), body)
		if err != nil {
			return nil, err
		}
		req.Header = header.Clone()
		if *post != "" && req.Header.Get("Content-Type") == "" {
			req.Header.Set("Content-Type", "application/json")
		}
		return req, nil
	}
	client.OnRetry = func(err error, wait time.Duration) {
		fmt.Fprintf(c.err, "%s; trying again in %v\n", strings.TrimPrefix(err.Error(), "eventstream: "), wait.Round(time.Millisecond))
	}
	show := showEvent
	if *asJSON {
		show = showJSON
	}
	for ev, err := range client.Events(ctx) {
		if ctx.Err() != nil {
			return exitOK // Ctrl-C
		}
		if err == nil {
			err = show(c.out, ev)
		}
		if err != nil {
			fmt.Fprintf(c.err, "pushwire listen: %v\n", err)
			var se *eventstream.StatusError
			if errors.As(err, &se) && len(se.Body) > 0 {
				fmt.Fprintf(c.err, "%s\n", bytes.TrimSpace(se.Body))
			}
			return exitFailed
		}
	}
	return exitOK
}

func showEvent(w io.Writer, ev eventstream.Event) error {
	head := ev.Type
	if ev.ID != "" {
		head += " " + ev.ID
	}
	_, err := fmt.Fprintf(w, "%s\n  %s\n", head, bytes.ReplaceAll(ev.Data, []byte("\n"), []byte("\n  ")))
	return err
}

func showJSON(w io.Writer, ev eventstream.Event) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		ID   string `json:"id,omitempty"`
		Type string `json:"type"`
		Data string `json:"data"`
	}{ev.ID, ev.Type, string(ev.Data)})
}
