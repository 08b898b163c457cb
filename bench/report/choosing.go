package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ChoosingWaiting is the case of a client that waits.
const ChoosingWaiting = "waiting"

// ChoosingFields is the note of the header fields that requests had.
const ChoosingFields = "fields"

// ChoosingCase names a case: how many messages a second a client gets.
func ChoosingCase(perSecond float64) string {
	return strconv.FormatFloat(perSecond, 'f', -1, 64) + " a second"
}

// choosingRates are the cases with messages, in the order of the samples.
func (r *Results) choosingRates() (rates []string) {
	for _, name := range r.cases() {
		if name != ChoosingWaiting {
			rates = append(rates, name)
		}
	}
	return rates
}

// choosingTransports are the candidates that have clients.
func (r *Results) choosingTransports() (all []string) {
	for _, c := range r.candidates() {
		for _, name := range r.choosingRates() {
			if _, ok := r.Median(name, c, "wire_bytes"); ok {
				all = append(all, c)
				break
			}
		}
	}
	return all
}

// ChoosingLoad is the note of the machine's load before a round, from 1.
func ChoosingLoad(round int) string { return fmt.Sprintf("load before round %d", round) }

// choosingTables have a table for each rate, and one for what a client costs
// apart from messages. Before them stands what the times were measured beside.
func choosingTables(w io.Writer, r *Results) {
	var loads []string
	for round := range r.Rounds() {
		if load, ok := r.Notes[ChoosingLoad(round+1)]; ok {
			minute, _, _ := strings.Cut(load, " ")
			loads = append(loads, minute)
		}
	}
	fmt.Fprintf(w, "Header fields of requests: %s. Load of the machine in the minute before each round, less than 1 on a quiet one: %s.\n\n",
		r.Notes[ChoosingFields], strings.Join(loads, ", "))
	for _, name := range r.choosingRates() {
		head(w, name+", for each message", "bytes to the client", "bytes to the server", "requests", "median ms", "p99 ms", "server CPU us")
		for _, c := range r.candidates() {
			value := func(v string) string { return number(r.Median(name, c, v)) }
			row(w, c, value("received_bytes"), part(r.Median(name, c, "sent_bytes")), part(r.Median(name, c, "requests")), value("p50_ms"), value("p99_ms"), value("cpu_us"))
		}
		io.WriteString(w, "\n")
	}
	head(w, "for each client", "bytes to open", "resident bytes while it waits", "heap", "stacks", "goroutines")
	for _, c := range r.choosingTransports() {
		cells := []string{c, ""}
		for _, name := range r.choosingRates() {
			if v, ok := r.Median(name, c, "opening_bytes"); ok {
				cells[1] = number(v, ok)
				break
			}
		}
		for _, v := range []string{"resident_bytes", "heap_bytes", "stack_bytes", "goroutines"} {
			cells = append(cells, number(r.Median(ChoosingWaiting, c, v)))
		}
		row(w, cells...)
	}
}

// part writes a number as the others are, and one that is much smaller than 1
// with two digits that count.
func part(v float64, ok bool) string {
	if ok && v > 0 && v < 0.1 {
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return number(v, ok)
}

// The plots of docs/CHOOSING.md, beside it.
const (
	choosingBytesFile   = "choosing-bytes.svg"
	choosingLatencyFile = "choosing-latency.svg"
)

// WriteChoosing puts the tables of the stored results into docs/CHOOSING.md and
// the plots beside it.
func WriteChoosing(file, folder string) error {
	r, err := Load(filepath.Join(folder, "choosing.json"))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("\n")
	if err := Print(&b, "choosing", r); err != nil {
		return err
	}
	b.WriteString("\n")
	if text, err = replace(text, "choosing", b.Bytes()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	for name, p := range map[string]dotPlot{
		choosingBytesFile:   r.choosingPlot("On the wire for each message", "bytes", "wire_bytes"),
		choosingLatencyFile: r.choosingPlot("From publishing to arrival", "ms", "p50_ms", "p99_ms"),
	} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), name), p.svg(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// choosingPlot has a group for each transport and a line for each rate.
func (r *Results) choosingPlot(title, unit string, values ...string) dotPlot {
	p := dotPlot{title: title, unit: unit}
	for _, name := range r.choosingRates() {
		p.series = append(p.series, strings.TrimSuffix(name, " a second"))
	}
	p.legend = "messages a second"
	if len(values) > 1 {
		p.spans = "from the median to the 99th percentile, hollow"
	}
	for _, c := range r.choosingTransports() {
		g := dotGroup{name: c}
		for _, name := range r.choosingRates() {
			var dots []float64
			for _, v := range values {
				if m, ok := r.Median(name, c, v); ok && m > 0 { // 0 is nowhere on the scale
					dots = append(dots, m)
				}
			}
			g.lines = append(g.lines, dots)
		}
		p.groups = append(p.groups, g)
	}
	return p
}
