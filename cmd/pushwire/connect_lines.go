package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

const maxLine = 16 << 20 // bytes of one line of the input

// lines turns the lines of the input into messages.
type lines struct {
	conn     *pushwire.Conn
	err      io.Writer
	commands bool
	linger   time.Duration
	stop     <-chan struct{} // ends the lingering
}

// send sends each line of in and closes the connection at its end.
func (l *lines) send(in io.Reader) {
	s := bufio.NewScanner(in)
	s.Buffer(nil, maxLine)
	for n := 1; s.Scan(); n++ {
		if !l.line(n, s.Text()) {
			return // the loop that reads tells why
		}
	}
	if err := s.Err(); err != nil {
		fmt.Fprintf(l.err, "the input can't be read: %v\n", err)
	}
	if l.linger > 0 {
		select {
		case <-time.After(l.linger):
		case <-l.stop:
		case <-l.conn.Done():
		}
	}
	l.conn.Close(frame.CodeNormal, "")
}

// line sends line n and reports whether there may be another.
func (l *lines) line(n int, text string) bool {
	if l.commands {
		if name, ok := strings.CutPrefix(text, "/"); ok && !strings.HasPrefix(name, "/") {
			return l.command(n, name)
		}
		if strings.HasPrefix(text, "//") {
			text = text[1:]
		}
	}
	// RFC 6455, 5.6: "The "Payload data" is text data encoded as UTF-8"
	if !utf8.ValidString(text) {
		fmt.Fprintf(l.err, "line %d is not UTF-8, so it was not sent\n", n)
		return true
	}
	return l.conn.Write(context.Background(), frame.Text, []byte(text)) == nil
}

// command does what line n asks for, without its slash.
func (l *lines) command(n int, text string) bool {
	name, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch name {
	case "ping":
		took, err := l.conn.Ping(context.Background())
		if err != nil {
			return false
		}
		fmt.Fprintf(l.err, "pong after %v\n", took.Round(time.Microsecond))
	case "binary":
		p, err := hex.DecodeString(strings.ReplaceAll(rest, " ", ""))
		if err != nil {
			fmt.Fprintf(l.err, "line %d: %v; write bytes as pairs of hex digits, for example /binary 00 ff\n", n, err)
			return true
		}
		return l.conn.Write(context.Background(), frame.Binary, p) == nil
	case "close":
		number, reason, _ := strings.Cut(rest, " ")
		code := frame.CodeNormal
		if number != "" {
			// RFC 6455, 7.4.2: codes 3000 to 4999 are those of programs.
			v, err := strconv.ParseUint(number, 10, 16)
			if code = frame.Code(v); err != nil || !code.Valid() {
				fmt.Fprintf(l.err, "line %d: %q is no close code that may be sent; use 1000, 1001 or one from 3000 to 4999\n", n, number)
				return true
			}
		}
		l.conn.Close(code, reason)
		return false
	default:
		fmt.Fprintf(l.err, "line %d: there is no command /%s; there are /ping, /binary and /close, and //%s sends the text\n", n, name, text)
	}
	return true
}
