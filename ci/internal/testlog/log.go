package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is one line of go test -json: cmd/test2json's TestEvent and, for builds, cmd/go's BuildEvent.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build-output and build-fail, in place of Package
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string // the ImportPath whose build failed, on the fail of a package
}

// A key names a test, or with an empty test a whole package.
type key struct{ pkg, test string }

// record is what is known of one test.
type record struct {
	output  strings.Builder
	started bool   // it is a test, not the part of a name before a slash
	result  string // pass, fail, skip; empty while it runs
	parent  bool   // has subtests
	badLeaf bool   // a test below it failed, so that its own failure says nothing new
}

// log gathers the events of one run. It prints each package as it ends, with the output of the tests that failed.
type log struct {
	w       io.Writer
	verbose bool
	tests   map[key]*record
	builds  map[string]*strings.Builder // output of the compiler, by import path
	skipped []skip
	counts  counts
	failed  strings.Builder // what was printed of packages that failed
}

type skip struct {
	key
	reason string
}

func newLog(w io.Writer, verbose bool) *log {
	return &log{w: w, verbose: verbose, tests: map[key]*record{}, builds: map[string]*strings.Builder{}}
}

func (l *log) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var ev event
			if json.Unmarshal(line, &ev) != nil {
				// go itself, before any test: for instance that go.mod needs an update.
				fmt.Fprintf(l.w, "%s\n", strings.TrimRight(string(line), "\n"))
			} else {
				l.add(ev)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (l *log) test(k key) *record {
	r := l.tests[k]
	if r == nil {
		r = &record{}
		l.tests[k] = r
		if i := strings.LastIndexByte(k.test, '/'); i > 0 {
			l.test(key{k.pkg, k.test[:i]}).parent = true
		}
	}
	return r
}

func (l *log) add(ev event) {
	k := key{ev.Package, ev.Test}
	switch ev.Action {
	case "build-output":
		if l.builds[ev.ImportPath] == nil {
			l.builds[ev.ImportPath] = &strings.Builder{}
		}
		l.builds[ev.ImportPath].WriteString(ev.Output)
	case "output":
		l.test(k).output.WriteString(ev.Output)
		if l.verbose {
			io.WriteString(l.w, ev.Output)
		}
	case "run", "start":
		l.test(k).started = true
	case "pass", "fail", "skip":
		l.test(k).result = ev.Action
		if ev.Test == "" {
			l.endPackage(ev)
		}
	}
}

// endPackage counts the tests of a package, prints those that failed, and forgets the package.
func (l *log) endPackage(ev event) {
	var names []string
	for k := range l.tests {
		if k.pkg == ev.Package && k.test != "" {
			names = append(names, k.test)
		}
	}
	// Children before parents, so that a parent knows of a failure below it.
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(b, a) })
	var c counts
	var failed []string
	for _, name := range names {
		k := key{ev.Package, name}
		r := l.tests[k]
		if r.result == "" {
			switch {
			case r.started && ev.Action == "pass":
				r.result = "pass" // a benchmark: go test tells only that it began
			case r.started || r.badLeaf:
				r.result = "fail" // the process died under it
			default:
				r.result = "none" // a subtest's own name holds a slash: there is no such test
			}
		}
		bad := r.result == "fail"
		if i := strings.LastIndexByte(name, '/'); bad && i > 0 {
			l.tests[key{ev.Package, name[:i]}].badLeaf = true
		}
		switch {
		case bad:
			failed = append(failed, name)
			if !r.badLeaf {
				c.failed++
			}
		case r.parent && r.result == "pass": // its subtests are counted
		case r.result == "pass":
			c.passed++
		case r.result == "skip":
			c.skipped++
			l.skipped = append(l.skipped, skip{k, reason(r.output.String())})
		}
	}
	own := l.tests[key{ev.Package, ""}]
	if ev.Action == "fail" && c.failed == 0 {
		c.failed++ // did not build, or died outside of a test
	}

	fmt.Fprintf(l.w, "%-4s  %s  %s  %.1f s\n", status(ev.Action, c), ev.Package, c, ev.Elapsed)
	if ev.Action == "fail" {
		from := l.failed.Len()
		fmt.Fprintf(&l.failed, "  %s\n", ev.Package)
		slices.Sort(failed)
		for _, name := range failed {
			indent(&l.failed, l.tests[key{ev.Package, name}].output.String())
		}
		if b := l.builds[ev.FailedBuild]; b != nil {
			indent(&l.failed, b.String())
		}
		indent(&l.failed, own.output.String())
		if !l.verbose { // else it has been printed as it came
			io.WriteString(l.w, l.failed.String()[from:])
		}
	}
	l.counts.add(c)
	for k := range l.tests {
		if k.pkg == ev.Package {
			delete(l.tests, k)
		}
	}
}

func status(action string, c counts) string {
	switch {
	case action == "fail":
		return "FAIL"
	case c.passed == 0:
		return "--"
	}
	return "ok"
}

func indent(w io.Writer, s string) {
	for line := range strings.Lines(s) {
		fmt.Fprintf(w, "      %s\n", strings.TrimRight(line, "\n"))
	}
}

// reason picks the sentence of t.Skip out of a test's output: all but the framing lines of package testing.
func reason(output string) string {
	var say []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		if _, text, ok := strings.Cut(line, ".go:"); ok { // "x_test.go:12: text"
			if _, sentence, ok := strings.Cut(text, ": "); ok {
				line = sentence
			}
		}
		say = append(say, line)
	}
	return strings.Join(say, " ")
}

// report lists the skipped tests and returns how many of them list does not permit in this run.
func (l *log) report(run string, list permits) (unexpected int) {
	for i, s := range l.skipped {
		if i == 0 {
			fmt.Fprintln(l.w, "\nskipped:")
		}
		mark := "permitted"
		if !list.allow(run, s.key) {
			mark = "NOT PERMITTED"
			unexpected++
		}
		why := s.reason
		if why == "" {
			why = "(no reason given)"
		}
		fmt.Fprintf(l.w, "  %-13s  %s %s: %s\n", mark, s.pkg, s.test, why)
	}
	fmt.Fprintf(l.w, "\n%s: %s\n", run, l.counts)
	return unexpected
}
