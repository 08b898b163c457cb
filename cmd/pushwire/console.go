package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
)

// isTerminal reports whether a person reads what is written to w, and wants
// colours (https://no-color.org).
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// headerFlag is the value of a flag that adds a field to h.
func headerFlag(h http.Header) func(string) error {
	return func(s string) error {
		name, value, ok := strings.Cut(s, ":")
		if !ok {
			return errors.New("a field is written as Name: value")
		}
		h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		return nil
	}
}
