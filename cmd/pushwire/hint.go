package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// failed tells why listen or publish could not do what it was to do: with the
// words of whoever answered, if that was no topic of ours, and with what to
// try, where that is known.
func failed(w io.Writer, command string, err error) {
	fmt.Fprintf(w, "pushwire %s: %s\n", command, harmless(err.Error()))
	var se *httpstream.StatusError
	if !errors.As(err, &se) || se.Token != "" {
		return
	}
	if words := bytes.TrimSpace(se.Body); len(words) > 0 {
		printLines(w, "", words)
	}
	if se.StatusCode == http.StatusNotFound {
		fmt.Fprintf(w, "check the path: \"pushwire serve\" has topics at %sNAME\n", topicsPath)
	}
}

// isForeign reports whether an event stream failed for its IDs, which are no
// cursors: it is no topic.
func isForeign(s httpstream.State) bool {
	var ce *topic.CursorError
	return s.Transport == httpstream.TransportEventStream && errors.As(s.Err, &ce)
}
