package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// failureLines is how many lines of a run's failures are kept, the last ones.
const failureLines = 60

// failuresOf is the file beside the totals that has the failures.
func failuresOf(totals string) string { return totals + ".failed" }

// appendFailures adds what was printed of a run's failures, if there is any.
func appendFailures(totals, run, text string) error {
	if text == "" {
		return nil
	}
	f, err := os.OpenFile(failuresOf(totals), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(text, "\n")
	if n := len(lines) - failureLines; n > 0 {
		lines = append([]string{fmt.Sprintf("  (%d lines more above)\n", n)}, lines[n:]...)
	}
	_, err = fmt.Fprintf(f, "%s:\n%s\n", run, strings.Join(lines, ""))
	return errors.Join(err, f.Close())
}

// printFailures prints what appendFailures has added.
func printFailures(w io.Writer, totals string) error {
	b, err := os.ReadFile(failuresOf(totals))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		_, err = fmt.Fprintf(w, "\nthe failures once more, by run:\n\n%s", b)
	}
	return err
}
