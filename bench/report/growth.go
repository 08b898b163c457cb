package report

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// growthSuffix ends the names of the cases.
const growthSuffix = " connections"

// GrowthCase names a case: how many connections are open.
func GrowthCase(conns int) string { return thousands(conns) + growthSuffix }

// thousands writes a number with commas between the thousands.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// growthCases are the cases from the fewest connections on: each round begins
// with another one.
func (r *Results) growthCases() []string {
	names := r.cases()
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	return names
}

// growthRatio returns the median over the rounds of a value over that of the
// base, another case of the same round.
func (r *Results) growthRatio(name, base, candidate, value string) (float64, bool) {
	values := func(name string) map[int]float64 {
		all := make(map[int]float64)
		for _, s := range r.Samples {
			if v, ok := s.Values[value]; ok && s.Case == name && s.Candidate == candidate {
				all[s.Round] = v
			}
		}
		return all
	}
	under := values(base)
	var all []float64
	for round, v := range values(name) {
		if u := under[round]; u > 0 {
			all = append(all, v/u)
		}
	}
	return median(all)
}

// The plots of growth, beside the file with its tables.
const (
	growthMemoryFile = "growth-memory.svg"
	growthCPUFile    = "growth-cpu.svg"
)

var growthValues = []struct{ value, file, title, unit string }{
	{"resident_bytes", growthMemoryFile, "Resident for each connection", "bytes"},
	{"cpu_us", growthCPUFile, "Server CPU for each message", "us"},
}

// GrowthLimit is the candidate that the CPU of a message is compared with: the
// same reads and writes, whose memory the processor has to fetch again too when
// there are many connections.
const GrowthLimit = limitSmall

// growthTables have the value at each number of connections and, after the
// first one, its ratio to that; and the CPU as a ratio to the limit's.
func growthTables(w io.Writer, r *Results) {
	cases := r.growthCases()
	for i, v := range growthValues {
		if i > 0 {
			fmt.Fprintln(w)
		}
		cells := []string{v.title + ", " + v.unit}
		for k, name := range cases {
			cells = append(cells, strings.TrimSuffix(name, growthSuffix))
			if k > 0 {
				cells = append(cells, "of "+strings.TrimSuffix(cases[0], growthSuffix))
			}
		}
		head(w, cells...)
		for _, c := range r.candidates() {
			cells := []string{c}
			for k, name := range cases {
				cells = append(cells, number(r.Median(name, c, v.value)))
				if k > 0 {
					cells = append(cells, number(r.growthRatio(name, cases[0], c, v.value)))
				}
			}
			row(w, cells...)
		}
		fmt.Fprintf(w, "\n![%s](%s)\n", v.title, v.file)
	}
	fmt.Fprintln(w)
	cells := []string{"CPU for each message, of " + GrowthLimit}
	for _, name := range cases {
		cells = append(cells, strings.TrimSuffix(name, growthSuffix))
	}
	head(w, cells...)
	for _, c := range r.candidates() {
		cells := []string{c}
		for _, name := range cases {
			cells = append(cells, number(r.MedianRatio(name, c, GrowthLimit, "cpu_us")))
		}
		row(w, cells...)
	}
}

// writeGrowthPlots writes the plots into a folder.
func (r *Results) writeGrowthPlots(folder string) error {
	cases := r.growthCases()
	for _, v := range growthValues {
		p := dotPlot{title: v.title, unit: v.unit, legend: strings.TrimSpace(growthSuffix)}
		for _, name := range cases {
			p.series = append(p.series, strings.TrimSuffix(name, growthSuffix))
		}
		for _, c := range r.candidates() {
			g := dotGroup{name: c}
			for _, name := range cases {
				var dots []float64
				if m, ok := r.Median(name, c, v.value); ok && m > 0 {
					dots = append(dots, m)
				}
				g.lines = append(g.lines, dots)
			}
			p.groups = append(p.groups, g)
		}
		if err := os.WriteFile(filepath.Join(folder, v.file), p.svg(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
