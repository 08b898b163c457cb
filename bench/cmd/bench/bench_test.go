//go:build linux

package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/choosing"
	"github.com/pushwire/pushwire/bench/deflaters"
	"github.com/pushwire/pushwire/bench/fanout"
	"github.com/pushwire/pushwire/bench/load"
	"github.com/pushwire/pushwire/bench/masking"
	"github.com/pushwire/pushwire/bench/memory"
	"github.com/pushwire/pushwire/bench/openings"
	"github.com/pushwire/pushwire/bench/push"
	"github.com/pushwire/pushwire/bench/report"
	"github.com/pushwire/pushwire/bench/servers"
	"github.com/pushwire/pushwire/bench/streams"
	"github.com/pushwire/pushwire/bench/topicfan"
)

func TestMain(m *testing.M) {
	child.Main()
	fanout.Main()
	topicfan.Main()
	push.Main()
	choosing.Main()
	os.Setenv("GORACE", "atexit_sleep_ms=0") // of the processes that are started: each would sleep a second at its end
	os.Exit(m.Run())
}

// tiny runs everything once, in seconds. What it measures is worth nothing.
var tiny = settings{
	rounds:     1,
	candidates: servers.All,
	calls:      200,
	maskSpan:   time.Nanosecond,
	messages:   20,
	conns:      4,
	span:       20 * time.Millisecond,
	loads:      full.loads,
	counted:    2,
	idle:       50,
	growth:     []int{20, 110},

	growthMessages: 200,

	streams: 20,
	events:  2,

	packedIdle:        10,
	members:           20,
	broadcasts:        2,
	checkedBroadcasts: 33, // more than a cycle
	pushes:            40, // more than the service looks into
	pushing:           4,

	choosing: choosing.Plan{Rounds: 1, Span: 2 * time.Second, Idle: 20, Quiet: 50 * time.Millisecond, Hurry: 10, Fields: choosing.Chromium},
}

