package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// maxInput bounds what publish reads for one item, in bytes; a server takes
// less.
const maxInput = 16 << 20

func publish(ctx context.Context, c console, args []string) int {
	f := flags(c, "publish", "URL [TEXT]",
		"Publishes one item to a topic of a pushwire server and prints its cursor. The item",
		"is TEXT, or the standard input; with -lines each line of that is one. It is tried",
		"again until it is stored, once. The exit status is 1 when an item was not stored.")
	var p topic.Publication
	header := http.Header{}
	f.Func("header", "`Name: value` of an extra request field; may be given again", headerFlag(header))
	f.StringVar(&p.Type, "type", "", "`type` of the item; \"message\" if none is given")
	f.StringVar(&p.Key, "key", "", "`key`: what is published twice under one is stored once")
	f.BoolVar(&p.Binary, "binary", false, "publish bytes; without it what is no UTF-8 is bytes too")
	file := f.String("file", "", "read the item from a `file` in place of the standard input")
	each := f.Bool("lines", false, "each line of the input is an item")
	attempts := f.Int("attempts", httpstream.DefaultPublishAttempts, "how many `times` to try at most")
	insecure := f.Bool("insecure", false, "take any certificate, for a server that has a self-signed one")
	if status, ok := parse(f, c, args, 1, 2); !ok {
		return status
	}
	if f.NArg() == 2 && (*file != "" || *each) || *each && p.Key != "" {
		fmt.Fprintln(c.err, "pushwire publish: TEXT excludes -file and -lines, and -lines excludes -key")
		return exitUsage
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	if *insecure {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // asked for by the flag
	}
	o := &httpstream.PublishOptions{HTTP: &http.Client{Transport: transport}, Header: header, Attempts: *attempts}
	send := func(data []byte) bool {
		q := p
		q.Data = data
		q.Binary = q.Binary || !utf8.Valid(data)
		cursor, err := httpstream.Publish(ctx, f.Arg(0), q, o)
		if err != nil {
			failed(c.err, "publish", err)
			return false
		}
		fmt.Fprintln(c.out, cursor)
		return true
	}

	in := c.in
	switch {
	case f.NArg() == 2:
		in = strings.NewReader(f.Arg(1))
	case *file != "":
		opened, err := os.Open(*file)
		if err != nil {
			fmt.Fprintf(c.err, "pushwire publish: %v\n", err)
			return exitFailed
		}
		defer opened.Close()
		in = opened
	}
	if *each {
		return publishLines(c, in, send)
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(data) > maxInput {
		err = fmt.Errorf("the input is larger than %d bytes, and no server takes that as one item", maxInput)
	}
	if err != nil {
		fmt.Fprintf(c.err, "pushwire publish: %v\n", err)
		return exitFailed
	}
	if !send(data) {
		return exitFailed
	}
	return exitOK
}

func publishLines(c console, in io.Reader, send func([]byte) bool) int {
	s := bufio.NewScanner(in)
	s.Buffer(nil, maxInput)
	for s.Scan() {
		if !send(s.Bytes()) {
			return exitFailed
		}
	}
	if err := s.Err(); err != nil {
		fmt.Fprintf(c.err, "pushwire publish: the input can't be read: %v\n", err)
		return exitFailed
	}
	return exitOK
}
