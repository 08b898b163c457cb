package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pushwire/pushwire/eventstream"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// foreign is the -transport for event streams of other servers.
const foreign = "sse"

// listening is what the flags of listen say.
type listening struct {
	after, post string
	max, enough int
	idle        time.Duration
	header      http.Header
	client      *http.Client
	verbose     bool
	print       func(io.Writer, printed) error
}

func listen(ctx context.Context, c console, args []string) int {
	f := flags(c, "listen", "URL",
		"Follows a topic of a pushwire server, over the best transport that gets through,",
		"and prints each item as it comes: a line with its type and cursor, then its data,",
		"indented. What is lost on the way comes again, once and in order. With -transport",
		"sse it follows any event stream, of whichever server. Ctrl-C ends it.",
		"The exit status is 0 after that, after -n items, or when an event stream ends with",
		"204; 1 when the server refuses or fewer items came; 2 for a wrong command line.")
	o := &listening{header: http.Header{}, print: printItem}
	f.Func("header", "`Name: value` of an extra request field; may be given again", headerFlag(o.header))
	f.StringVar(&o.after, "after", "", "`cursor` of the last item that was seen, to go on after it; \"now\" for what is new only; of an event stream the ID of the last event")
	force := f.String("transport", "", "use only this one: `"+strings.Join(transports, ", ")+"`, or "+foreign)
	f.IntVar(&o.max, "max", eventstream.DefaultMaxEvent, "largest item to take, in `bytes`; a larger one ends it")
	f.DurationVar(&o.idle, "idle", eventstream.DefaultIdle, "`time` of silence after which a connection counts as lost; negative for none")
	f.IntVar(&o.enough, "n", 0, "end after so many `items`")
	f.BoolVar(&o.verbose, "v", false, "tell which transport is in use, and why")
	asJSON := f.Bool("json", false, "print each item as a line of JSON with id, type and data, or base64 for bytes")
	dataOnly := f.Bool("data", false, "print the data alone")
	f.StringVar(&o.post, "post", "", "ask with POST and this `body`, as JSON, in place of GET; means -transport "+foreign)
	insecure := f.Bool("insecure", false, "take any certificate, for a server that has a self-signed one")
	if status, ok := parse(f, c, args, 1); !ok {
		return status
	}
	switch {
	case *asJSON && *dataOnly:
		fmt.Fprintln(c.err, "pushwire listen: -json and -data exclude each other")
		return exitUsage
	case *force != "" && *force != foreign && !slices.Contains(transports, *force):
		fmt.Fprintf(c.err, "pushwire listen: there is no transport %q; there are %s and %s\n", *force, strings.Join(transports, ", "), foreign)
		return exitUsage
	case *asJSON:
		o.print = printJSON
	case *dataOnly:
		o.print = printData
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	if *insecure {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // asked for by the flag
	}
	o.client = &http.Client{Transport: transport}
	if *force == foreign || o.post != "" {
		return listenEvents(ctx, c, f.Arg(0), o)
	}
	return listenTopic(ctx, c, f.Arg(0), *force, o)
}

func listenTopic(ctx context.Context, c console, url, force string, o *listening) int {
	follow := &httpstream.FollowOptions{
		After:      topic.Cursor(o.after),
		HTTP:       o.client,
		Header:     o.header,
		Idle:       o.idle,
		MaxMessage: o.max,
	}
	if t, ok := httpstream.ParseTransport(force); ok {
		follow.Transports = []httpstream.Transport{t}
	}
	hinted := false
	follow.OnState = func(s httpstream.State) {
		if !hinted && isForeign(s) {
			hinted = true
			fmt.Fprintf(c.err, "this looks like the event stream of another server: -transport %s follows it\n", foreign)
		}
		switch {
		case s.Connected && o.verbose:
			fmt.Fprintf(c.err, "over %v\n", s.Transport)
		case !s.Connected && (o.verbose || s.Wait > 0):
			fmt.Fprintf(c.err, "%v: %s; trying again in %v\n", s.Transport, harmless(strings.TrimPrefix(fmt.Sprint(s.Err), "httpstream: ")), s.Wait.Round(time.Millisecond))
		}
	}
	n := 0
	for it, err := range httpstream.Follow(ctx, url, follow) {
		if ctx.Err() != nil {
			break // Ctrl-C
		}
		var gone *topic.GoneError
		if errors.As(err, &gone) {
			fmt.Fprintf(c.err, "items were lost: the server has none between %s and %s any more\n", harmless(string(gone.After)), harmless(string(gone.Oldest)))
			continue
		}
		if err == nil {
			err = o.print(c.out, printed{string(it.Cursor), it.Type, it.Data, it.Binary})
		}
		if err != nil {
			failed(c.err, "listen", err)
			return exitFailed
		}
		if n++; n == o.enough {
			break
		}
	}
	return o.end(c, n)
}

// end returns the status after n items.
func (o *listening) end(c console, n int) int {
	if n < o.enough {
		fmt.Fprintf(c.err, "pushwire listen: %d of %d items came\n", n, o.enough)
		return exitFailed
	}
	return exitOK
}
