package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The cases of an idle connection: without TLS and compression, over TLS, and
// after compressed messages of which nothing is kept.
const (
	IdleCase       = "idle"
	IdleSecureCase = "idle over TLS"
	IdlePackedCase = "idle, compressed without takeover"
)

// FrameCase names a case: what is done with a frame of how many bytes.
func FrameCase(mode string, size int) string { return fmt.Sprintf("%s %s", mode, bytesText(size)) }

// EchoCase names a case: messages of how many bytes, how many in flight on a
// connection.
func EchoCase(size, window int) string {
	return fmt.Sprintf("%s, %d in flight", bytesText(size), window)
}

// DeflateCase names a case: messages of how many bytes, compressed with or
// without context takeover.
func DeflateCase(size int, takeover bool) string { return "compress " + takeoverText(size, takeover) }

// InflateCase is the same for inflating.
func InflateCase(size int, takeover bool) string { return "inflate " + takeoverText(size, takeover) }

func takeoverText(size int, takeover bool) string {
	with := "without"
	if takeover {
		with = "with"
	}
	return fmt.Sprintf("%s, %s takeover", bytesText(size), with)
}

func bytesText(n int) string {
	if n >= 1<<10 && n%(1<<10) == 0 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// The raw echoes that ratios refer to: small messages fit the first one's
// buffer, large ones do not.
const (
	limitSmall = "raw echo 4 KiB"
	limitLarge = "raw echo 64 KiB"
)

// tables are what README.md shows of a measurement.
var tables = map[string]func(io.Writer, *Results){
	"frame":       frameTable,
	"mask":        maskTables,
	"utf8":        textTable,
	"echo":        echoTables,
	"idle":        idleTable,
	"growth":      growthTables,
	"handshake":   handshakeTables,
	"deflate":     deflateTables,
	"eventstream": eventStreamTables,
	"fanout":      fanoutTable,
	"webpush":     pushTable,

	"topic-fanout": topicTables,
	"choosing":     choosingTables,

	"deflate-echo":      packedEchoTable,
	"deflate-idle":      packedIdleTable,
	"deflate-broadcast": packedBroadcastTable,
}

// Print writes the tables of a measurement.
func Print(w io.Writer, name string, r *Results) error {
	t := tables[name]
	if t == nil {
		return fmt.Errorf("there is no table for %q", name)
	}
	fmt.Fprintf(w, "`%s` at %s on %s: %s, %s; medians of %d rounds.\n\n", r.Command, r.Commit, r.Date, r.Machine, r.Go, r.Rounds())
	t(w, r)
	return nil
}

// order returns the different values of a field, in the order of the samples.
func (r *Results) order(field func(Sample) string) []string {
	var all []string
	for _, s := range r.Samples {
		if v := field(s); !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

func (r *Results) cases() []string      { return r.order(func(s Sample) string { return s.Case }) }
func (r *Results) candidates() []string { return r.order(func(s Sample) string { return s.Candidate }) }

// row writes a line of a table.
func row(w io.Writer, cells ...string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }

func head(w io.Writer, cells ...string) {
	row(w, cells...)
	line := make([]string, len(cells))
	line[0] = "---"
	for i := 1; i < len(line); i++ {
		line[i] = "---:"
	}
	row(w, line...)
}

// number writes a value with three digits that count; "" stands for none.
func number(v float64, ok bool) string {
	switch {
	case !ok:
		return ""
	case v >= 100 || v <= 0:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// fraction writes a value that is far below 1.
func fraction(v float64, ok bool) string {
	if !ok {
		return ""
	}
	return fmt.Sprintf("%.3f", v)
}

func frameTable(w io.Writer, r *Results) {
	cases := r.cases()
	cells := []string{"ns a message (allocations)"}
	head(w, append(cells, cases...)...)
	for _, c := range r.candidates() {
		cells := []string{c}
		for _, name := range cases {
			ns, ok := r.Median(name, c, "ns")
			allocs, _ := r.Median(name, c, "allocs")
			cells = append(cells, fmt.Sprintf("%s (%.0f)", number(ns, ok), allocs))
		}
		row(w, cells...)
	}
}

func echoTables(w io.Writer, r *Results) {
	for i, name := range r.cases() {
		if i > 0 {
			fmt.Fprintln(w)
		}
		limit := limitSmall
		if strings.Contains(name, "KiB") {
			limit = limitLarge
		}
		raw, _ := r.Median(name, limit, "cpu_us")
		late, _ := r.Median(name, limit, "p99_us")
		waits := slices.ContainsFunc(r.Samples, func(s Sample) bool { _, ok := s.Values["waits"]; return ok }) // older results have none
		cells := []string{name, "us a message", "of " + limit, "reads", "writes"}
		if waits {
			cells = append(cells, "waits")
		}
		head(w, append(cells, "p50 us", "p99 us", "of "+limit)...)
		for _, c := range r.candidates() {
			us, ok := r.Median(name, c, "cpu_us")
			if !ok {
				continue // it was stored before this candidate was there
			}
			value := func(v string) string { return number(r.Median(name, c, v)) }
			p99, has := r.Median(name, c, "p99_us")
			cells := []string{c, number(us, ok), of(us, ok, raw, raw > 0), value("reads"), value("writes")}
			if waits {
				cells = append(cells, fraction(r.Median(name, c, "waits")))
			}
			row(w, append(cells, value("p50_us"), number(p99, has), of(p99, has, late, late > 0))...)
		}
	}
	if line := r.peerVersions(); line != "" {
		fmt.Fprintf(w, "\n%s\n", line)
	}
}

// peerVersions names the candidates of other modules, each module once, with
// its version.
func (r *Results) peerVersions() string {
	var all []string
	seen := map[string]bool{}
	for _, c := range r.candidates() {
		module := r.Notes[c]
		if v := r.Versions[module]; v != "" && !seen[module] && !strings.HasPrefix(c, ours) {
			seen[module] = true
			all = append(all, module+" "+v)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "Versions: " + strings.Join(all, ", ") + "."
}

func idleTable(w io.Writer, r *Results) {
	for i, name := range r.cases() {
		if i > 0 {
			fmt.Fprintln(w)
		}
		head(w, name+", bytes a connection", "resident", "heap", "stacks", "goroutines")
		for _, c := range r.candidates() {
			resident, ok := r.Median(name, c, "resident_bytes")
			if !ok {
				continue
			}
			value := func(v string) string { return number(r.Median(name, c, v)) }
			row(w, c, number(resident, ok), value("heap_bytes"), value("stack_bytes"), value("goroutines"))
		}
	}
}

// deflateTables has a table for compressing and one for inflating.
func deflateTables(w io.Writer, r *Results) {
	for i, verb := range []string{"compress ", "inflate "} {
		if i > 0 {
			fmt.Fprintln(w)
		}
		var cases []string
		cells := []string{strings.TrimSpace(verb) + ": us a message"}
		if i == 0 {
			cells[0] += " (ratio)"
		}
		for _, name := range r.cases() {
			if short, ok := strings.CutPrefix(name, verb); ok {
				cases = append(cases, name)
				cells = append(cells, short)
			}
		}
		head(w, append(cells, "KiB kept", "by each")...)
		for _, c := range r.candidates() {
			cells := []string{c}
			most, pooled := 0.0, 1.0
			for _, name := range cases {
				ns, ok := r.Median(name, c, "ns")
				if !ok {
					continue
				}
				cell := number(ns/1000, ok)
				if ratio, ok := r.Median(name, c, "ratio"); ok {
					cell += fmt.Sprintf(" (%.3f)", ratio)
				}
				cells = append(cells, cell)
				heap, _ := r.Median(name, c, "heap_bytes")
				most = max(most, heap)
				if p, ok := r.Median(name, c, "pooled"); ok {
					pooled = p
				}
			}
			if len(cells) == 1 {
				continue // it is of the other table
			}
			by := "pooled object"
			if pooled == 0 {
				by = "connection"
			}
			row(w, append(cells, number(most/1024, true), by)...)
		}
	}
}

// WriteTables puts the tables of the stored results into a file, each between
// the lines <!-- name --> and <!-- /name -->, and the plots beside it. Where
// there are no results the lines have nothing between them.
func WriteTables(file, folder string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if name == "choosing" {
			continue // it has a document of its own
		}
		var b bytes.Buffer
		r, err := Load(filepath.Join(folder, name+".json"))
		if err == nil {
			b.WriteString("\n")
			err = Print(&b, name, r)
			b.WriteString("\n")
		} else if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err != nil {
			return err
		}
		if name == "growth" && r != nil {
			if err := r.writeGrowthPlots(filepath.Dir(file)); err != nil {
				return err
			}
		}
		if text, err = replace(text, name, b.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return os.WriteFile(file, text, 0o644)
}

// replace puts a table between its marks.
func replace(text []byte, name string, table []byte) ([]byte, error) {
	begin, end := []byte("<!-- "+name+" -->\n"), []byte("<!-- /"+name+" -->\n")
	before, rest, ok := bytes.Cut(text, begin)
	if !ok {
		return nil, fmt.Errorf("the mark of %s is missing", name)
	}
	_, after, ok := bytes.Cut(rest, end)
	if !ok {
		return nil, fmt.Errorf("the end mark of %s is missing", name)
	}
	return slices.Concat(before, begin, table, end, after), nil
}
