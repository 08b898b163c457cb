package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

const maxLine = 16 << 20 // bytes of one line of the input

func connect(ctx context.Context, c console, args []string) int {
	f := flags(c, "connect", "URL",
		"Connects to a ws or wss URL, sends each line of the standard input as a text",
		"message and prints what arrives: text as it is, binary as hex. The end of the",
		"input, or Ctrl-C, closes the connection.")
	o := &pushwire.DialOptions{Header: http.Header{}}
	f.Func("header", "`Name: value` of an extra request field; may be given again", func(s string) error {
		name, value, ok := strings.Cut(s, ":")
		if !ok {
			return errors.New("a field is written as Name: value")
		}
		o.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		return nil
	})
	f.Func("subprotocol", "`name` of a subprotocol to offer, best first; may be given again", func(s string) error {
		o.Protocols = append(o.Protocols, s)
		return nil
	})
	f.Int64Var(&o.MaxMessage, "max", pushwire.DefaultMaxMessage, "longest message to take, in `bytes`; a longer one ends the connection")
	compress := f.Bool("deflate", false, "offer to compress messages (permessage-deflate)")
	insecure := f.Bool("insecure", false, "take any certificate, for a server that has a self-signed one")
	if status, ok := parse(f, c, args, 1); !ok {
		return status
	}
	if *insecure {
		o.TLS = &tls.Config{InsecureSkipVerify: true} // asked for by the flag
	}

	if *compress {
		o.Deflate = &pushwire.Deflate{}
	}

	conn, _, err := pushwire.Dial(ctx, f.Arg(0), o)
	if err != nil {
		fmt.Fprintf(c.err, "pushwire connect: %v\n", err)
		return exitFailed
	}
	connected := "connected to " + conn.RemoteAddr().String()
	if p := conn.Protocol(); p != "" {
		connected += ", subprotocol " + p
	}
	if _, ok := conn.Deflate(); ok {
		connected += ", messages are compressed"
	}
	fmt.Fprintln(c.err, connected)

	// Close waits for the peer's answer while the loop below goes on printing
	// what is still on its way.
	stop := context.AfterFunc(ctx, func() { conn.Close(frame.CodeNormal, "") })
	defer stop()
	go send(conn, c)
	for m, err := range conn.Messages(context.Background()) {
		if err != nil {
			return ended(c.err, err)
		}
		if err := show(c.out, m); err != nil {
			conn.Close(frame.CodeGoingAway, "")
			fmt.Fprintf(c.err, "pushwire connect: %v\n", err)
			return exitFailed
		}
	}
	return ended(c.err, conn.Err())
}

// send turns the lines of the input into text messages and closes the
// connection at its end.
func send(conn *pushwire.Conn, c console) {
	lines := bufio.NewScanner(c.in)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		// RFC 6455, 5.6: "The "Payload data" is text data encoded as UTF-8"
		if !utf8.Valid(lines.Bytes()) {
			fmt.Fprintf(c.err, "line %d is not UTF-8, so it was not sent\n", n)
			continue
		}
		if conn.Write(context.Background(), frame.Text, lines.Bytes()) != nil {
			return // the loop that reads tells why
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintf(c.err, "the input can't be read: %v\n", err)
	}
	conn.Close(frame.CodeNormal, "")
}

func show(w io.Writer, m pushwire.Message) error {
	if m.Type == frame.Text {
		_, err := fmt.Fprintf(w, "%s\n", m.Data)
		return err
	}
	_, err := fmt.Fprintf(w, "binary, %d bytes: % x\n", len(m.Data), m.Data)
	return err
}

// ended prints how the connection ended and returns the exit status.
func ended(w io.Writer, err error) int {
	var ce *pushwire.CloseError
	if !errors.As(err, &ce) {
		fmt.Fprintf(w, "pushwire connect: %v\n", err)
		return exitFailed
	}
	fmt.Fprintln(w, strings.TrimPrefix(ce.Error(), "pushwire: "))
	if ce.Err == nil && (ce.Code == frame.CodeNormal || ce.Code == frame.CodeGoingAway || ce.Code == frame.CodeNoStatus) {
		return exitOK
	}
	return exitFailed
}
