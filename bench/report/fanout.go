package report

import (
	"fmt"
	"io"
)

// FanoutCase names a case: an event of how many bytes, to how many streams.
func FanoutCase(size, streams int) string {
	return fmt.Sprintf("%s to %d streams", bytesText(size), streams)
}

// fanoutTable shows the median of each round's ratio: what disturbs a round
// disturbs both its sides.
func fanoutTable(w io.Writer, r *Results) {
	cells := []string{"us a stream and event"}
	for _, name := range r.cases() {
		cells = append(cells, name, "of bare", "writes")
	}
	head(w, cells...)
	for _, c := range r.candidates() {
		cells := []string{c}
		for _, name := range r.cases() {
			for _, v := range []string{"cpu_us", "of_bare", "writes"} {
				cells = append(cells, number(r.Median(name, c, v)))
			}
		}
		row(w, cells...)
	}
}
