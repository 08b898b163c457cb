package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// stream is what go test -json printed for a package with a passing test, a test with a failing and a passing subtest, a
// skipped test and one under which the process died.
const stream = `{"Action":"start","Package":"github.com/pushwire/pushwire/frame"}
{"Action":"run","Package":"github.com/pushwire/pushwire/frame","Test":"TestGood"}
{"Action":"pass","Package":"github.com/pushwire/pushwire/frame","Test":"TestGood","Elapsed":0}
{"Action":"run","Package":"github.com/pushwire/pushwire/frame","Test":"TestTable"}
{"Action":"run","Package":"github.com/pushwire/pushwire/frame","Test":"TestTable/a"}
{"Action":"output","Package":"github.com/pushwire/pushwire/frame","Test":"TestTable/a","Output":"    x_test.go:9: a is wrong\n"}
{"Action":"fail","Package":"github.com/pushwire/pushwire/frame","Test":"TestTable/a","Elapsed":0}
{"Action":"run","Package":"github.com/pushwire/pushwire/frame","Test":"TestTable/b"}
{"Action":"pass","Package":"github.com/pushwire/pushwire/frame","Test":"TestTable/b","Elapsed":0}
{"Action":"fail","Package":"github.com/pushwire/pushwire/frame","Test":"TestTable","Elapsed":0}
{"Action":"run","Package":"github.com/pushwire/pushwire/frame","Test":"TestSkip"}
{"Action":"output","Package":"github.com/pushwire/pushwire/frame","Test":"TestSkip","Output":"=== RUN   TestSkip\n"}
{"Action":"output","Package":"github.com/pushwire/pushwire/frame","Test":"TestSkip","Output":"    x_test.go:12: no AVX2: on this machine\n"}
{"Action":"skip","Package":"github.com/pushwire/pushwire/frame","Test":"TestSkip","Elapsed":0}
{"Action":"run","Package":"github.com/pushwire/pushwire/frame","Test":"TestDies"}
{"Action":"output","Package":"github.com/pushwire/pushwire/frame","Test":"TestDies","Output":"panic: boom\n"}
{"Action":"fail","Package":"github.com/pushwire/pushwire/frame","Elapsed":0.2}
`

// A long log ends with its failures: those of each run, the last lines of many.
func TestFailuresStandAtTheEnd(t *testing.T) {
	var out bytes.Buffer
	l := newLog(&out, true)
	if err := l.read(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	totals := filepath.Join(t.TempDir(), "totals")
	long := strings.Repeat("early\n", 100) + strings.Repeat("late\n", failureLines-1)
	for run, text := range map[string]string{"race": l.failed.String(), "386": long, "simd": ""} {
		if err := appendFailures(totals, run, text); err != nil {
			t.Fatal(err)
		}
	}
	out.Reset()
	if err := printFailures(&out, totals); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"race:\n  github.com/pushwire/pushwire/frame\n", "a is wrong", "panic: boom", "386:\n  (100 lines more above)\nlate\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
	if got := out.String(); strings.Contains(got, "early") || strings.Contains(got, "simd") {
		t.Errorf("too much:\n%s", got)
	}
	out.Reset()
	if err := printFailures(&out, filepath.Join(t.TempDir(), "totals")); err != nil || out.Len() > 0 {
		t.Errorf("without failures: %v, %q", err, out.String())
	}
}

func TestLog(t *testing.T) {
	var out bytes.Buffer
	l := newLog(&out, false)
	if err := l.read(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	if want := (counts{passed: 2, failed: 2, skipped: 1}); l.counts != want {
		t.Errorf("counts %v, want %v", l.counts, want)
	}
	for _, want := range []string{"FAIL", "a is wrong", "panic: boom"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
	if n := l.report("race", nil); n != 1 {
		t.Errorf("%d unexpected skips without a list, want 1", n)
	}
	if !strings.Contains(out.String(), "TestSkip: no AVX2: on this machine\n") {
		t.Errorf("output lacks the reason of the skip:\n%s", out.String())
	}
	list, err := parsePermits("# comment\n\nrace frame TestSk* no AVX2 here\n")
	if err != nil {
		t.Fatal(err)
	}
	if n := l.report("race", list); n != 0 {
		t.Errorf("%d unexpected skips with a list that has the test", n)
	}
	if n := l.report("386", list); n != 1 {
		t.Errorf("%d unexpected skips in a run that the list does not name, want 1", n)
	}
}

// A subtest that was named "GET /x" stands for itself, not for a test "GET " as well.
func TestLogSlashInTheNameOfASubtest(t *testing.T) {
	var out bytes.Buffer
	l := newLog(&out, false)
	const stream = `{"Action":"run","Package":"p","Test":"TestT"}
{"Action":"run","Package":"p","Test":"TestT/GET_/x"}
{"Action":"pass","Package":"p","Test":"TestT/GET_/x"}
{"Action":"pass","Package":"p","Test":"TestT"}
{"Action":"pass","Package":"p"}
`
	if err := l.read(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	if want := (counts{passed: 1}); l.counts != want {
		t.Errorf("counts %v, want %v\n%s", l.counts, want, out.String())
	}
}

func TestLogBuildFailure(t *testing.T) {
	var out bytes.Buffer
	l := newLog(&out, false)
	err := l.read(strings.NewReader(`{"ImportPath":"p [p.test]","Action":"build-output","Output":"x.go:1: undefined: y\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","Elapsed":0,"FailedBuild":"p [p.test]"}
not JSON
`))
	if err != nil {
		t.Fatal(err)
	}
	if l.counts.failed != 1 || l.counts.passed != 0 {
		t.Errorf("counts %v, want one failure", l.counts)
	}
	for _, want := range []string{"undefined: y", "not JSON"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestPermitsRefusesLineWithoutSentence(t *testing.T) {
	if _, err := parsePermits("race frame TestX\n"); err == nil {
		t.Error("a line without a sentence was taken")
	}
}

func TestTotals(t *testing.T) {
	file := filepath.Join(t.TempDir(), "totals")
	if c, err := readTotals(file); err != nil || c != (counts{}) {
		t.Errorf("missing file: %v, %v", c, err)
	}
	for _, c := range []counts{{3, 0, 1}, {4, 1, 0}} {
		if err := appendTotals(file, "race", c); err != nil {
			t.Fatal(err)
		}
	}
	c, err := readTotals(file)
	if err != nil || c.String() != "7 passed, 1 failed, 1 skipped" {
		t.Errorf("sum %q, %v", c, err)
	}
}

// go test -json tells of a benchmark that it began and what it printed, and no more unless it skipped or failed.
func TestLogBenchmarks(t *testing.T) {
	var out bytes.Buffer
	l := newLog(&out, false)
	err := l.read(strings.NewReader(`{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"BenchmarkA"}
{"Action":"run","Package":"p","Test":"BenchmarkA/x"}
{"Action":"output","Package":"p","Test":"BenchmarkA/x","Output":"BenchmarkA/x-2 1 390.0 ns/op\n"}
{"Action":"run","Package":"p","Test":"BenchmarkA/y"}
{"Action":"skip","Package":"p","Test":"BenchmarkA/y"}
{"Action":"pass","Package":"p","Elapsed":0.02}
`))
	if err != nil {
		t.Fatal(err)
	}
	if want := (counts{passed: 1, skipped: 1}); l.counts != want {
		t.Errorf("counts %v, want %v", l.counts, want)
	}
}
