package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// counts are of tests without subtests.
type counts struct{ passed, failed, skipped int }

func (c *counts) add(d counts) {
	c.passed += d.passed
	c.failed += d.failed
	c.skipped += d.skipped
}

// String is the closing line that CI reads, the part after the skips only where there are some.
func (c counts) String() string {
	s := fmt.Sprintf("%d passed, %d failed", c.passed, c.failed)
	if c.skipped > 0 {
		s += fmt.Sprintf(", %d skipped", c.skipped)
	}
	return s
}

func appendTotals(file, run string, c counts) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, run, c.passed, c.failed, c.skipped)
	return errors.Join(err, f.Close())
}

// readTotals adds up what appendTotals wrote. A missing file is a sum of zero: no run came to its end.
func readTotals(file string) (sum counts, err error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return sum, nil
	}
	if err != nil {
		return sum, err
	}
	for line := range strings.Lines(string(b)) {
		var c counts
		var run string
		if _, err := fmt.Sscan(line, &run, &c.passed, &c.failed, &c.skipped); err != nil {
			return sum, fmt.Errorf("%s: %q: %w", file, line, err)
		}
		sum.add(c)
	}
	return sum, nil
}
