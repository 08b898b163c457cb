package report

import "io"

// TopicWaiting is the case of a reader that waits.
const TopicWaiting = "a reader that waits"

// topicTables have a table for what an item costs, and one for the memory of
// the readers that wait for it.
func topicTables(w io.Writer, r *Results) {
	cells := []string{"us a reader"}
	var cases []string
	for _, name := range r.cases() {
		if name != TopicWaiting {
			cases = append(cases, name)
			cells = append(cells, name, "of bare", "writes", "ms until the last", "of bare")
		}
	}
	head(w, cells...)
	for _, c := range r.candidates() {
		cells := []string{c}
		for _, name := range cases {
			for _, v := range []string{"cpu_us", "of_bare", "writes", "last_ms", "last_of_bare"} {
				cells = append(cells, number(r.Median(name, c, v)))
			}
		}
		row(w, cells...)
	}
	io.WriteString(w, "\n")
	head(w, "bytes a waiting reader", "resident", "heap", "stacks", "goroutines")
	for _, c := range r.candidates() {
		cells := []string{c}
		for _, v := range []string{"resident_bytes", "heap_bytes", "stack_bytes", "goroutines"} {
			cells = append(cells, number(r.Median(TopicWaiting, c, v)))
		}
		row(w, cells...)
	}
}
