package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

func connect(ctx context.Context, c console, args []string) int {
	f := flags(c, "connect", "URL",
		"Connects to a ws or wss URL, sends each line of the standard input as a text",
		"message and prints what arrives: text as it is, binary as hex. The end of the",
		"input, or Ctrl-C, closes the connection. The exit status is 0 when it ended with",
		"a closing handshake and 1000, 1001 or no code, 1 otherwise, 2 for a wrong command",
		"line.",
		"",
		"With -i a line that begins with a slash is a command:",
		"  /ping               sends a ping and prints how long its pong took",
		"  /binary 00 ff       sends a binary message, in hex",
		"  /close [CODE [WHY]] closes with a code, 1000 if none is given",
		"  //text              sends /text")
	o := &pushwire.DialOptions{Header: http.Header{}}
	f.Func("header", "`Name: value` of an extra request field; may be given again", headerFlag(o.Header))
	f.Func("subprotocol", "`name` of a subprotocol to offer, best first; may be given again", func(s string) error {
		o.Protocols = append(o.Protocols, s)
		return nil
	})
	f.Int64Var(&o.MaxMessage, "max", pushwire.DefaultMaxMessage, "longest message to take, in `bytes`; a longer one ends the connection")
	compress := f.Bool("deflate", false, "offer to compress messages (permessage-deflate)")
	insecure := f.Bool("insecure", false, "take any certificate, for a server that has a self-signed one")
	commands := f.Bool("i", false, "lines that begin with a slash are commands, see above")
	count := f.Int("n", 0, "close after so many `messages` have arrived; the exit status is 1 if fewer do")
	linger := f.Duration("linger", 0, "`time` to go on printing what arrives after the end of the input, for servers that answer late")
	verbose := f.Bool("v", false, "print the fields of the server's answer, pings and pongs, both close frames, and counts at the end")
	if status, ok := parse(f, c, args, 1); !ok {
		return status
	}
	if *insecure {
		o.TLS = &tls.Config{InsecureSkipVerify: true} // asked for by the flag
	}
	if *compress {
		o.Deflate = &pushwire.Deflate{}
	}
	v := verbosity{w: c.err, on: *verbose, dim: isTerminal(c.err)}
	v.options(o)

	conn, res, err := pushwire.Dial(ctx, f.Arg(0), o)
	v.answer(res)
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
	l := lines{conn: conn, err: c.err, commands: *commands, linger: *linger, stop: ctx.Done()}
	go l.send(c.in)
	status := printMessages(c, conn, *count)
	v.end(conn)
	return status
}

// printMessages prints what arrives until the connection ends, or until it was
// enough of it; then the connection is closed.
func printMessages(c console, conn *pushwire.Conn, enough int) int {
	n := 0
	for m, err := range conn.Messages(context.Background()) {
		if err != nil {
			break
		}
		if err := show(c.out, m); err != nil {
			conn.Close(frame.CodeGoingAway, "")
			fmt.Fprintf(c.err, "pushwire connect: %v\n", err)
			return exitFailed
		}
		if n++; n == enough {
			conn.Close(frame.CodeNormal, "")
			break
		}
	}
	status := ended(c.err, conn.Err())
	if n < enough {
		fmt.Fprintf(c.err, "pushwire connect: %d of %d messages arrived\n", n, enough)
		return exitFailed
	}
	return status
}

// show prints a message: text as it is, but on a terminal without what the
// terminal would obey.
func show(w io.Writer, m pushwire.Message) error {
	if m.Type == frame.Text && isTerminal(w) {
		return printLines(w, "", m.Data)
	}
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
