package report

import (
	"fmt"
	"io"
	"strings"
)

// MaskCase names a case: payloads of how many bytes, how far behind the
// beginning of a cache line.
func MaskCase(size, offset int) string {
	if offset == 0 {
		return bytesText(size) + maskAligned
	}
	return fmt.Sprintf("%s, %d B into a line", bytesText(size), offset)
}

const (
	maskLimit   = "memclr"
	maskAligned = ", aligned"
)

// maskTables has a table for each offset, with the median of each round's
// ratio to the limit, and beside it how many times the best peer's time ours
// is.
func maskTables(w io.Writer, r *Results) {
	var offsets []string
	for _, name := range r.cases() {
		_, off, _ := strings.Cut(name, ", ")
		if len(offsets) == 0 || offsets[len(offsets)-1] != off {
			offsets = append(offsets, off)
		}
	}
	for i, off := range offsets {
		if i > 0 {
			fmt.Fprintln(w)
		}
		cells := []string{off + ": of memclr's speed", maskLimit + ", ns"}
		for _, c := range r.candidates() {
			if c != maskLimit {
				cells = append(cells, c)
			}
		}
		head(w, append(cells, "ours, of the best peer's time")...)
		for _, name := range r.cases() {
			size, at, _ := strings.Cut(name, ", ")
			if at != off {
				continue
			}
			limit, ok := r.Median(name, maskLimit, "ns")
			cells := []string{size, number(limit, ok)}
			var us float64
			peer := 0.0
			for _, c := range r.candidates() {
				if c == maskLimit {
					continue
				}
				cells = append(cells, number(r.MedianRatio(name, maskLimit, c, "ns")))
				ns, _ := r.Median(name, c, "ns")
				switch {
				case c == ours:
					us = ns
				case peer == 0 || ns < peer:
					peer = ns
				}
			}
			row(w, append(cells, number(us/peer, us > 0 && peer > 0))...)
		}
	}
}
