package report

import (
	"fmt"
	"io"
)

// The cases of the opening handshake: what is given, and what is answered to.
const (
	HandshakeConnCase = "bytes of a request"
	HandshakeHTTPCase = "a request that net/http has read"
)

// hijackAlone is the limit of the second case.
const hijackAlone = "hijack alone"

func handshakeTables(w io.Writer, r *Results) {
	for i, name := range []string{HandshakeConnCase, HandshakeHTTPCase} {
		limit := ""
		cells := []string{name, "ns", "allocations", "bytes"}
		if i > 0 {
			fmt.Fprintln(w)
			limit = hijackAlone
			cells = append(cells, "above the hijack: ns", "allocations")
		}
		head(w, cells...)
		for _, c := range r.candidates() {
			ns, ok := r.Median(name, c, "ns")
			if !ok {
				continue // it is of the other table
			}
			allocs, _ := r.Median(name, c, "allocs")
			cells := []string{c, number(ns, ok), fmt.Sprintf("%.0f", allocs), number(r.Median(name, c, "bytes"))}
			if limit != "" {
				least, has := r.Median(name, limit, "ns")
				few, _ := r.Median(name, limit, "allocs")
				cells = append(cells, number(ns-least, has && c != limit), "")
				if has && c != limit {
					cells[len(cells)-1] = fmt.Sprintf("%.0f", allocs-few)
				}
			}
			row(w, cells...)
		}
	}
}