// TestMeasurements runs each measurement with each candidate, checks that no
// figure is missing, stores the results and makes the tables from them.
func TestMeasurements(t *testing.T) {
	folder := t.TempDir()
	readme := filepath.Join(folder, "README.md")
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(readme, text, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(measurements)) {
		r := report.New(name)
		if err := measurements[name](tiny, r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, c := range candidatesOf(t, name) {
			if !slices.ContainsFunc(r.Samples, func(s report.Sample) bool { return s.Candidate == c }) {
				t.Errorf("%s: no sample of %s", name, c)
			}
		}
		for _, c := range map[string][]servers.PackedCandidate{
			"deflate-echo": servers.Packing, "deflate-idle": servers.Packing, "deflate-broadcast": servers.Broadcasting,
		}[name] {
			i := slices.IndexFunc(r.Samples, func(s report.Sample) bool { return s.Case == c.Context && s.Candidate == c.Row })
			switch {
			case c.Missing != nil && c.Missing() != "":
				t.Log(c.Missing())
			case i < 0:
				t.Errorf("%s: no sample of %s", name, c.Name)
			case name != "deflate-idle" && r.Samples[i].Values["packed"] != float64(min(len(r.Notes[c.Name]), 1)):
				t.Errorf("%s: of the messages of %s the part %v was compressed after the answer %q", name, c.Name, r.Samples[i].Values["packed"], r.Notes[c.Name])
			}
		}
		for _, call := range countedCalls[name] {
			for _, s := range r.Samples {
				if s.Values[call] <= 0 {
					t.Errorf("%s, %s: %s makes no %s: %s", name, s.Case, s.Candidate, call, countingNeeds)
				}
			}
		}
		file := filepath.Join(folder, name+".json")
		if err := r.Store(file); err != nil {
			t.Fatal(err)
		}
		back, err := report.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(back.Samples) != len(r.Samples) {
			t.Errorf("%s: %d samples were stored, %d came back", name, len(r.Samples), len(back.Samples))
		}
	}
	if err := report.WriteTables(readme, folder); err != nil {
		t.Fatal(err)
	}
}

// countedCalls are those that each sample of a measurement has.
var countedCalls = map[string][]string{
	"echo":              {"reads", "writes", "waits"},
	"deflate-echo":      {"reads", "writes", "waits"},
	"deflate-broadcast": {"writes"},
}

// candidatesOf returns the names of all that take part in a measurement.
func candidatesOf(t *testing.T, measurement string) (names []string) {
	t.Helper()
	if measurement == "deflate" {
		for _, c := range deflaters.Compressors {
			names = append(names, c.Name)
		}
		for _, c := range deflaters.Inflaters {
			names = append(names, c.Name)
		}
		return names
	}
	if measurement == "mask" {
		for _, c := range masking.All {
			names = append(names, c.Name)
		}
		return names
	}
	if measurement == "utf8" {
		for _, v := range validators {
			names = append(names, v.name)
		}
		return names
	}
	if measurement == "eventstream" {
		for _, c := range streams.All {
			names = append(names, c.Name)
		}
		return names
	}
	if strings.HasPrefix(measurement, "deflate-") {
		return nil // see below
	}
	if measurement == "fanout" {
		for _, c := range fanout.All {
			names = append(names, c.Name)
		}
		return names
	}
	if measurement == "topic-fanout" {
		for _, c := range topicfan.All {
			names = append(names, c.Name)
		}
		return names
	}
	if measurement == "webpush" {
		for _, c := range push.All {
			if c.Missing == nil || c.Missing() == "" {
				names = append(names, c.Name)
			}
		}
		return names
	}
	if measurement == "handshake" {
		for _, c := range openings.All {
			names = append(names, c.Name)
		}
		return names
	}
	if measurement == "growth" {
		return growing
	}
	if measurement == "choosing" {
		for _, t := range choosing.Transports {
			names = append(names, t.Name)
		}
		return names
	}
	for _, c := range tiny.candidates {
		echoes, why := c.Echoes()
		if measurement == "frame" {
			echoes = c.InMemory != nil
		}
		if echoes {
			names = append(names, c.Name)
		}
		if why != "" {
			t.Log(why)
		}
	}
	return names
}

// TestReadme holds the tables of README.md to the stored results.
func TestReadme(t *testing.T) {
	want, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(file, want, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteTables(file, "../../results"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("README.md is not what the stored results say: go run ./cmd/bench readme")
	}
	plots, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, plot := range plots {
		want, err := os.ReadFile(plot)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join("../..", filepath.Base(plot))); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the stored results say (%v): go run ./cmd/bench readme", filepath.Base(plot), err)
		}
	}
}

// TestMissingResults: a section without results has nothing in it, and is
// filled once they are there.
func TestMissingResults(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "README.md")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	tables := func() int {
		if err := report.WriteTables(file, folder); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "\n| --- |")
	}
	if n := tables(); n != 0 {
		t.Errorf("%d tables without results", n)
	}
	r := report.New("growth")
	r.Add(report.Sample{Case: report.GrowthCase(1000), Candidate: report.GrowthLimit, Round: 1, Values: map[string]float64{"cpu_us": 2, "resident_bytes": 3}})
	if err := r.Store(filepath.Join(folder, "growth.json")); err != nil {
		t.Fatal(err)
	}
	if n := tables(); n != 3 {
		t.Errorf("%d tables of one measurement, want 3", n)
	}
	if plots, err := filepath.Glob(filepath.Join(folder, "growth-*.svg")); err != nil || len(plots) != 2 {
		t.Errorf("plots %q, error %v", plots, err)
	}
}

// BenchmarkFrame is the first measurement in the form that profilers like.
func BenchmarkFrame(b *testing.B) {
	for _, c := range servers.All {
		if c.InMemory == nil {
			continue
		}
		for _, size := range frameSizes {
			for _, mode := range frameModes {
				name := strings.ReplaceAll(report.FrameCase(mode.String(), size)+"/"+c.Name, " ", "-")
				b.Run(name, func(b *testing.B) { benchmarkFrame(b, c, mode, size) })
			}
		}
	}
}

func benchmarkFrame(b *testing.B, c servers.Candidate, mode servers.Mode, size int) {
	payload := load.Payload(size)
	b.ReportAllocs()
	b.SetBytes(int64(size))
	if err := c.InMemory(memory.New(load.Request(payload), b.N), mode, b.N, payload); err != nil {
		b.Fatal(err)
	}
}
