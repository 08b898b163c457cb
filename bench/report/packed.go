package report

import (
	"io"
	"slices"
	"strings"
)

// ours begins the names of the candidates that are this module.
const ours = "pushwire"

// best returns the smallest median of a value among all others.
func (r *Results) best(name, value string) (best float64, ok bool) {
	for _, c := range r.candidates() {
		if v, has := r.Median(name, c, value); has && !strings.HasPrefix(c, ours) && (!ok || v < best) {
			best, ok = v, true
		}
	}
	return best, ok
}

// of returns a over b as a table shows it.
func of(a float64, ok bool, b float64, has bool) string {
	return number(a/b, ok && has)
}

// answer is what a server agreed to, without what is always in it.
func (r *Results) answer(name, candidate string) string {
	note, ok := r.Notes[candidate+", "+name]
	if !ok || note == "" {
		return ""
	}
	note = strings.Trim(strings.TrimPrefix(note, "permessage-deflate"), "; ")
	if note == "" {
		return "nothing: both 15"
	}
	return note
}

// packedRows calls row for each pair of which there are samples.
func (r *Results) packedRows(row func(name, candidate string)) {
	for _, name := range r.cases() {
		for _, c := range r.candidates() {
			if slices.ContainsFunc(r.Samples, func(s Sample) bool { return s.Case == name && s.Candidate == c }) {
				row(name, c)
			}
		}
	}
}

func packedEchoTable(w io.Writer, r *Results) {
	head(w, "4 KiB of JSON, 1 in flight", "us a message", "of the best peer", "bytes back", "reads", "writes", "server's parameters")
	r.packedRows(func(name, c string) {
		value := func(v string) string { return number(r.Median(name, c, v)) }
		us, ok := r.Median(name, c, "cpu_us")
		best, has := r.best(name, "cpu_us")
		row(w, c+", "+name, number(us, ok), of(us, ok, best, has), value("payload_bytes"), value("reads"), value("writes"), r.answer(name, c))
	})
}

func packedIdleTable(w io.Writer, r *Results) {
	head(w, "bytes a connection", "resident", "more than plain", "heap", "more than plain", "stacks", "goroutines", "server's parameters")
	r.packedRows(func(name, c string) {
		value := func(v string) string { return number(r.Median(name, c, v)) }
		more := func(v string) string {
			plain, has := r.Median("plain", c, v)
			m, ok := r.Median(name, c, v)
			return number(m-plain, ok && has && name != "plain")
		}
		row(w, c+", "+name, value("resident_bytes"), more("resident_bytes"), value("heap_bytes"), more("heap_bytes"),
			value("stack_bytes"), value("goroutines"), r.answer(name, c))
	})
}

func packedBroadcastTable(w io.Writer, r *Results) {
	head(w, "512 B of JSON", "us a connection", "of Group.Broadcast, plain", "bytes each", "writes")
	plain, has := r.Median("plain", ours+" Group.Broadcast", "cpu_us")
	r.packedRows(func(name, c string) {
		value := func(v string) string { return number(r.Median(name, c, v)) }
		us, ok := r.Median(name, c, "cpu_us")
		row(w, c+", "+name, number(us, ok), of(us, ok, plain, has), value("payload_bytes"), value("writes"))
	})
}
