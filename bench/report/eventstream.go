package report

import (
	"fmt"
	"io"
	"strings"
)

// limitEvents is the candidate that ratios of event streams refer to.
const limitEvents = "limit"

// DecodeCase and EncodeCase name cases: what is done with events of a shape.
func DecodeCase(shape string) string { return "decode " + shape }
func EncodeCase(shape string) string { return "encode " + shape }

func eventStreamTables(w io.Writer, r *Results) {
	for i, verb := range []string{"decode ", "encode "} {
		if i > 0 {
			fmt.Fprintln(w)
		}
		var cases []string
		for _, c := range r.cases() {
			if strings.HasPrefix(c, verb) {
				cases = append(cases, c)
			}
		}
		what := "GB/s, times the limit (allocations)"
		if verb == "encode " {
			what = "ns, times the limit (allocations)"
		}
		head(w, append([]string{what}, cases...)...)
		for _, c := range r.candidates() {
			cells, any := []string{c}, false
			for _, name := range cases {
				ns, ok := r.Median(name, c, "ns")
				if !ok {
					cells = append(cells, "")
					continue
				}
				any = true
				least, _ := r.Median(name, limitEvents, "ns")
				allocs, _ := r.Median(name, c, "allocs")
				shown := number(ns, true)
				if verb == "decode " {
					shown = number(r.Median(name, c, "gb_per_s"))
				}
				cells = append(cells, fmt.Sprintf("%s, %s (%s)", shown, number(ns/least, least > 0), count(allocs)))
			}
			if any {
				row(w, cells...)
			}
		}
	}
}

// count writes how many there are of something for each event: 0 for what
// happens less often than once in 200.
func count(v float64) string {
	if v < 0.1 && v >= 0.005 {
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
