package report

import (
	"fmt"
	"io"
)

// TextCase names a case: a text of a kind, of how many bytes.
func TextCase(kind string, size int) string { return fmt.Sprintf("%s, %s", kind, bytesText(size)) }

// TextLimit is the candidate that ratios of the check of UTF-8 refer to.
const TextLimit = "bytes.IndexByte"

func textTable(w io.Writer, r *Results) {
	const standard = "utf8.Valid"
	cells := append([]string{"GB/s"}, r.candidates()...)
	head(w, append(cells, "pushwire, of "+standard)...)
	for _, name := range r.cases() {
		cells := []string{name}
		for _, c := range r.candidates() {
			cells = append(cells, number(r.Median(name, c, "gb_per_s")))
		}
		row(w, append(cells, number(r.MedianRatio(name, ours, standard, "gb_per_s")))...)
	}
}
